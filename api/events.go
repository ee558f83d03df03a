package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"headroom.dev/headroom"
)

// EventList is a part of the journal, oldest first.
type EventList struct {
	Events []headroom.Entry `json:"events" nullable:"false"`
}

const (
	// eventPage is how many entries are read from the journal at once.
	eventPage = 500
	// eventWriteTimeout ends the stream of a client that takes nothing; it resumes with Last-Event-ID.
	eventWriteTimeout = 10 * time.Second
)

type eventsInput struct {
	ServiceFilter
	Kind        string `query:"kind" default:"event" maxLength:"100" doc:"kinds of entries, separated by commas: event, decision, operation, audit; or all" example:"event,operation"`
	After       string `query:"after" maxLength:"20" doc:"entries with a greater number than this" example:"41"`
	LastEventID string `header:"Last-Event-ID" maxLength:"20" doc:"the same, as browsers send it when they connect again; goes before after"`
	Limit       int    `query:"limit" default:"0" minimum:"0" maximum:"1000" doc:"of a list: at most so many (100 where 0), the newest where after is not given; of a stream: begin with so many past ones"`
	Accept      string `header:"Accept" hidden:"true"`
}

func (s *server) registerEvents(api huma.API) {
	register(s, api, operation{
		method: http.MethodGet, path: "/api/events", id: "follow-events", tag: tagJournal,
		summary: "What happens, as server-sent events",
		description: "Each message has the entry's number as its id, its kind as its event, and the entry as its data. A stream begins with what is new, " +
			"or after the entry that Last-Event-ID or after names, so that nothing is missed over a lost connection. A comment is sent every 15 s. " +
			"With Accept: application/json the answer is a list instead: {\"events\": [...]}, oldest first.",
		media:    "text/event-stream",
		response: "id: 42\nevent: event\ndata: {\"seq\":42,\"at\":\"2026-01-31T12:00:00Z\",\"kind\":\"event\",\"service\":\"shop\",\"data\":{\"type\":\"replica-ready\",\"level\":\"info\",\"message\":\"shop-3 is ready after 0.4 s\"}}\n\n",
	}, s.eventStream)
	get := api.OpenAPI().Paths["/api/events"].Get
	get.Responses["200"].Content["application/json"] = &huma.MediaType{
		Schema:  api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[EventList](), true, "EventList"),
		Example: EventList{[]headroom.Entry{exampleEntry()}},
	}
}

// eventFilter is which entries a client wants, and after which.
type eventFilter struct {
	service string
	kinds   []headroom.EntryKind // empty is all
	after   uint64
	resume  bool // after was given
}

func (f eventFilter) matches(entry headroom.Entry) bool {
	return (f.service == "" || f.service == entry.Service) && (len(f.kinds) == 0 || slices.Contains(f.kinds, entry.Kind))
}

func (in *eventsInput) filter() (eventFilter, error) {
	filter := eventFilter{service: in.Service}
	// A browser that connects again sends the first URL with a newer Last-Event-ID.
	after, field := in.LastEventID, "header.Last-Event-ID"
	if after == "" {
		after, field = in.After, "query.after"
	}
	if after != "" {
		number, err := strconv.ParseUint(after, 10, 63)
		if err != nil {
			return filter, &headroom.InvalidError{Field: field, Value: clip(after), Expected: "expected the number of an entry, such as 41"}
		}
		filter.after, filter.resume = number, true
	}
	for kind := range strings.SplitSeq(in.Kind, ",") {
		switch kind := headroom.EntryKind(strings.TrimSpace(kind)); kind {
		case "all":
			filter.kinds = nil
			return filter, nil
		case headroom.EntryEvent, headroom.EntryDecision, headroom.EntryOperation, headroom.EntryAudit:
			filter.kinds = append(filter.kinds, kind)
		default:
			return filter, &headroom.InvalidError{Field: "query.kind", Value: clip(string(kind)), Expected: "expected event, decision, operation, audit or all"}
		}
	}
	return filter, nil
}

func (s *server) eventStream(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	if strings.Contains(in.Accept, "application/json") && !strings.Contains(in.Accept, "text/event-stream") {
		return s.eventList(filter, in.Limit)
	}
	// Subscribed before the journal is read, so that nothing falls between.
	entries, cancel := s.events.Subscribe()
	past, err := s.startStream(&filter, in.Limit)
	if err != nil {
		cancel()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer cancel()
		r, w := humago.Unwrap(hctx)
		stream := &eventStream{server: s, filter: filter, out: w, control: http.NewResponseController(w)}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodHead {
			return
		}
		if err := stream.run(r.Context(), past, entries); err != nil && r.Context().Err() == nil {
			s.logger.Debug("an event stream ended", "requestId", exchangeOf(ctx).id, "error", err)
		}
	}}, nil
}

