package pick

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// decayTime is how long what is known of a backend takes to fall to 1/e while nothing new is learned: 10 s as Finagle's and Linkerd's.
	decayTime = 10 * float64(time.Second)
	// meanTime is how long the mean takes to follow a change by 1/e: p99 in the simulator is within 2 % of this one's from 0.5 to 5 s.
	meanTime = 2 * float64(time.Second)
	// fresh is the age up to which a value is as it was: it would have fallen by less than 1 %, which is not worth the 10 ns of an exponential.
	fresh = int64(decayTime) / 100
)

// average is a time that falls towards 0 while nothing new is learned, so that a backend which was slow once is tried again: whoever
// reads it lets it fall on to the present (traefik#12306 is what becomes of it otherwise: one of five equal servers got 5 of 1,500 requests).
type average struct {
	seconds atomic.Uint64 // bits of a float64
	at      atomic.Int64  // nanoseconds
}

// now is the average as it has fallen to by now, in seconds; 0 where nothing is known.
func (a *average) now(now int64) float64 {
	known := math.Float64frombits(a.seconds.Load())
	if age := now - a.at.Load(); age > fresh && known > 0 {
		known *= math.Exp(-float64(age) / decayTime)
	}
	return known
}

// took says that time has passed since the last sample, once: of samples that come at the same moment one gets it.
func (a *average) took(now int64) (span int64) {
	last := a.at.Load()
	if now > last && a.at.CompareAndSwap(last, now) {
		return now - last
	}
	return 0
}

// peak jumps up with the greatest and falls exponentially from there (peak EWMA: Finagle).
func (a *average) peak(now int64, seconds float64) {
	weight := math.Exp(-float64(a.took(now)) / decayTime) // of what was known
	a.change(func(known float64) float64 { return max(seconds, known*weight+seconds*(1-weight)) })
}

// mean follows the samples by the time between them; the first of all is the mean at once.
func (a *average) mean(now int64, seconds float64) {
	span := a.took(now)
	if span == 0 && a.seconds.Load() != 0 {
		return
	}
	weight := math.Exp(-float64(span) / meanTime)
	a.change(func(known float64) float64 {
		if known == 0 {
			return seconds
		}
		return known*weight + seconds*(1-weight)
	})
}

func (a *average) change(to func(known float64) float64) {
	for {
		bits := a.seconds.Load()
		next := math.Float64bits(to(math.Float64frombits(bits)))
		if next == bits || a.seconds.CompareAndSwap(bits, next) {
			return
		}
	}
}
