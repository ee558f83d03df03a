//go:build linux

// Package generator makes the load of benchmarks: as much as is answered, which shows capacity and cost, or at a fixed rate
// whether or not it is answered (open loop), which shows latency.
package generator

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency is what became of requests that were meant to leave at a fixed rate.
type Latency struct {
	Rate   float64 // meant, requests per second
	Sent   int64
	Failed int64
	// P50, P99 and P999 are quantiles of the time from when a request was meant to leave to the end of its answer.
	P50, P99, P999 time.Duration
	// Lag is the quantile 99 % of how late requests left, which is the generator's doing and part of the others.
	Lag time.Duration
}

// newHistogram is of microseconds to one minute, exact to 0.1 %.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, time.Minute.Microseconds(), 3)
}

// record adds a duration, those beyond the range at its ends.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 1), time.Minute.Microseconds())) // cannot fail within the range
}

func quantile(h *hdrhistogram.Histogram, percent float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(percent)) * time.Microsecond
}
