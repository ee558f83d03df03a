package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
)

// EventOptions selects journal entries.
type EventOptions struct {
	Service string
	Kinds   []headroom.EntryKind // events only where empty
	After   uint64               // entries with a greater number; 0 begins with what is new
	Limit   int                  // begin with so many past entries; of a list, how many
	// Lost, where set, is called when a stream was lost and is tried again after the wait.
	Lost func(err error, wait time.Duration)
	// Silence is how long a stream may be silent until it counts as lost; 45 s where zero, three heartbeats of the API.
	Silence time.Duration
}

func (o EventOptions) query() url.Values {
	query := serviceQuery(o.Service)
	if len(o.Kinds) > 0 {
		kinds := make([]string, len(o.Kinds))
		for i, kind := range o.Kinds {
			kinds[i] = string(kind)
		}
		query.Set("kind", strings.Join(kinds, ","))
	}
	if o.After > 0 {
		query.Set("after", strconv.FormatUint(o.After, 10))
	}
	if o.Limit > 0 {
		query.Set("limit", strconv.Itoa(o.Limit))
	}
	return query
}

// Events returns a part of the journal, oldest first: the newest entries, or those after a number.
func (c *Client) Events(ctx context.Context, options EventOptions) ([]headroom.Entry, error) {
	answer, err := get[api.EventList](ctx, c, "/api/events", options.query())
	return answer.Events, err
}

// Follow calls each with every entry as it comes, until the context ends (then it returns nil), each returns an error,
// or the API refuses. A stream that is lost is taken up again after the last entry, so none is missed or comes twice.
func (c *Client) Follow(ctx context.Context, options EventOptions, each func(headroom.Entry) error) error {
	const shortest, longest = 250 * time.Millisecond, 5 * time.Second
	pause, last := shortest, ""
	for {
		err := c.followOnce(ctx, options, &last, func(entry headroom.Entry) error {
			pause = shortest
			return each(entry)
		})
		if ctx.Err() != nil {
			return nil
		}
		var stop *stopError
		if errors.As(err, &stop) {
			return stop.err
		}
		var refused *Error
		if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
			return refused
		}
		if options.Lost != nil {
			options.Lost(err, pause)
		}
		if !wait(ctx, pause) {
			return nil
		}
		pause = min(pause*2, longest)
	}
}

// stopError is an error of the caller's function.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

// followOnce follows one connection. It resumes after the message that last names, and notes there how far it came.
func (c *Client) followOnce(ctx context.Context, options EventOptions, last *string, each func(headroom.Entry) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stream := call{method: http.MethodGet, path: "/api/events", query: options.query(), accept: "text/event-stream"}
	if *last != "" {
		stream.header = http.Header{"Last-Event-Id": {*last}}
	}
	response, err := c.send(ctx, stream)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	silence := options.Silence
	if silence == 0 {
		silence = 45 * time.Second
	}
	watchdog := time.AfterFunc(silence, func() { cancel(fmt.Errorf("nothing came for %v", silence)) })
	defer watchdog.Stop()

	reader := bufio.NewReader(response.Body)
	for {
		id, data, err := readMessage(reader, func() { watchdog.Reset(silence) })
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return &UnreachableError{c.base.String(), err}
		}
		if id != "" {
			*last = id
		}
		if len(data) == 0 {
			continue
		}
		var entry headroom.Entry
		if err := json.Unmarshal(data, &entry); err != nil {
			return fmt.Errorf("a message of the event stream is not as expected: %w", err)
		}
		if err := each(entry); err != nil {
			return &stopError{err}
		}
	}
}

// readMessage reads up to the next empty line and returns what came before it: the number of the message and its data,
// each empty where there was none. alive is called for every line, comments included.
func readMessage(reader *bufio.Reader, alive func()) (id string, data []byte, err error) {
	for {
		line, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = errors.New("the stream ended")
		}
		if err != nil {
			return "", nil, err
		}
		alive()
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return id, data, nil
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			id = value
		case "data":
			if len(data) > 0 {
				data = append(data, '\n')
			}
			data = append(data, value...)
		}
	}
}
