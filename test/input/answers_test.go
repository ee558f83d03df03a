package input

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"headroom.dev/headroom/test/system"
)

// problem is an error answer of the API.
type problem struct {
	Title, Detail, Code, Hint string
	Status                    int
}

// answer is any answer of the API.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	problem problem // of an error
}

// send sends a request to the API. headers are NAME, VALUE, NAME, VALUE.
func send(t *testing.T, s *system.System, method, path, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+s.API+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	if a.status >= 400 {
		if err := json.Unmarshal(a.body, &a.problem); err != nil {
			t.Errorf("%s %s: %d with a body that is no JSON: %s", method, path, a.status, a.body)
		}
	}
	return a
}

// refused fails the test unless an answer is problem details with a status from 400 to 499, a detail that has each text,
// and a hint.
func (a answer) refused(t *testing.T, what string, texts ...string) {
	t.Helper()
	if a.status < 400 || a.status > 499 || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %s: %s", what, a.status, a.header.Get("Content-Type"), a.body)
		return
	}
	if a.problem.Detail == "" || a.problem.Hint == "" || a.problem.Title == "" || a.problem.Status != a.status {
		t.Errorf("%s: an incomplete problem: %s", what, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.problem.Detail, text) {
			t.Errorf("%s: the detail should say %q: %s", what, text, a.body)
		}
	}
}

// decoded reads JSON.
func decoded[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return value
}

var errNoReplica = errors.New("no replica runs")

// argumentsHave says whether a word is among the arguments of a process.
func argumentsHave(pid int, word string) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return err
	}
	for argument := range strings.SplitSeq(string(text), "\x00") {
		if argument == word {
			return nil
		}
	}
	return fmt.Errorf("process %d is %q", pid, text)
}
