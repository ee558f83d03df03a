package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"headroom.dev/headroom"
)

// Problem is every error answer: problem details of RFC 9457 with a stable code and a hint.
type Problem struct {
	Type      string         `json:"type" doc:"where the kind of problem is described" example:"/docs#problem-invalid-value"`
	Title     string         `json:"title" doc:"the kind of problem in words, the same each time" example:"A value cannot be accepted"`
	Status    int            `json:"status" doc:"HTTP status" example:"422"`
	Detail    string         `json:"detail" doc:"what was wrong this time" example:"body.replicas: expected number >= 1"`
	Code      string         `json:"code" doc:"the kind of problem for programs, stable" example:"invalid-value"`
	Hint      string         `json:"hint" doc:"what to do about it" example:"correct the named values and send the request again"`
	RequestID string         `json:"requestId,omitempty" doc:"the same as the X-Request-Id header; headroom's log has it too" example:"QVJSDLPEYB5NQ3GX"`
	Errors    []ProblemValue `json:"errors,omitempty" doc:"each value that was wrong"`

	Gate *headroom.GateReport `json:"gate,omitempty" doc:"of the code worse: how the change and what is in force did"`
}

// ProblemValue is one value that cannot be accepted.
type ProblemValue struct {
	Location string `json:"location" doc:"where it is: body.FIELD, query.NAME, path.NAME or header.NAME" example:"body.replicas"`
	Message  string `json:"message" doc:"what was expected" example:"expected number >= 1"`
	Value    any    `json:"value,omitempty" doc:"what was given" example:"0"`
}

// Error returns what was wrong.
func (p *Problem) Error() string { return p.Detail }

// GetStatus makes huma answer with the status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes huma answer with the media type of RFC 9457.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// problemKind is what all problems of one code have in common.
type problemKind struct {
	code   string
	status int
	title  string
	hint   string
}

// The kinds of problems; /docs lists them.
func problemKinds() []problemKind {
	return []problemKind{
		{"malformed-body", http.StatusBadRequest, "The body is not valid JSON", "send one JSON object; /docs shows an example of each"},
		{"unauthorized", http.StatusUnauthorized, "The token is missing or wrong", "send the header Authorization: Bearer TOKEN; the token is api.token of the config, or in the file api-token of the state directory"},
		{"forbidden-host", http.StatusForbidden, "The host name is not this machine's", "without a token the API answers only to localhost and loopback addresses; set api.token in the config to use another name"},
		{"cross-origin", http.StatusForbidden, "A page of another site sent this", "changes are taken from programs and from this API's own origin only"},
		{"unknown-route", http.StatusNotFound, "There is no such path", "/docs lists every path"},
		{"unknown-name", http.StatusNotFound, "Nothing has this name", "check the name; the lists of the API and `headroom status` show what there is"},
		{"method-not-allowed", http.StatusMethodNotAllowed, "The path does not take this method", "use one of the methods in the Allow header"},
		{"conflict", http.StatusConflict, "The change does not fit the present state", "look at the present state and decide again"},
		{"worse", http.StatusConflict, "The change would do worse than what is in force", "change the policy, or what gate.moreOutside and gate.moreCost allow; gate in this answer has both results"},
		{"idempotency-in-progress", http.StatusConflict, "A request with this Idempotency-Key is being carried out", "wait and send the same request again to get its result"},
		{"changed", http.StatusPreconditionFailed, "It is not as If-Match says any more", "get it again, look at what has changed, and send the change with the new ETag"},
		{"body-too-large", http.StatusRequestEntityTooLarge, "The body is too large", "send at most 1 MiB"},
		{"unsupported-media-type", http.StatusUnsupportedMediaType, "The body is not declared as JSON", "send the header Content-Type: application/json"},
		{"invalid-value", http.StatusUnprocessableEntity, "A value cannot be accepted", "correct the named values and send the request again"},
		{"idempotency-mismatch", http.StatusUnprocessableEntity, "The Idempotency-Key was used for another request", "use a new key for each new change, and the same key only to repeat a request unchanged"},
		{"internal", http.StatusInternalServerError, "Headroom failed to answer", "look into headroom's log for the request ID, and report it if it stays"},
		{"unavailable", http.StatusServiceUnavailable, "A part of headroom cannot be reached", "try again shortly; /api/monitor/health says which part"},
		{"disk-full", http.StatusInsufficientStorage, "There is no space left for the state", "free space on the disk that holds state.dir; nothing was changed, the services go on, and changes are taken again as soon as there is space"},
		{"not-ready", http.StatusServiceUnavailable, "Headroom is not ready", "wait; the errors say for what"},
	}
}