// startStream decides where a stream begins, and reads the past entries that it begins with.
func (s *server) startStream(filter *eventFilter, limit int) ([]headroom.Entry, error) {
	last, err := s.store.Journal(headroom.JournalQuery{Limit: 1, Newest: true})
	if err != nil {
		return nil, fmt.Errorf("read the end of the journal: %w", err)
	}
	end := uint64(0)
	if len(last) > 0 {
		end = last[0].Seq
	}
	if filter.resume {
		// A number beyond the end is of an earlier journal; without this the stream would be silent until it is reached.
		filter.after = min(filter.after, end)
		return nil, nil
	}
	filter.after = end
	if limit == 0 {
		return nil, nil
	}
	return s.newestEvents(*filter, limit)
}

func (s *server) newestEvents(filter eventFilter, limit int) ([]headroom.Entry, error) {
	const most = 20_000 // as in newest
	for read := limit; ; read = min(read*10, most) {
		query := headroom.JournalQuery{Service: filter.service, Limit: read, Newest: true}
		if len(filter.kinds) == 1 {
			query.Kind = filter.kinds[0]
		}
		entries, err := s.store.Journal(query)
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		matching := slices.DeleteFunc(slices.Clone(entries), func(entry headroom.Entry) bool { return !filter.matches(entry) })
		if len(matching) >= limit || len(entries) < read || read == most {
			return matching[max(len(matching)-limit, 0):], nil
		}
	}
}

func (s *server) eventList(filter eventFilter, limit int) (*huma.StreamResponse, error) {
	if limit == 0 {
		limit = 100
	}
	var found []headroom.Entry
	var err error
	if filter.resume {
		found, err = s.eventsAfter(filter, limit)
	} else {
		found, err = s.newestEvents(filter, limit)
	}
	if err != nil {
		return nil, err
	}
	body, err := encode(EventList{list(found)})
	if err != nil {
		return nil, fmt.Errorf("encode the events: %w", err)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetStatus(http.StatusOK)
		_, _ = ctx.BodyWriter().Write(body)
	}}, nil
}

// eventsAfter reads matching entries in pages until there are enough.
func (s *server) eventsAfter(filter eventFilter, limit int) ([]headroom.Entry, error) {
	var found []headroom.Entry
	for after := filter.after; ; {
		page, err := s.store.Journal(headroom.JournalQuery{After: after, Limit: eventPage})
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		for _, entry := range page {
			after = entry.Seq
			if filter.matches(entry) {
				found = append(found, entry)
			}
			if len(found) == limit {
				return found, nil
			}
		}
		if len(page) < eventPage {
			return found, nil
		}
	}
}

// eventStream is one client that follows the journal. The channel of the publisher only says that there is more; what
// is sent comes from the journal, at the speed of the client. So a slow client misses nothing and keeps nobody waiting.
type eventStream struct {
	server  *server
	filter  eventFilter // after is the last entry that was looked at
	out     http.ResponseWriter
	control *http.ResponseController
}

func (st *eventStream) run(ctx context.Context, past []headroom.Entry, entries <-chan headroom.Entry) error {
	// The number of where the stream begins, so that a client that loses it before the first entry can resume too.
	if err := st.send(fmt.Sprintf("retry: 1000\nid: %d\n\n", st.filter.after)); err != nil {
		return err
	}
	for _, entry := range past {
		if err := st.sendEntry(entry); err != nil {
			return err
		}
	}
	if err := st.catchUp(ctx); err != nil {
		return err
	}
	heartbeat := time.NewTicker(st.server.heartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-entries:
			if !open {
				return nil // the publisher ends; the client connects again
			}
			if err := st.catchUp(ctx); err != nil {
				return err
			}
		case <-heartbeat.C:
			if err := st.send(": heartbeat\n\n"); err != nil {
				return err
			}
		}
	}
}

// catchUp sends all that is in the journal.
func (st *eventStream) catchUp(ctx context.Context) error {
	for {
		page, err := st.server.store.Journal(headroom.JournalQuery{After: st.filter.after, Limit: eventPage})
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		for _, entry := range page {
			st.filter.after = entry.Seq
			if !st.filter.matches(entry) {
				continue
			}
			if err := st.sendEntry(entry); err != nil {
				return err
			}
		}
		if len(page) < eventPage || ctx.Err() != nil {
			return nil
		}
	}
}

func (st *eventStream) sendEntry(entry headroom.Entry) error {
	data, err := encode(entry)
	if err != nil {
		return fmt.Errorf("encode entry %d: %w", entry.Seq, err)
	}
	return st.send(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n", entry.Seq, entry.Kind, data)) // data ends in a newline
}

func (st *eventStream) send(text string) error {
	// Connections that cannot have deadlines (in tests) do without.
	_ = st.control.SetWriteDeadline(time.Now().Add(eventWriteTimeout))
	if _, err := st.out.Write([]byte(text)); err != nil {
		return err
	}
	return st.control.Flush()
}
