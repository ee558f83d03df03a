package balance

import (
	"math"
	"math/rand/v2"
	"time"
)

// Backend is a modeled server: it works at Slots requests at once, and the others wait in line.
type Backend struct {
	Slots int
	Mean  time.Duration // of the time that one request takes
	// Pareto gives times of a Pareto distribution of shape 1.5 with this mean, cut off at 100 times it; else they are exponential.
	Pareto bool
	// FailsFast answers every request at once, and wrong.
	FailsFast bool
	// Joins is when the backend comes into the list; ColdFor is how long from then it is slower, at first ten times.
	Joins, ColdFor time.Duration
	// StallFor is how long it stands still, every StallEvery.
	StallFor, StallEvery time.Duration
}

const (
	paretoShape = 1.5
	paretoCut   = 100
	coldFactor  = 10
	// failTime is how long a failure takes.
	failTime = time.Millisecond / 2
)

// slots of a backend that has none given.
func (b Backend) slots() int { return max(1, b.Slots) }

// work draws how long a request takes that is begun now, stalls left out.
func (b Backend) work(now time.Duration, random *rand.Rand) time.Duration {
	if b.FailsFast {
		return failTime
	}
	span := float64(b.Mean) * random.ExpFloat64()
	if b.Pareto {
		span = paretoSpan(float64(b.Mean), random)
	}
	if cold := now - b.Joins; b.ColdFor > 0 && cold < b.ColdFor {
		span *= 1 + (coldFactor-1)*(1-float64(cold)/float64(b.ColdFor))
	}
	return time.Duration(span)
}

// paretoSpan draws by inversion; the mean of Pareto is shape/(shape−1) times its least value.
func paretoSpan(mean float64, random *rand.Rand) float64 {
	least := mean * (paretoShape - 1) / paretoShape
	return min(least*math.Pow(1-random.Float64(), -1/paretoShape), paretoCut*mean)
}

// ends is when work of this span that begins now is done: while the backend stands still nothing moves.
func (b Backend) ends(now, span time.Duration) time.Duration {
	if b.StallEvery == 0 {
		return now + span
	}
	for {
		// The stall of each period is at its end.
		period := now / b.StallEvery * b.StallEvery
		stall, next := period+b.StallEvery-b.StallFor, period+b.StallEvery
		if now >= stall {
			now = next
			continue
		}
		if now+span <= stall {
			return now + span
		}
		span -= stall - now
		now = next
	}
}