// newProblem makes a problem of a kind. An unknown code is answered as internal.
func newProblem(code, detail string, values ...ProblemValue) *Problem {
	kinds := problemKinds()
	for _, kind := range kinds {
		if kind.code == code {
			return &Problem{
				Type: "/docs#problem-" + code, Title: kind.title, Status: kind.status, Detail: detail,
				Code: code, Hint: kind.hint, Errors: values,
			}
		}
	}
	return newProblem("internal", detail, values...)
}

// problemOf turns an error of the rooms below into a problem. The text of an unexpected error is logged, not answered,
// since it may hold what a client should not see.
func (s *server) problemOf(ctx context.Context, err error) error {
	var (
		problem  *Problem
		invalid  *headroom.InvalidError
		unknown  *headroom.UnknownNameError
		conflict *headroom.ConflictError
		changed  *headroom.ChangedError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &problem):
		return err // with its headers, where it has any
	case errors.As(err, &invalid):
		return invalidProblem(invalidOf(err))
	case errors.As(err, &unknown):
		return newProblem("unknown-name", unknown.Error())
	case errors.As(err, &conflict):
		return newProblem("conflict", conflict.Error())
	case errors.As(err, &changed):
		return huma.ErrorWithHeaders(newProblem("changed", changed.Error()), http.Header{"ETag": {etag(changed.Version)}})
	case errors.Is(err, ErrUnavailable):
		return huma.ErrorWithHeaders(newProblem("unavailable", err.Error()), http.Header{"Retry-After": {"1"}})
	case errors.Is(err, context.DeadlineExceeded):
		return newProblem("unavailable", "the answer took too long: "+err.Error())
	}
	exchange := exchangeOf(ctx)
	if full := fullDisk(err); full != nil {
		s.logger.Error("a change cannot be stored", "verb", exchange.verb, "path", exchange.path, "requestId", exchange.id, "error", err)
		return newProblem("disk-full", "the change cannot be stored: "+full.Error())
	}
	if ctx.Err() == nil {
		s.logger.Error("cannot answer a request", "verb", exchange.verb, "path", exchange.path, "requestId", exchange.id, "error", err)
	}
	return newProblem("internal", "an unexpected error, logged with request ID "+exchange.id)
}

// located says in which part of the request the field of an InvalidError is: Control and Monitor do not know that.
func located(part string, err error) error {
	all := invalidOf(err)
	if len(all) == 0 {
		return err
	}
	errs := make([]error, len(all))
	for i, invalid := range all {
		at := *invalid
		if !slices.ContainsFunc([]string{"body", "query.", "path.", "header."}, func(known string) bool { return strings.HasPrefix(at.Field, known) }) {
			at.Field = part + "." + at.Field
		}
		errs[i] = &at
	}
	return errors.Join(errs...)
}

// fullDisk is what the system says where a disk, or what a user may have of it, is full; nil for any other error.
func fullDisk(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, full) {
			return full
		}
	}
	return nil
}

