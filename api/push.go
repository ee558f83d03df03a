package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
)

// PushRequest holds values of metrics that someone else measures.
type PushRequest struct {
	Metrics []headroom.PushedValue `json:"metrics" nullable:"false" doc:"1 to 1000; all of them are taken, or none"`
}

// PushAnswer says how many values were taken.
type PushAnswer struct {
	Accepted int `json:"accepted" doc:"values"`
}

const (
	// mostPushed values in one request are about 100 KB.
	mostPushed = 1000
	// mostLabels, and their most bytes, bound what a series costs. Prometheus' own advice is to stay under ten.
	mostLabels     = 32
	mostLabelBytes = 200
	// mostAhead is how far the clocks of those who send may be ahead of ours.
	mostAhead = time.Minute
)

func (s *server) registerPush(api huma.API) {
	register(s, api, operation{
		method: http.MethodPost, path: "/api/monitor/metrics", id: "push-metrics", tag: tagMonitor,
		summary: "Send values of metrics of your own",
		description: "Signals with pushed: use them at once; see scaling.signals. The last value of each series counts, a series being a name with " +
			"its labels. It is kept in memory only. Only requests with an Idempotency-Key and refused ones are written to the audit log.",
		request: examplePush(), response: PushAnswer{Accepted: 1},
	}, s.push)
}

func (s *server) push(ctx context.Context, in *struct {
	ChangeInput
	Body PushRequest
}) (*body[PushAnswer], error) {
	now := s.now()
	values := in.Body.Metrics
	if n := len(values); n == 0 || n > mostPushed {
		return nil, &headroom.InvalidError{Field: "body.metrics", Value: fmt.Sprint(n), Expected: fmt.Sprintf("1 to %d values", mostPushed)}
	}
	for i := range values {
		if err := checkPushed(fmt.Sprintf("body.metrics[%d]", i), values[i], now); err != nil {
			return nil, err
		}
		if values[i].At.IsZero() {
			values[i].At = now
		}
	}
	answer := PushAnswer{Accepted: len(values)}
	run := func(change headroom.Change) (PushAnswer, error) { return answer, s.monitor.Push(ctx, values, change) }
	// A value is sent every few seconds for ever, so it is no change to be looked up a year later: a record of each would fill the disk.
	if e := exchangeOf(ctx); e.key == "" && !e.dryRun {
		_, err := run(headroom.Change{})
		return &body[PushAnswer]{answer}, err
	}
	taken, err := mutate(ctx, s, mutation[PushAnswer]{object: "metrics", status: http.StatusOK, run: run})
	return &body[PushAnswer]{taken}, err
}

// checkPushed says what is wrong with a value beside what its schema says.
func checkPushed(path string, v headroom.PushedValue, now time.Time) error {
	if len(v.Labels) > mostLabels {
		return &headroom.InvalidError{Field: path + ".labels", Value: fmt.Sprint(len(v.Labels)), Expected: fmt.Sprintf("at most %d labels", mostLabels)}
	}
	for name, value := range v.Labels {
		if name == "" || len(name) > mostLabelBytes || len(value) > mostLabelBytes {
			return &headroom.InvalidError{Field: path + ".labels", Value: clip(name),
				Expected: fmt.Sprintf("a label's name has 1 to %d bytes, and its value at most as many", mostLabelBytes)}
		}
	}
	if v.At.After(now.Add(mostAhead)) {
		return &headroom.InvalidError{Field: path + ".at", Value: v.At.Format(time.RFC3339),
			Expected: fmt.Sprintf("must not be more than %s ahead of headroom's clock, which says %s", headroom.Duration(mostAhead), now.UTC().Format(time.RFC3339))}
	}
	return nil
}

func examplePush() PushRequest {
	return PushRequest{Metrics: []headroom.PushedValue{{Name: "orders_open", Labels: map[string]string{"shop": "berlin"}, Value: 42}}}
}
