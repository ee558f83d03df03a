package link

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Stream answers a request with every value of a feed, one JSON document a line, for as long as the client listens.
func Stream[T any](feed *Feed[T]) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		values, cancel := feed.Subscribe()
		defer cancel()
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.WriteHeader(http.StatusOK)
		flusher := http.NewResponseController(w)
		if flusher.Flush() != nil {
			return
		}
		encoder := json.NewEncoder(w)
		say := func(value T) bool { return encoder.Encode(value) == nil && flusher.Flush() == nil }
		for {
			select {
			case value := <-values:
				if !say(value) {
					return
				}
			case <-r.Context().Done():
				// Where it is us who end, what was published last, such as that everything stops, is still said.
				for {
					select {
					case value := <-values:
						if !say(value) {
							return
						}
					default:
						return
					}
				}
			}
		}
	}
}

// reconnectEvery is how long a follower waits before it tries a role that is away again: a socket on the same machine
// costs microseconds to try, and a role that returns should be heard at once.
const reconnectEvery = 200 * time.Millisecond

// Follow calls each with every value of a remote feed, in order, and connects again whenever the role was away, until
// the context ends. connected, which may be nil, is told when the link comes and goes.
func Follow[T any](ctx context.Context, client *http.Client, path string, each func(T), connected func(bool)) {
	for ctx.Err() == nil {
		follow(ctx, client, path, each, connected)
		select {
		case <-ctx.Done():
		case <-time.After(reconnectEvery):
		}
	}
}

func follow[T any](ctx context.Context, client *http.Client, path string, each func(T), connected func(bool)) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://role"+path, nil)
	if err != nil {
		return
	}
	response, err := client.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return
	}
	if connected != nil {
		connected(true)
		defer connected(false)
	}
	decoder := json.NewDecoder(bufio.NewReader(response.Body))
	for {
		var value T
		if err := decoder.Decode(&value); err != nil {
			return
		}
		each(value)
	}
}
