package main

import (
	"context"
	"errors"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api/client"
)

// connect makes a client of the running headroom; nothing is sent yet.
func (a *app) connect() (*client.Client, error) {
	target, err := a.target()
	if err != nil {
		return nil, err
	}
	return client.New(target.url, target.token)
}

// errorMessage is what was wrong, without what to do about it.
func errorMessage(err error) string {
	var refused *client.Error
	var hinted *hintedError
	if errors.As(err, &refused) && !errors.As(err, &hinted) {
		return refused.Detail
	}
	return err.Error()
}

// errorHint is what to do about an error; empty where it says so itself.
func errorHint(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	var refused *client.Error
	if errors.As(err, &refused) {
		return refused.Problem.Hint
	}
	var unreachable *client.UnreachableError
	if errors.As(err, &unreachable) {
		return "another address can be given by --api or HEADROOM_API"
	}
	return ""
}

// unknownCode is what the API answers where nothing has a name.
const unknownCode = "unknown-name"

func isUnknown(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Code == unknownCode
}

// suggest adds the nearest name to an error that says that there is no such name.
func (a *app) suggest(ctx context.Context, remote *client.Client, ask names, name string, err error) error {
	if !isUnknown(err) {
		return err
	}
	known, askErr := ask(ctx, remote)
	near := headroom.Nearest(name, known)
	if askErr != nil || near == "" {
		return err // which has a hint of its own
	}
	return &hintedError{errors.New(errorMessage(err)), didYouMean(name, known)}
}

func (a *app) suggestService(ctx context.Context, remote *client.Client, name string, err error) error {
	return a.suggest(ctx, remote, serviceNames, name, err)
}

func (a *app) suggestBackend(ctx context.Context, remote *client.Client, id string, err error) error {
	return a.suggest(ctx, remote, backendIDs, id, err)
}

// checkService says when there is no such service. Lists from the journal are empty then, and no error.
func (a *app) checkService(ctx context.Context, remote *client.Client, name string) error {
	if name == "" {
		return nil
	}
	_, err := remote.Status(ctx, name)
	if !isUnknown(err) {
		return nil
	}
	return a.suggestService(ctx, remote, name, err)
}
