package load

import (
	"math"
	"math/rand/v2"
	"time"
)

// arrivals says when each request is to leave. It is pure but for its own random source.
type arrivals struct {
	shape Shape
	end   time.Duration // no request leaves at or after it
	due   float64       // the value of shape.Count at which the next one leaves
	last  time.Duration // when the one before left
	rng   *rand.Rand    // nil for an even schedule
}

// newArrivals makes a schedule for a shape until end. Evenly, the nth request (from 0) leaves when n+½ are due: in the
// middle of its share of time, so that 10 s at 50/s are exactly 500, and a stretch at rate 0 has none. As a Poisson
// process, the due counts are a unit-rate process: by the time-rescaling theorem its image under the inverse of Count
// is a Poisson process with the shape's rate, also where that rate changes.
func newArrivals(shape Shape, end time.Duration, rng *rand.Rand) *arrivals {
	a := &arrivals{shape: shape, end: end, due: 0.5, rng: rng}
	if rng != nil {
		a.due = rng.ExpFloat64()
	}
	return a
}

// next is when the next request leaves; false when there are no more.
func (a *arrivals) next() (time.Duration, bool) {
	at, ok := a.when(a.due)
	if !ok {
		return 0, false
	}
	a.last = at
	if a.rng != nil {
		a.due += a.rng.ExpFloat64()
	} else {
		a.due++
	}
	return at, true
}

// when is the first nanosecond, from the last arrival on, at which Count reaches due. It brackets the answer by doubling
// steps, the first of them 1 ms since at 1,000 requests per second that is one, and then halves the bracket: about 20
// evaluations of Count, 1 µs.
func (a *arrivals) when(due float64) (time.Duration, bool) {
	low, step := a.last, time.Millisecond
	high := low
	for a.shape.Count(high) < due {
		if high >= a.end {
			return 0, false
		}
		low = high
		high = min(high+step, a.end)
		step = min(2*step, math.MaxInt64/4)
	}
	for high-low > 1 {
		middle := low + (high-low)/2
		if a.shape.Count(middle) < due {
			low = middle
		} else {
			high = middle
		}
	}
	return high, high < a.end
}
