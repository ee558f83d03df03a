package load

import (
	"errors"
	"sort"
	"time"
)

// piece is a stretch of time in which the rate goes evenly from one value to another.
type piece struct {
	start  time.Duration
	length time.Duration // more than 0
	first  float64       // requests per second at the start
	last   float64       // and just before the end
	before float64       // requests due before the start, the sum over earlier pieces
}

// pieces is a shape made of stretches that follow each other without gaps, the first at 0.
type pieces []piece

// forever bounds every schedule, 2^60 ns or 36 years, so that sums of two times never overflow.
const forever time.Duration = 1 << 60

// then appends a stretch and returns the longer shape. It fails when that would last longer than forever.
func (p pieces) then(length time.Duration, first, last float64) (pieces, error) {
	next := piece{length: length, first: first, last: last}
	if len(p) > 0 {
		end := p[len(p)-1]
		next.start = end.start + end.length
		next.before = end.count(end.length)
	}
	if length > forever-next.start {
		return nil, errors.New("the whole shape lasts longer than 36 years")
	}
	return append(p, next), nil
}

// rate is the rate at a time since the start of the piece.
func (p piece) rate(since time.Duration) float64 {
	return p.first + (p.last-p.first)*float64(since)/float64(p.length)
}

// count is the requests due at a time since the start of the piece: the mean rate so far times the time.
func (p piece) count(since time.Duration) float64 {
	return p.before + (p.first+p.rate(since))/2*since.Seconds()
}

// at is the piece that holds a time within the shape.
func (p pieces) at(t time.Duration) piece {
	after := sort.Search(len(p), func(i int) bool { return p[i].start > t })
	return p[max(after-1, 0)]
}

// Rate implements Shape.
func (p pieces) Rate(at time.Duration) float64 {
	if at < 0 || at >= p.End() {
		return 0
	}
	in := p.at(at)
	return in.rate(at - in.start)
}

// Count implements Shape.
func (p pieces) Count(at time.Duration) float64 {
	at = min(max(at, 0), p.End())
	in := p.at(at)
	return in.count(at - in.start)
}

// End implements Shape.
func (p pieces) End() time.Duration {
	last := p[len(p)-1]
	return last.start + last.length
}
