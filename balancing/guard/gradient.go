package guard

import (
	"math"
	"time"

	"headroom.dev/headroom"
)

// Parameters of Gradient2 (Netflix concurrency-limits), in samples.
const (
	longWindow    = 600 // samples in the long average: one minute at ten a second
	warmUpSamples = 10  // of which the long average is the plain mean first
	queueSize     = 4   // what a limit may grow by in one sample, before smoothing
	smoothing     = 0.2 // weight of the newest limit
	leastGradient = 0.5 // a limit at most halves in one sample, before smoothing
	// Gradient2's average follows a long overload until that counts as normal, and its limit grows without end: here of 10 slots to 107 in a minute.
	// So the average rises a twentieth as fast while the limit is filled, and falls ten times as fast.
	fullRise, fall = 0.05, 10.0
)

// Gradient finds how many requests at once a service takes, from its own traffic alone: Gradient2 of Netflix' concurrency-limits. It compares the
// latency of now with the average of the last minute, in which latencies of a filled limit count little; while it is more than Tolerance times that, requests wait for each other, and the
// limit falls in proportion, else it grows. Nothing is ever held back in order to measure: Envoy's windows for that let three requests pass,
// and are seen as errors by users. It is not safe for concurrent use.
type Gradient struct {
	limit   float64
	long    float64 // average latency, nanoseconds
	samples int
}

// Sample takes the mean latency of some requests, and the most that were in flight meanwhile, and returns the new limit. It is called about ten
// times a second.
func (g *Gradient) Sample(settings headroom.AdaptiveLimit, latency time.Duration, inFlight int64) int64 {
	least, most := float64(settings.MinLimit), float64(settings.MaxLimit)
	if g.limit == 0 {
		g.limit = least
	}
	short := max(float64(latency), 1)
	g.samples++
	n := float64(longWindow)
	if g.samples <= warmUpSamples {
		n = float64(g.samples)
	}
	weight := 2 / (n + 1)
	full := float64(inFlight) >= g.limit/2
	switch {
	case g.samples <= warmUpSamples:
	case short < g.long:
		weight *= fall
	case full && g.limit > least: // at the least limit it is not the requests that make each other slow
		weight *= fullRise
	}
	g.long += (short - g.long) * min(weight, 1)
	if full { // else the limit is not what holds requests back, and nothing is learned of it
		gradient := min(max(settings.Tolerance*g.long/short, leastGradient), 1)
		g.limit += smoothing * (g.limit*gradient + queueSize - g.limit)
	}
	g.limit = min(max(g.limit, least), most)
	return int64(math.Round(g.limit))
}