// invalidOf lists all values that an error says cannot be accepted.
func invalidOf(err error) []*headroom.InvalidError {
	switch err := err.(type) {
	case *headroom.InvalidError:
		return []*headroom.InvalidError{err}
	case interface{ Unwrap() []error }:
		var all []*headroom.InvalidError
		for _, one := range err.Unwrap() {
			all = append(all, invalidOf(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		return invalidOf(err.Unwrap())
	default:
		return nil
	}
}

// invalidProblem is made of at least one value that cannot be accepted.
func invalidProblem(all []*headroom.InvalidError) *Problem {
	values := make([]ProblemValue, len(all))
	for i, invalid := range all {
		values[i] = ProblemValue{Location: invalid.Field, Message: invalid.Expected}
		if invalid.Value != "" {
			values[i].Value = clip(invalid.Value)
		}
	}
	detail := all[0].Error()
	if more := len(all) - 1; more > 0 {
		detail += fmt.Sprintf(" (and %d more)", more)
	}
	return newProblem("invalid-value", detail, values...)
}

// finish turns huma's own errors (of validation and of reading) into problems, and remembers what was answered for the
// audit log. Huma calls it with every body before writing it.
func (s *server) finish(ctx huma.Context, _ string, body any) (any, error) {
	exchange := exchangeOf(ctx.Context())
	problem, ok := body.(*Problem)
	if model, isModel := body.(*huma.ErrorModel); isModel {
		problem, ok = modelProblem(model, ctx.Operation()), true
	}
	if !ok {
		return body, nil
	}
	answered := *problem
	answered.RequestID = exchange.id
	exchange.refused(&answered)
	return &answered, nil
}

func modelProblem(model *huma.ErrorModel, operation *huma.Operation) *Problem {
	code := "internal"
	switch model.Status {
	case http.StatusBadRequest:
		code = "malformed-body"
	case http.StatusUnprocessableEntity:
		code = "invalid-value"
	case http.StatusUnsupportedMediaType:
		code = "unsupported-media-type"
	}
	problem := newProblem(code, model.Detail)
	for _, detail := range model.Errors {
		value := ProblemValue{Location: detail.Location, Message: detail.Message}
		// For an unknown or missing field huma gives the whole object, and for malformed JSON the whole body; the location
		// says enough.
		switch given := detail.Value.(type) {
		case map[string]any, []any:
		case string:
			if code != "malformed-body" {
				value.Value = clip(given)
			}
		default:
			value.Value = given
		}
		problem.Errors = append(problem.Errors, plainly(value))
	}
	// A misspelled field is both unknown and missing; the spelling is what helps.
	slices.SortStableFunc(problem.Errors, func(a, b ProblemValue) int { return strings.Compare(a.order(), b.order()) })
	if len(problem.Errors) > 0 {
		problem.Detail = problem.Errors[0].sentence()
		if more := len(problem.Errors) - 1; more > 0 {
			problem.Detail += fmt.Sprintf(" (and %d more)", more)
		}
	}
	if example := requestExample(operation); example != "" {
		problem.Hint += "; a valid body is " + example
	}
	return problem
}

const (
	messageMissing = "is missing"
	messageUnknown = "there is no such field"
)

// plainly says huma's messages about missing and unknown fields at the field itself, in the user's words.
func plainly(value ProblemValue) ProblemValue {
	if name, ok := strings.CutPrefix(value.Message, "expected required property "); ok {
		name, _, _ = strings.Cut(name, " ")
		return ProblemValue{Location: value.Location + "." + name, Message: messageMissing}
	}
	if value.Message == validation.MsgUnexpectedProperty {
		return ProblemValue{Location: value.Location, Message: messageUnknown}
	}
	return value
}

// order sorts unknown fields before wrong values before missing fields.
func (v ProblemValue) order() string {
	switch v.Message {
	case messageUnknown:
		return "0"
	case messageMissing:
		return "2"
	}
	return "1"
}

func (v ProblemValue) sentence() string {
	text := v.Location + ": " + v.Message
	switch v.Value.(type) {
	case string:
		text += fmt.Sprintf(", not %q", v.Value)
	case float64, int, int64, bool:
		text += fmt.Sprintf(", not %v", v.Value)
	}
	return strings.TrimPrefix(text, ": ")
}

// requestExample is an operation's example body on one line; empty where it takes none.
func requestExample(operation *huma.Operation) string {
	if operation == nil || operation.RequestBody == nil {
		return ""
	}
	media := operation.RequestBody.Content["application/json"]
	if media == nil || media.Example == nil {
		return ""
	}
	text, err := json.Marshal(media.Example)
	if err != nil {
		return ""
	}
	return string(text)
}

// clip shortens a text that is echoed to a client: 200 bytes tell which value it was.
func clip(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// writeProblem answers a request that did not get as far as huma.
func writeProblem(w http.ResponseWriter, r *http.Request, problem *Problem) {
	exchange := exchangeOf(r.Context())
	problem.RequestID = exchange.id
	exchange.refused(problem)
	body, err := json.Marshal(problem)
	if err != nil {
		body = []byte(`{"code":"internal"}`)
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(problem.Status)
	// A client that has gone away is not an error of ours.
	_, _ = w.Write(append(body, '\n'))
}
