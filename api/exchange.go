package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
)

// exchange is what the API knows of one request beside its parameters. It travels in the request's context.
type exchange struct {
	id     string // X-Request-Id
	actor  string // "token", "local"; empty where not let in
	source string // address of the client
	path   string
	dryRun bool
	reason string // what the client says why
	// ifMatch are the versions that a change is meant for; empty is any.
	ifMatch []string

	// Of an idempotent mutation: the key, empty where none was given, and a hash of method, path and body.
	key         string
	fingerprint string

	lock     sync.Mutex // guards what follows: a change may be committed by another goroutine than the request's
	verb     string     // operation ID: "create-policy"
	object   string     // "policy/shop.cpu-scaling"
	service  string
	before   json.RawMessage
	after    json.RawMessage
	recorded bool     // the audit record has been handed to a commit
	problem  *Problem // what was answered, where it was refused
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request. Outside of one it is a fresh, empty one.
func exchangeOf(ctx context.Context) *exchange {
	if found, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return found
	}
	return &exchange{}
}

func (e *exchange) refused(problem *Problem) {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.problem = problem
}

func (e *exchange) describe(object, service string, before json.RawMessage) {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.object, e.service, e.before = object, service, before
}

// requestID takes over the client's ID where it is sensible, so that a caller can follow a request through several
// programs, and makes one otherwise.
func requestID(r *http.Request) string {
	given := r.Header.Get("X-Request-Id")
	if validToken(given, 128) {
		return given
	}
	return rand.Text()[:16] // 80 random bits
}

// validToken reports whether the text is 1 to most printable ASCII characters without spaces.
func validToken(text string, most int) bool {
	if text == "" || len(text) > most {
		return false
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// answer watches what is written, so that a panic after the head is not answered twice and the audit knows the status.
type answer struct {
	http.ResponseWriter
	status int // 0 before the head
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(data []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
