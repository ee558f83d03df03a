package load

import (
	"encoding/json"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Counts of requests. Scheduled = Sent + Dropped, and once all have ended Sent = Answered + the errors of all kinds.
type Counts struct {
	Scheduled int64 `json:"scheduled"` // due by the shape
	Sent      int64 `json:"sent"`
	Dropped   int64 `json:"dropped"`  // not sent, since MaxInFlight were in flight
	Answered  int64 `json:"answered"` // with any status
	Failed    int64 `json:"failed"`   // without an answer, or with a status of 500 or more
}

// Latency sums up a distribution of durations. All are 0 when there were none.
type Latency struct {
	Mean, P50, P90, P95, P99, P999, Max time.Duration
}

// MarshalJSON writes seconds, as all of headroom's measurements are.
func (l Latency) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Mean float64 `json:"meanSeconds"`
		P50  float64 `json:"p50Seconds"`
		P90  float64 `json:"p90Seconds"`
		P95  float64 `json:"p95Seconds"`
		P99  float64 `json:"p99Seconds"`
		P999 float64 `json:"p999Seconds"`
		Max  float64 `json:"maxSeconds"`
	}{l.Mean.Seconds(), l.P50.Seconds(), l.P90.Seconds(), l.P95.Seconds(), l.P99.Seconds(), l.P999.Seconds(), l.Max.Seconds()})
}

func summarize(h *hdrhistogram.Histogram) Latency {
	if h.TotalCount() == 0 {
		return Latency{}
	}
	at := func(percentile float64) time.Duration {
		return time.Duration(h.ValueAtPercentile(percentile)) * histogramUnit
	}
	return Latency{
		Mean: time.Duration(h.Mean() * float64(histogramUnit)),
		P50:  at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9),
		Max: time.Duration(h.Max()) * histogramUnit,
	}
}

// Progress is what happened since the Progress before, about a second.
type Progress struct {
	Elapsed  time.Duration // since the start
	Total    time.Duration // that the load lasts
	Target   float64       // requests per second wanted at this instant; 0 once the load has ended
	Counts   Counts        // of this interval
	InFlight int64         // now
	Latency  Latency       // of the requests that ended in this interval
}

// ErrorCount is the requests that ended in one kind of error.
type ErrorCount struct {
	Kind    Kind
	Count   int64
	First   string        // the message of the first
	FirstAt time.Duration // when that was, since the start
}

// MarshalJSON writes the time in seconds.
func (e ErrorCount) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind    Kind    `json:"kind"`
		Count   int64   `json:"count"`
		First   string  `json:"first"`
		FirstAt float64 `json:"firstAtSeconds"`
	}{e.Kind, e.Count, e.First, e.FirstAt.Seconds()})
}

// Report is what a run has found.
type Report struct {
	Duration    time.Duration // from the start to the end of the last request
	Interrupted bool          // the run was canceled before its end
	Counts      Counts
	Statuses    map[int]int64 // answers by status code
	Errors      []ErrorCount  // requests without an answer, by kind; kinds that did not happen are left out
	// Latency from when a request was meant to leave to the end of its answer, over all answers and timeouts.
	Latency Latency
	// Lag is how much later than meant requests left. It is part of Latency, and the generator's own doing: when it is
	// not small beside it the machine was too busy to measure with.
	Lag Latency

	histogram *hdrhistogram.Histogram // of Latency
}

// MarshalJSON writes durations in seconds.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Duration    float64       `json:"durationSeconds"`
		Interrupted bool          `json:"interrupted"`
		Counts      Counts        `json:"counts"`
		SentRate    float64       `json:"sentPerSecond"`
		Statuses    map[int]int64 `json:"statuses"`
		Errors      []ErrorCount  `json:"errors"`
		Latency     Latency       `json:"latency"`
		Lag         Latency       `json:"lag"`
	}{r.Duration.Seconds(), r.Interrupted, r.Counts, r.rate(r.Counts.Sent), r.Statuses, r.Errors, r.Latency, r.Lag})
}

// rate is a count per second of the run.
func (r Report) rate(count int64) float64 {
	if r.Duration <= 0 {
		return 0
	}
	return float64(count) / r.Duration.Seconds()
}

// WriteHistogram writes the latencies as an HdrHistogram percentile distribution, the .hgrm text format, in milliseconds,
// for any HdrHistogram plotter. 5 ticks per half distance is what the format's other writers use.
func (r Report) WriteHistogram(w io.Writer) error {
	h := r.histogram
	if h == nil {
		h = newHistogram()
	}
	_, err := h.PercentilesPrint(w, 5, float64(time.Millisecond/histogramUnit))
	return err
}
