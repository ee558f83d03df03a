package api

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

// follow opens a stream and returns its messages, each as "id event data", and "heartbeat" for comments.
func follow(t *testing.T, server *httptest.Server, query string, headers ...string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("answered %d %v", response.StatusCode, response.Header)
	}
	messages := make(chan string, 10_000)
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		defer close(messages)
		defer response.Body.Close()
		scanner := bufio.NewScanner(response.Body)
		scanner.Buffer(nil, 1<<20)
		id, event := "", ""
		for scanner.Scan() {
			name, value, _ := strings.Cut(scanner.Text(), ": ")
			switch name {
			case "id":
				id = value
			case "event":
				event = value
			case "data":
				messages <- id + " " + event + " " + value
			case "":
				if value == "heartbeat" {
					messages <- "heartbeat"
				}
			}
		}
	}()
	return messages
}

// next returns the id and the kind of the next message that is not a heartbeat.
func next(t *testing.T, messages <-chan string) string {
	t.Helper()
	for message := range messages {
		if message != "heartbeat" {
			id, rest, _ := strings.Cut(message, " ")
			kind, _, _ := strings.Cut(rest, " ")
			return id + " " + kind
		}
	}
	t.Fatal("the stream ended")
	return ""
}

func TestAStreamTellsWhatIsNew(t *testing.T) {
	w := newWorld(t)
	event := headroom.Event{Type: "scaled", Level: headroom.LevelInfo, Message: "shop: 2 to 3 replicas"}
	w.append(headroom.EntryEvent, "shop", "", event) // 1, before
	messages := follow(t, w.serve(), "")
	w.append(headroom.EntryDecision, "shop", "d", exampleDecision()) // 2, of another kind
	w.append(headroom.EntryEvent, "shop", "", event)                 // 3
	if got := next(t, messages); got != "3 event" {
		t.Errorf("the first message is %s", got)
	}
}

func TestAStreamResumesWhereItWasLost(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.append(headroom.EntryEvent, "shop", "", headroom.Event{Type: "scaled", Level: headroom.LevelInfo})
	}
	server := w.serve()
	for _, resume := range [][]string{{"?after=3"}, {"", "Last-Event-ID", "3"}} {
		messages := follow(t, server, resume[0], resume[1:]...)
		for _, want := range []string{"4 event", "5 event"} {
			if got := next(t, messages); got != want {
				t.Errorf("%v: got %s, not %s", resume, got, want)
			}
		}
	}
	if got := next(t, follow(t, server, "?limit=2")); got != "4 event" {
		t.Errorf("with limit=2 the first message is %s", got)
	}
	// A number beyond the end belongs to an earlier journal.
	messages := follow(t, server, "?after=900")
	w.append(headroom.EntryEvent, "shop", "", headroom.Event{Type: "scaled"})
	if got := next(t, messages); got != "6 event" {
		t.Errorf("after a number beyond the end the first message is %s", got)
	}
}

func TestAStreamMissesNothingWhereThePublisherDropsEntries(t *testing.T) {
	w := newWorld(t)
	messages := follow(t, w.serve(), "?kind=all")
	const count = 300 // the feed's channel holds one
	for range count {
		w.append(headroom.EntryEvent, "shop", "", headroom.Event{Type: "scaled"})
	}
	for seq := 1; seq <= count; seq++ {
		if got, want := next(t, messages), fmt.Sprintf("%d event", seq); got != want {
			t.Fatalf("got %s, not %s", got, want)
		}
	}
}

func TestAStreamIsFilteredByKindAndService(t *testing.T) {
	w := newWorld(t)
	messages := follow(t, w.serve(), "?kind=decision,operation&service=shop")
	w.append(headroom.EntryEvent, "shop", "", headroom.Event{Type: "scaled"}) // 1
	w.append(headroom.EntryDecision, "other", "d", exampleDecision())         // 2
	w.append(headroom.EntryOperation, "shop", "o", exampleOperation())        // 3
	w.append(headroom.EntryDecision, "shop", "d", exampleDecision())          // 4
	for _, want := range []string{"3 operation", "4 decision"} {
		if got := next(t, messages); got != want {
			t.Errorf("got %s, not %s", got, want)
		}
	}
}

func TestAnIdleStreamShowsSignsOfLife(t *testing.T) {
	w := newWorld(t)
	if got := <-follow(t, w.serve(), ""); got != "heartbeat" {
		t.Errorf("got %s", got)
	}
}

func TestAStreamEndsWithItsClientAndIsUnsubscribed(t *testing.T) {
	w := newWorld(t)
	server := w.serve()
	t.Run("streams", func(t *testing.T) {
		follow(t, server, "")
		follow(t, server, "")
		until(t, "two streams", func() bool { return w.feed.count() == 2 })
	})
	until(t, "no stream", func() bool { return w.feed.count() == 0 })
}

func TestAHeadRequestForAStreamEndsAtOnce(t *testing.T) {
	w := newWorld(t)
	if got := w.do("HEAD", "/api/events", ""); got.status != http.StatusOK || len(got.body) > 0 || w.feed.count() != 0 {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

func TestEventsAreListedWhereJSONIsAskedFor(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.append(headroom.EntryEvent, "shop", "", headroom.Event{Type: "scaled"})
		w.append(headroom.EntryDecision, "shop", "d", exampleDecision())
	}
	for query, want := range map[string][]uint64{
		"":                          {1, 3, 5, 7, 9},
		"?limit=2":                  {7, 9},
		"?after=3&limit=2":          {5, 7},
		"?after=9":                  {},
		"?kind=all&limit=3":         {8, 9, 10},
		"?kind=decision&after=7":    {8, 10},
		"?service=nobody":           {},
		"?kind=event,audit&limit=1": {9},
	} {
		events := into[EventList](t, w.expect(http.StatusOK, "GET", "/api/events"+query, "", "Accept", "application/json")).Events
		var got []uint64
		for _, event := range events {
			got = append(got, event.Seq)
		}
		if len(got) != len(want) {
			t.Errorf("%q lists %v, not %v", query, got, want)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%q lists %v, not %v", query, got, want)
			}
		}
	}
}
