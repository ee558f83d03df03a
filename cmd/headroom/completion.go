package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api/client"
	"headroom.dev/headroom/scaling/record"
)

// completionTimeout is how long a person who pressed Tab may wait for names of a headroom that does not answer.
const completionTimeout = time.Second

// names asks a running headroom for names that may stand on the command line.
type names func(context.Context, *client.Client) ([]string, error)

// complete offers names, and silently none where headroom cannot be asked.
func (a *app) complete(ask names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionTimeout)
		defer cancel()
		remote, err := a.connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, err := ask(ctx, remote)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeOne offers names for the first argument only.
func (a *app) completeOne(ask names) cobra.CompletionFunc {
	all := a.complete(ask)
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return all(cmd, args, toComplete)
	}
}

// completeSecond offers names for the second argument only.
func (a *app) completeSecond(ask names) cobra.CompletionFunc {
	all := a.complete(ask)
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) != 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return all(cmd, args, toComplete)
	}
}

func serviceNames(ctx context.Context, remote *client.Client) ([]string, error) {
	services, err := remote.Status(ctx, "")
	return namesOf(services, func(s headroom.ServiceStatus) string { return s.Name }), err
}

// logNames are services and SERVICE/REPLICA.
func logNames(ctx context.Context, remote *client.Client) ([]string, error) {
	services, err := remote.Status(ctx, "")
	var found []string
	for _, service := range services {
		found = append(found, service.Name)
		for _, replica := range service.Replicas {
			found = append(found, service.Name+"/"+replica.Name)
		}
	}
	return found, err
}

// explainNames are services and the newest decisions that changed something.
func explainNames(ctx context.Context, remote *client.Client) ([]string, error) {
	found, err := serviceNames(ctx, remote)
	if err != nil {
		return nil, err
	}
	decisions, err := remote.Decisions(ctx, client.ListOptions{Limit: 10}, true)
	return append(found, namesOf(decisions, func(d record.Listed) string { return d.ID })...), err
}

func backendIDs(ctx context.Context, remote *client.Client) ([]string, error) {
	backends, err := remote.Backends(ctx, "")
	return namesOf(backends, func(b headroom.BackendStatus) string { return b.ID }), err
}

func policyIDs(ctx context.Context, remote *client.Client) ([]string, error) {
	policies, err := remote.Policies(ctx, "")
	return namesOf(policies, func(p headroom.Policy) string { return p.ID }), err
}

func namesOf[T any](list []T, name func(T) string) []string {
	var found []string
	for _, item := range list {
		found = append(found, name(item))
	}
	return found
}
