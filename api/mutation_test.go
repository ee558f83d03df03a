package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
)

const scaleToFour = `{"service":"shop","replicas":4}`

func TestARepeatedRequestIsCarriedOutOnceAlsoOverARestart(t *testing.T) {
	w := newWorld(t)
	first := w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
	if first.header.Get("Idempotency-Replayed") != "" {
		t.Error("the first answer claims to be a replay")
	}
	for range 2 {
		again := w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
		if again.header.Get("Idempotency-Replayed") != "true" || !bytes.Equal(again.body, first.body) ||
			again.header.Get("Content-Type") != first.header.Get("Content-Type") {
			t.Errorf("answered %s %v, not as the first time %s", again.body, again.header, first.body)
		}
		w.restart()
	}
	if w.control.scaled != 1 {
		t.Errorf("scaled %d times", w.control.scaled)
	}
	if records := w.audit(); len(records) != 1 {
		t.Errorf("the audit log has %d records", len(records))
	}
}

func TestEveryMutationCanBeReplayed(t *testing.T) {
	w := newWorld(t)
	requests := bodies()
	requests["POST /api/stop"] = ""
	for endpoint, body := range requests {
		method, path, _ := strings.Cut(endpoint, " ")
		first := w.do(method, path, body, "Idempotency-Key", method+path)
		if first.status >= 300 {
			t.Fatalf("%s: answered %d %s", endpoint, first.status, first.body)
		}
		w.restart()
		again := w.do(method, path, body, "Idempotency-Key", method+path)
		if again.header.Get("Idempotency-Replayed") != "true" || again.status != first.status || !bytes.Equal(again.body, first.body) ||
			again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%s: answered %d %s %q, not %d %s %q", endpoint, again.status, again.body, again.header.Get("Location"),
				first.status, first.body, first.header.Get("Location"))
		}
	}
	// A removal has no body, and what it removed is gone.
	added := into[headroom.Backend](t, w.expect(http.StatusCreated, "POST", "/api/balancer/backends", `{"service":"shop","address":"127.0.0.1:9009"}`))
	for range 2 {
		if got := w.expect(http.StatusNoContent, "DELETE", "/api/balancer/backends/"+added.ID, "", "Idempotency-Key", "remove"); len(got.body) > 0 {
			t.Errorf("answered %s", got.body)
		}
	}
}

func TestAKeyIsNotForAnotherRequest(t *testing.T) {
	w := newWorld(t)
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
	w.refuse(http.StatusUnprocessableEntity, "idempotency-mismatch", "POST", "/api/scaling/scale", `{"service":"shop","replicas":5}`, "Idempotency-Key", "k1")
	w.refuse(http.StatusUnprocessableEntity, "idempotency-mismatch", "POST", "/api/stop", "", "Idempotency-Key", "k1")
	for _, bad := range []string{"two words", strings.Repeat("k", 256), "é"} {
		w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", bad)
	}
	if w.control.desired != 4 {
		t.Errorf("%d replicas are desired", w.control.desired)
	}
}

