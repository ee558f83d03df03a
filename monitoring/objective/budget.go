// Package objective is the arithmetic of promises: error budgets, burn rates, the ledger that they are
// computed from, and the report of how a promise was kept. It is pure: no clock, no I/O.
//
// What is not known stays unknown: without requests there is no availability, and never 100 %.
//
// Sources: Google, The Site Reliability Workbook, chapters 2 and 5.
package objective

import (
	"time"

	"headroom.dev/headroom"
)

// Events are requests that count for a promise, and those of them that broke it.
type Events struct {
	Total float64
	Bad   float64
}

// GoodRatio is the share that kept the promise, 0 to 1. It is not known without events.
func (e Events) GoodRatio() (float64, bool) {
	if e.Total <= 0 {
		return 0, false
	}
	return 1 - e.Bad/e.Total, true
}

// Target is a promised share in percent, such as 99.9.
type Target float64

// Allowed is the share that may be bad: 0.001 of a target of 99.9 %.
func (t Target) Allowed() float64 { return (100 - float64(t)) / 100 }

// Budget is how many of a number of events may be bad: 1000 of a million at 99.9 %.
func (t Target) Budget(total float64) float64 { return t.Allowed() * total }

// Remaining is the share of the budget that is left: 1 is all, 0 none, negative is debt. It is not
// known without events, nor of a target that allows nothing.
func (t Target) Remaining(e Events) (float64, bool) {
	budget := t.Budget(e.Total)
	if budget <= 0 {
		return 0, false
	}
	return 1 - e.Bad/budget, true
}

// BurnRate is how fast the budget is spent: at 1 exactly all of it in one period, at 14.4 all of 30
// days' in 50 hours. It is not known without events, nor of a target that allows nothing.
func (t Target) BurnRate(e Events) (float64, bool) {
	good, known := e.GoodRatio()
	if !known || t.Allowed() <= 0 {
		return 0, false
	}
	return (1 - good) / t.Allowed(), true
}

// Within is how many of the counted durations are below a threshold, interpolated inside the bucket
// that holds it (at most 12.5 % wide).
func Within(h headroom.Histogram, threshold time.Duration) float64 {
	var within float64
	for bucket, n := range h.Counts {
		low, high := headroom.HistogramBound(bucket), headroom.HistogramBound(bucket+1)
		switch {
		case high <= threshold:
			within += float64(n)
		case low < threshold:
			within += float64(n) * float64(threshold-low) / float64(high-low)
		}
	}
	return within
}
