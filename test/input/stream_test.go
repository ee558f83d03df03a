package input

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

// stream is a client of /api/events.
type stream struct {
	messages chan message // closed at the end of the stream
	cancel   context.CancelFunc
}

type message struct {
	id    string
	data  bool
	entry headroom.Entry
}

// follow opens the stream of all entries after an ID; from now on where it is empty.
func follow(t *testing.T, s *system.System, lastEventID string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.API+"/api/events?kind=all", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/event-stream")
	if lastEventID != "" {
		request.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("the stream is %d %s", response.StatusCode, got)
	}
	st := &stream{messages: make(chan message, 1000), cancel: cancel}
	go func() {
		defer close(st.messages)
		defer response.Body.Close()
		var next message
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			switch field, value, _ := strings.Cut(lines.Text(), ": "); field {
			case "id":
				next.id = value
			case "data":
				next.data = true
				_ = json.Unmarshal([]byte(value), &next.entry) // a message without a number is noticed below
			case "":
				if next.data { // one without says only where the stream is
					st.messages <- next
				}
				next = message{}
			}
		}
	}()
	return st
}

// until reads messages up to one of a kind whose data contains a text, and returns all of them.
func (st *stream) until(t *testing.T, kind headroom.EntryKind, text string) []message {
	t.Helper()
	var read []message
	limit := time.After(20 * time.Second)
	for {
		select {
		case m, open := <-st.messages:
			if !open {
				t.Fatalf("the stream ended before %s %q: %+v", kind, text, read)
			}
			read = append(read, m)
			if m.entry.Kind == kind && strings.Contains(string(m.entry.Data), text) {
				return read
			}
		case <-limit:
			t.Fatalf("no %s with %q came: %+v", kind, text, read)
		}
	}
}

func TestAStreamOfEventsGoesOnWithoutAGapAfterHeadroomWasKilled(t *testing.T) {
	t.Parallel()
	s, first := startTwo(t)
	live := follow(t, s, "")
	if a := send(t, s, http.MethodPost, "/api/scaling/scale", `{"service":"shop","replicas":3,"for":"1h"}`); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.body)
	}
	before := live.until(t, headroom.EntryEvent, `"type":"replica-ready"`)
	last := before[len(before)-1]
	first.Kill()
	for range live.messages { // what was under way; then the stream ends with the process
	}
	s.Run()
	s.WaitReplicas("shop", 3, 20*time.Second)
	if a := send(t, s, http.MethodPost, "/api/scaling/scale", `{"service":"shop","replicas":4,"for":"1h"}`); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.body)
	}
	after := follow(t, s, last.id).until(t, headroom.EntryEvent, `"replica":"shop-4"`)
	next := last.entry.Seq + 1
	for _, m := range after {
		if m.entry.Seq != next || m.id != fmt.Sprint(m.entry.Seq) {
			t.Fatalf("after entry %d comes %d with the ID %s", next-1, m.entry.Seq, m.id)
		}
		next++
	}
	send(t, s, http.MethodGet, "/api/events", "", "Last-Event-ID", "yesterday").refused(t, "a Last-Event-ID that is no number", "Last-Event-ID")
}
