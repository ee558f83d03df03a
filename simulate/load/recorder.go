package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept from 1 µs to an hour with 3 significant digits, 0.1 % exact, in 180 kB a histogram.
const (
	histogramUnit   = time.Microsecond
	histogramMax    = int64(time.Hour / histogramUnit)
	histogramDigits = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, histogramMax, histogramDigits)
}

// record adds a duration, those beyond the range at its ends.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	// Within the range it was made for RecordValue cannot fail.
	_ = h.RecordValue(min(max(int64(d/histogramUnit), 1), histogramMax))
}

// recorder counts what happens, for the whole run and for the second under way. Safe for concurrent use.
type recorder struct {
	mu       sync.Mutex // guards all below
	total    Counts
	interval Counts
	statuses map[int]int64
	errors   map[Kind]*ErrorCount
	latency  *hdrhistogram.Histogram
	recent   *hdrhistogram.Histogram // latency of the interval
	lag      *hdrhistogram.Histogram
}

func newRecorder() *recorder {
	return &recorder{
		statuses: map[int]int64{},
		errors:   map[Kind]*ErrorCount{},
		latency:  newHistogram(),
		recent:   newHistogram(),
		lag:      newHistogram(),
	}
}

// both applies a change to the counts of the run and of the interval.
func (r *recorder) both(change func(*Counts)) {
	change(&r.total)
	change(&r.interval)
}

func (r *recorder) sent() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.both(func(c *Counts) { c.Scheduled++; c.Sent++ })
}

func (r *recorder) dropped() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.both(func(c *Counts) { c.Scheduled++; c.Dropped++ })
}

// ended counts the end of a request: how it came out, at what time of the run, how long after it was meant to leave,
// and how late it left. Timeouts enter the latency with the time they took, since leaving out the slowest requests would
// make a server look the faster the worse it is; errors that come early do not, for the same reason.
func (r *recorder) ended(o outcome, at, latency, lag time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record(r.lag, lag)
	if o.err == nil || o.kind == Timeout {
		record(r.latency, latency)
		record(r.recent, latency)
	}
	if o.err == nil {
		r.statuses[o.status]++
		r.both(func(c *Counts) {
			c.Answered++
			if o.status >= 500 {
				c.Failed++
			}
		})
		return
	}
	r.both(func(c *Counts) { c.Failed++ })
	seen := r.errors[o.kind]
	if seen == nil {
		seen = &ErrorCount{Kind: o.kind, First: o.err.Error(), FirstAt: at}
		r.errors[o.kind] = seen
	}
	seen.Count++
}

// progress closes the interval under way and begins the next.
func (r *recorder) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := Progress{Counts: r.interval, Latency: summarize(r.recent)}
	p.InFlight = r.inFlight()
	r.interval = Counts{}
	r.recent.Reset()
	return p
}

// inFlight is what was sent and has not ended. The caller holds mu.
func (r *recorder) inFlight() int64 {
	ended := r.total.Answered
	for _, e := range r.errors {
		ended += e.Count
	}
	return r.total.Sent - ended
}

func (r *recorder) report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := Report{Counts: r.total, Statuses: r.statuses, Latency: summarize(r.latency), Lag: summarize(r.lag), histogram: r.latency}
	for _, kind := range kinds() {
		if e := r.errors[kind]; e != nil {
			report.Errors = append(report.Errors, *e)
		}
	}
	return report
}
