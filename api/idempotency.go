package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"headroom.dev/headroom"
)

const (
	// idempotencyKind is the kind of the store's objects that hold answers, named by their key.
	idempotencyKind = "idempotency"
	// idempotencyTime is how long an answer can be replayed; clients that retry for longer than a day are rare (Stripe
	// keeps keys for 24 hours too).
	idempotencyTime = 24 * time.Hour
	// sweepEvery bounds how often expired answers are looked for.
	sweepEvery = time.Hour
)

// answerRecord is the answer to a change that was carried out under an Idempotency-Key.
type answerRecord struct {
	Fingerprint string    `json:"fingerprint"` // of method, path and body
	At          time.Time `json:"at"`
	Status      int       `json:"status"`
	Location    string    `json:"location,omitempty"`
	Body        []byte    `json:"body,omitempty"` // as answered, byte for byte
}

// inProgress is the set of keys whose request is being carried out by this process. After a crash there is none: either
// the change and its answer were committed together, or neither was.
type inProgress struct {
	lock  sync.Mutex // guards keys and swept
	keys  map[string]bool
	swept time.Time
}

func (p *inProgress) begin(key string) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.keys[key] {
		return false
	}
	p.keys[key] = true
	return true
}

func (p *inProgress) end(key string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	delete(p.keys, key)
}

// dueForSweep reports, once for each period, that expired answers should be removed.
func (p *inProgress) dueForSweep(now time.Time) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	if now.Sub(p.swept) < sweepEvery {
		return false
	}
	p.swept = now
	return true
}

func fingerprint(method, path string, body []byte) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %s\n", method, path)
	hash.Write(body)
	return hex.EncodeToString(hash.Sum(nil))
}

// recall finds the answer that was given under the exchange's key; nil where there is none.
func (s *server) recall(e *exchange) (*answerRecord, *Problem) {
	var record answerRecord
	err := s.store.Get(idempotencyKind, e.key, &record)
	switch {
	case errors.Is(err, headroom.ErrNotFound):
		return nil, nil
	case err != nil:
		s.logger.Error("cannot read the answer kept under an Idempotency-Key", "requestId", e.id, "error", err)
		return nil, newProblem("unavailable", "the answers kept under an Idempotency-Key cannot be read")
	case s.now().Sub(record.At) >= idempotencyTime:
		return nil, nil
	case record.Fingerprint != e.fingerprint:
		return nil, newProblem("idempotency-mismatch", "the key was used with another method, path or body",
			ProblemValue{Location: "header.Idempotency-Key", Message: "expected a key that was not used for another request", Value: e.key})
	}
	return &record, nil
}

func replay(w http.ResponseWriter, record *answerRecord) {
	header := w.Header()
	header.Set("Idempotency-Replayed", "true")
	if record.Location != "" {
		header.Set("Location", record.Location)
	}
	if len(record.Body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	w.WriteHeader(record.Status)
	// A client that has gone away is not an error of ours.
	_, _ = w.Write(record.Body)
}

func (s *server) idempotencyWrite(e *exchange, status int, location string, body []byte) headroom.Write {
	return headroom.Write{Put: &headroom.Object{Kind: idempotencyKind, Name: e.key, Value: answerRecord{
		Fingerprint: e.fingerprint, At: s.now(), Status: status, Location: location, Body: body,
	}}}
}

// sweep removes expired answers.
func (s *server) sweep() {
	now := s.now()
	if !s.running.dueForSweep(now) {
		return
	}
	var expired []headroom.Write
	err := s.store.List(idempotencyKind, func(name string, data json.RawMessage) error {
		var record answerRecord
		if json.Unmarshal(data, &record) != nil || now.Sub(record.At) >= idempotencyTime {
			expired = append(expired, headroom.Write{Delete: &headroom.ObjectName{Kind: idempotencyKind, Name: name}})
		}
		return nil
	})
	if err == nil && len(expired) > 0 {
		_, err = s.store.Commit(expired...)
	}
	if err != nil {
		s.logger.Warn("cannot remove expired answers kept under Idempotency-Keys", "error", err)
	}
}
