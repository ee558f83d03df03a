package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"headroom.dev/headroom"
)

// Call posts a request to a role and reads its answer; both are JSON. answer may be nil.
func Call(ctx context.Context, client *http.Client, path string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	posted, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://role"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	posted.Header.Set("Content-Type", "application/json")
	response, err := client.Do(posted)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return readRefusal(response)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// Refusal is an error that a role answered with, as opposed to the role being away. Errors that callers tell apart come
// out of Call as they went into Answer.
type Refusal struct {
	Message string                     `json:"message"`
	Invalid *headroom.InvalidError     `json:"invalid,omitempty"`
	Unknown *headroom.UnknownNameError `json:"unknown,omitempty"`
}

func (r *Refusal) Error() string { return r.Message }

// Unwrap returns the error that was answered, where its type matters.
func (r *Refusal) Unwrap() error {
	switch {
	case r.Invalid != nil:
		return r.Invalid
	case r.Unknown != nil:
		return r.Unknown
	default:
		return nil
	}
}

// Answer writes a result, or an error as a Refusal with status 422.
func Answer(w http.ResponseWriter, result any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		refusal := Refusal{Message: err.Error()}
		if !errors.As(err, &refusal.Invalid) {
			errors.As(err, &refusal.Unknown)
		}
		result = refusal
	}
	_ = json.NewEncoder(w).Encode(result) // a failure means that the client is gone
}

func readRefusal(response *http.Response) error {
	var refusal Refusal
	if err := json.NewDecoder(response.Body).Decode(&refusal); err != nil || refusal.Message == "" {
		return fmt.Errorf("the other role answered %s", response.Status)
	}
	return &refusal
}
