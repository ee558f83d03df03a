package link

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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

// Refusal is an error that a role answered with, as opposed to the role being away.
type Refusal struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

func (r *Refusal) Error() string { return r.Message }

// Answer writes a result, or an error as a Refusal with status 422.
func Answer(w http.ResponseWriter, result any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		result = Refusal{Status: http.StatusUnprocessableEntity, Message: err.Error()}
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
