package pick

import (
	"math"
	"sync/atomic"
	"time"
)

// Report is what a backend says of its own load (ORCA: xds.data.orca.v3.OrcaLoadReport).
type Report struct {
	// Rate is requests per second, and Errors those of them that failed.
	Rate, Errors float64
	// Utilization is of what is scarcest for the application, else of the processor; 1 is all of it, and more is possible.
	Utilization float64
}

// report keeps the newest weight that a backend's reports come to.
type report struct {
	weight atomic.Uint64 // bits of a float64
	since  atomic.Int64  // first of an unbroken row, nanoseconds; 0 is none
	at     atomic.Int64  // newest
}

const (
	// blackout is how long reports must come before they count: the first of a process that starts say little (gRFC A58).
	blackout = 10 * time.Second
	// expiry is how long a report holds (gRFC A58).
	expiry = 180 * time.Second
	// errorPenalty is how much utilization one error per request counts for (gRFC A58).
	errorPenalty = 1.0
)

// Report takes a report of the backend. One without rate or utilization says nothing.
func (l *Load) Report(now int64, r Report) {
	if !(r.Rate > 0) || !(r.Utilization > 0) || math.IsInf(r.Rate, 0) {
		return
	}
	weight := r.Rate / (r.Utilization + max(0, r.Errors)/r.Rate*errorPenalty)
	if !(weight > 0) || math.IsInf(weight, 0) {
		return
	}
	if last := l.report.at.Swap(now); l.report.since.Load() == 0 || now-last > int64(expiry) {
		l.report.since.Store(now)
	}
	l.report.weight.Store(math.Float64bits(weight))
}

// capacity is the backend's weight by its own reports: requests per second at full utilization; 0 where it is not known.
func (l *Load) capacity(now int64) float64 {
	since := l.report.since.Load()
	if since == 0 || now-since < int64(blackout) || now-l.report.at.Load() > int64(expiry) {
		return 0
	}
	return math.Float64frombits(l.report.weight.Load())
}
