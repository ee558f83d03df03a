package balance

import (
	"math"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// Result is what came of one run.
type Result struct {
	Scenario  string
	Algorithm headroom.Algorithm
	Requests  int
	Errors    int
	spans     []time.Duration // of those that succeeded
	sorted    bool
}

func (r *Result) count(took time.Duration, failed bool) {
	r.Requests++
	if failed {
		r.Errors++
		return
	}
	r.spans = append(r.spans, took)
}

// Failed is the response time of a quantile that lies among the errors: an error is worse than any wait.
const Failed = time.Duration(math.MaxInt64)

// Quantile is the response time that a share q of all requests got, errors counted as longer than any.
func (r *Result) Quantile(q float64) time.Duration {
	if !r.sorted {
		slices.Sort(r.spans)
		r.sorted = true
	}
	at := int(math.Ceil(q*float64(r.Requests))) - 1
	if at >= len(r.spans) {
		return Failed
	}
	return r.spans[max(0, at)]
}

// Add joins the requests of another run to this one.
func (r *Result) Add(other Result) {
	r.Requests += other.Requests
	r.Errors += other.Errors
	r.spans = append(r.spans, other.spans...)
	r.sorted = false
}
