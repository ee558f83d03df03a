package system

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"headroom.dev/headroom"
)

// Do sends a request with a JSON body (nil for none) to the API, and reads the JSON answer into a value (nil to ignore
// it). An answer of 300 or more is an error with its body.
func (s *System) Do(method, path string, body, into any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequest(method, "http://"+s.API+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// Get reads JSON from the API.
func (s *System) Get(path string, into any) error { return s.Do(http.MethodGet, path, nil, into) }

// Status is the status of one service.
func (s *System) Status(service string) (headroom.ServiceStatus, error) {
	var answer struct {
		Services []headroom.ServiceStatus `json:"services"`
	}
	if err := s.Get("/api/scaling/status?service="+service, &answer); err != nil {
		return headroom.ServiceStatus{}, err
	}
	if len(answer.Services) != 1 {
		return headroom.ServiceStatus{}, fmt.Errorf("%d services answer to %q", len(answer.Services), service)
	}
	return answer.Services[0], nil
}

// Backends is what there is to know of the backends of a service.
func (s *System) Backends(service string) ([]headroom.BackendStatus, error) {
	var answer struct {
		Backends []headroom.BackendStatus `json:"backends"`
	}
	return answer.Backends, s.Get("/api/balancer/backends?service="+service, &answer)
}

// Changes lists the decisions that changed the number of replicas, newest first.
func (s *System) Changes(service string) ([]headroom.Decision, error) {
	var answer struct {
		Decisions []headroom.Decision `json:"decisions"`
	}
	return answer.Decisions, s.Get("/api/scaling/decisions?changes=true&limit=100&service="+service, &answer)
}

// Event is an event with the time at which it was recorded.
type Event struct {
	At time.Time
	headroom.Event
}

// Events lists the newest events, oldest first.
func (s *System) Events() ([]Event, error) {
	var answer struct {
		Events []headroom.Entry `json:"events"`
	}
	if err := s.Get("/api/events?limit=1000", &answer); err != nil {
		return nil, err
	}
	events := make([]Event, len(answer.Events))
	for i, entry := range answer.Events {
		events[i].At = entry.At
		if err := json.Unmarshal(entry.Data, &events[i].Event); err != nil {
			return nil, fmt.Errorf("event %d: %w", entry.Seq, err)
		}
	}
	return events, nil
}

// Query answers a PromQL query over a range of time, one point a second.
func (s *System) Query(expr string, from, to time.Time) ([]headroom.Series, error) {
	var answer struct {
		Result headroom.QueryResult `json:"result"`
	}
	seconds := func(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
	values := url.Values{"query": {expr}, "from": {seconds(from)}, "to": {seconds(to)}, "step": {"1s"}}
	return answer.Result.Series, s.Get("/api/monitor/metrics?"+values.Encode(), &answer)
}
