package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"headroom.dev/headroom"
)

// A mutation is recorded as follows.
//
//   - Carried out: its audit record, and with an Idempotency-Key the answer, are committed together with the change
//     (headroom.Change.Also). Where the change is not made in our store they are committed right after it.
//   - A dry run: an audit record with dryRun, nothing else. Its Idempotency-Key is not looked at.
//   - Refused, by validation or by the present state: an audit record with what was answered. Nothing is kept under the
//     key, so that the same request may succeed later.
//   - Not let in (401, 403): only a line in the log, so that a stranger cannot fill the disk.

// ChangeInput is what every mutation takes beside its body. (Huma only sees embedded types that are exported.)
type ChangeInput struct {
	DryRun bool   `query:"dryRun" doc:"check everything and answer as if, but change nothing"`
	Reason string `query:"reason" maxLength:"1000" doc:"why, for the audit log" example:"the canary is well"`
	Key    string `header:"Idempotency-Key" maxLength:"255" doc:"a random text of the client's; a request that is repeated with the same key within 24 hours is carried out once and answered as the first time"`
}

// mutation is one change that a handler makes. T is what Control or Monitor answers with.
type mutation[T any] struct {
	object  string // "policy/shop.cpu-scaling"; with named where it is known only afterwards
	named   func(T) string
	service string
	before  any // the state before; nil where there is none
	// versioned is true where run heeds Change.IfMatch.
	versioned bool
	status    int
	// location is the path of what was created; nil where nothing is.
	location func(T) string
	// answer is the body; nil where the result is the body itself.
	answer func(T) any
	run    func(headroom.Change) (T, error)
}

// mutate carries out a change and sees to its records.
func mutate[T any](ctx context.Context, s *server, m mutation[T]) (T, error) {
	exchange := exchangeOf(ctx)
	exchange.describe(m.object, m.service, rawJSON(m.before))
	if len(exchange.ifMatch) > 0 && !m.versioned {
		var none T
		return none, &headroom.InvalidError{Field: "header.If-Match", Expected: "is not for this change, which has no version: leave it out"}
	}
	change := headroom.Change{DryRun: exchange.dryRun, Reason: exchange.reason, IfMatch: exchange.ifMatch}
	// Called while the scaler holds its locks: it must not call Control.
	change.Also = func(result any) ([]headroom.Write, error) {
		typed, err := resultAs[T](result)
		if err != nil {
			return nil, err
		}
		return s.recordsOf(exchange, m, typed)
	}
	result, err := m.run(change)
	if err != nil {
		return result, s.problemOf(ctx, located("body", err))
	}
	if exchange.isRecorded() {
		return result, nil
	}
	writes, err := s.recordsOf(exchange, m, result)
	if err == nil {
		_, err = s.store.Commit(writes...)
	}
	if err != nil {
		// The change itself is made, or would be: that is what the client must be told.
		s.logger.Error("cannot record a change in the audit log", "requestId", exchange.id, "verb", exchange.verb, "error", err)
	}
	return result, nil
}

// recordsOf makes the audit record of a successful change and, unless it is a dry run or has no key, the record of its
// answer.
func (s *server) recordsOf(e *exchange, m interface{ describe(any) described }, result any) ([]headroom.Write, error) {
	d := m.describe(result)
	body, err := encode(d.answer)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	e.lock.Lock()
	e.recorded, e.after, e.object = true, body, d.object
	e.lock.Unlock()
	outcome := "done"
	if e.dryRun {
		outcome = "checked"
	}
	audit, err := s.auditWrite(e, outcome)
	if err != nil {
		return nil, err
	}
	writes := []headroom.Write{audit}
	if e.key == "" || e.dryRun {
		return writes, nil
	}
	if d.status == http.StatusNoContent {
		body = nil
	}
	return append(writes, s.idempotencyWrite(e, d.status, d.location, body)), nil
}

type described struct {
	object, location string
	status           int
	answer           any
}

func (m mutation[T]) describe(result any) described {
	typed, _ := result.(T)
	d := described{object: m.object, status: m.status, answer: any(typed)}
	if m.named != nil {
		d.object = m.named(typed)
	}
	if m.location != nil {
		d.location = m.location(typed)
	}
	if m.answer != nil {
		d.answer = m.answer(typed)
	}
	return d
}

// resultAs checks what Change.Also was called with. Changes without a result may pass nil.
func resultAs[T any](result any) (T, error) {
	var none T
	switch typed := result.(type) {
	case nil:
		return none, nil
	case T:
		return typed, nil
	case *T:
		return *typed, nil
	}
	return none, fmt.Errorf("a change reported a %T where a %T was expected", result, none)
}

func (e *exchange) isRecorded() bool {
	e.lock.Lock()
	defer e.lock.Unlock()
	return e.recorded
}

// rawJSON encodes a value for the audit log; nil where there is none.
func rawJSON(value any) json.RawMessage {
	if value == nil {
		return nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return data
}