func TestAKeyInProgressIsAConflict(t *testing.T) {
	w := newWorld(t)
	w.control.entered, w.control.release = make(chan struct{}), make(chan struct{})
	answered := make(chan reply)
	go func() { answered <- w.do("POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1") }()
	<-w.control.entered
	w.refuse(http.StatusConflict, "idempotency-in-progress", "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
	w.control.release <- struct{}{}
	if got := <-answered; got.status != http.StatusAccepted {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	if got := w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1"); got.header.Get("Idempotency-Replayed") != "true" {
		t.Error("it is not replayed afterwards")
	}
}

func TestARefusedRequestMaySucceedLaterUnderTheSameKey(t *testing.T) {
	w := newWorld(t)
	w.control.fail = &headroom.ConflictError{Reason: "another change is under way"}
	w.refuse(http.StatusConflict, "conflict", "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
	w.control.fail = nil
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
}

func TestAnAnswerIsKeptFor24Hours(t *testing.T) {
	w := newWorld(t)
	start := time.Now()
	w.now = func() time.Time { return start }
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
	w.now = func() time.Time { return start.Add(24*time.Hour - time.Second) }
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
	if w.control.scaled != 1 {
		t.Fatalf("scaled %d times within 24 h", w.control.scaled)
	}
	w.now = func() time.Time { return start.Add(26 * time.Hour) }
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k2")
	var record answerRecord
	if err := w.store.Get(idempotencyKind, "k1", &record); !errors.Is(err, headroom.ErrNotFound) {
		t.Errorf("the expired answer is still kept: %v", err)
	}
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
	if w.control.scaled != 3 {
		t.Errorf("scaled %d times", w.control.scaled)
	}
}

func TestADryRunChangesNothingAndKeepsNoAnswer(t *testing.T) {
	w := newWorld(t)
	for endpoint, body := range bodies() {
		method, path, _ := strings.Cut(endpoint, " ")
		if got := w.do(method, path+"?dryRun=true", body, "Idempotency-Key", "k1"); got.status >= 300 {
			t.Errorf("%s: a dry run is answered %d %s", endpoint, got.status, got.body)
		}
	}
	w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/scaling/scale?dryRun=true", `{"service":"shop","replicas":99}`)
	if w.control.scaled != 0 || len(w.control.policies) != 1 || len(w.control.backends) != 1 || w.control.backends[0].Weight != 1 || len(w.monitor.rules) != 0 {
		t.Error("a dry run changed something")
	}
	err := w.store.List(idempotencyKind, func(name string, _ json.RawMessage) error {
		t.Errorf("the answer under %s is kept", name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range w.audit() {
		if !record.DryRun {
			t.Errorf("the audit log has %+v, which is not marked as a dry run", record)
		}
	}
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
}

func TestEveryChangeIsInTheAuditLog(t *testing.T) {
	w := newWorld(t)
	w.expect(http.StatusOK, "PUT", "/api/scaling/policies/shop.memory", `{"metric":"memory","threshold":90,"action":"scale-up"}`, "X-Request-Id", "r1")
	w.expect(http.StatusCreated, "POST", "/api/balancer/backends", `{"service":"shop","address":"127.0.0.1:9001"}`)
	w.expect(http.StatusCreated, "POST", "/api/monitor/alerts", `{"name":"Busy","expr":"up"}`)
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale?dryRun=true", scaleToFour)
	w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/scaling/scale", `{"service":"shop","replicas":99}`)
	w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/scaling/scale", `{"service":"shop","replicas":"x"}`)
	w.expect(http.StatusOK, "GET", "/api/scaling/status", "") // reading is not a change

	type line struct {
		verb, object, outcome string
		dryRun                bool
	}
	var lines []line
	records := w.audit()
	for _, record := range records {
		outcome, _, _ := strings.Cut(record.Outcome, ": body")
		lines = append(lines, line{record.Verb, record.Object, outcome, record.DryRun})
		if record.Actor != "local" || record.Source == "" || record.RequestID == "" {
			t.Errorf("record %+v does not say who it was", record)
		}
	}
	want := []line{
		{"scale-service", "/api/scaling/scale", "refused: invalid-value", false},
		{"scale-service", "service/shop", "refused: invalid-value", false},
		{"scale-service", "service/shop", "checked", true},
		{"create-alert-rule", "alert-rule/Busy", "done", false},
		{"add-backend", "backend/shop-api-1", "done", false},
		{"update-policy", "policy/shop.memory", "done", false},
	}
	if len(lines) != len(want) {
		t.Fatalf("the audit log has %+v", lines)
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("record %d is %+v, not %+v", i, lines[i], want[i])
		}
	}
	update := records[5]
	if update.RequestID != "r1" || !strings.Contains(string(update.Before), `"threshold":80`) || !strings.Contains(string(update.After), `"threshold":90`) {
		t.Errorf("the update is recorded as %+v, before %s, after %s", update, update.Before, update.After)
	}
}

func TestAChangeThatAFullDiskCannotTakeIsRefusedAsThatAndLeavesNoTrace(t *testing.T) {
	w := newWorld(t)
	w.control.store = refusingStore{w.store}
	problem := w.refuse(http.StatusInsufficientStorage, "disk-full", "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
	if problem.Detail != "the change cannot be stored: no space left on device" {
		t.Errorf("detail is %q", problem.Detail)
	}
	var record answerRecord
	if err := w.store.Get(idempotencyKind, "k1", &record); !errors.Is(err, headroom.ErrNotFound) {
		t.Errorf("an answer is kept: %+v, %v", record, err)
	}
	w.control.store = w.store
	w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", scaleToFour, "Idempotency-Key", "k1")
	if w.control.scaled != 1 {
		t.Errorf("scaled %d times", w.control.scaled)
	}
}

// refusingStore is a store on a full disk.
type refusingStore struct{ headroom.Store }

func (refusingStore) Commit(...headroom.Write) ([]headroom.Entry, error) {
	return nil, fmt.Errorf("commit to the state file: %w", &fs.PathError{Op: "write", Path: "state.db", Err: syscall.ENOSPC})
}

// FuzzBodies: whatever is sent, the answer is not an internal error, and nothing panics.
func FuzzBodies(f *testing.F) {
	for _, body := range bodies() {
		f.Add(body, "k1", "")
	}
	f.Add(`{"service":"shop","replicas":1e100}`, "", "dryRun=true")
	f.Add(`{"service":"shop","replicas":4,"for":"99999999999h"}`, "", "")
	f.Add(`{"name":"x","expr":"up","for":"36501d"}`, "", "")
	f.Add(`{"threshold":1e999,"metric":"cpu","action":"scale-up"}`, "", "x=%zz")
	f.Add(strings.Repeat(`[`, 20000), "\xff", "")
	f.Add(`{"a":{"b":[{"c":1,"c":2}]}}`, "", "dryRun")
	w := newWorld(f)
	paths := bodies()
	f.Fuzz(func(t *testing.T, body, key, query string) {
		w.t = t
		for endpoint := range paths {
			method, path, _ := strings.Cut(endpoint, " ")
			r, err := http.NewRequest(method, "http://127.0.0.1:7070"+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.URL.RawQuery = query
			r.Header.Set("Content-Type", "application/json")
			if key != "" {
				r.Header["Idempotency-Key"] = []string{key}
			}
			if got := w.send(r); got.status >= 500 {
				t.Errorf("%s %q: answered %d %s", endpoint, body, got.status, got.body)
			}
		}
	})
}
