package backtest

import "math"

// shape is how the requests of a second come in it.
type shape struct {
	count         float64 // in all
	before, after float64 // requests per second up to a turn, and from it on
	turn          float64 // seconds
}

func flat(count float64) shape { return shape{count, count, count, 0} }

// between is the shape of a second by the counts of those beside it. One that is between them is taken to go on as the one before, and from some time on as
// the one after, such that the count is right: of 60, 204 and 300 requests, the surge began 0.4 s into the second. Any other is taken to be even.
func between(before, count, after float64) shape {
	if (count-before)*(after-count) <= 0 {
		return flat(count)
	}
	return shape{count, before, after, (after - count) / (after - before)}
}

// most is the largest rate in it.
func (s shape) most() float64 {
	if s.turn == 0 {
		return s.count
	}
	return math.Max(s.before, s.after)
}

// piece is how many come in a piece of the second.
func (s shape) piece(i int) float64 {
	early := math.Min(math.Max(s.turn*pieces-float64(i), 0), 1) // of this piece, before the turn
	return (s.before*early + s.after*(1-early)) / pieces
}

// at is the shape of one second of a load.
func (l Load) at(i int) shape {
	if i == 0 || i == len(l.Arrivals)-1 {
		return flat(l.Arrivals[i])
	}
	return between(l.Arrivals[i-1], l.Arrivals[i], l.Arrivals[i+1])
}
