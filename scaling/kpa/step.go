package kpa

import (
	"math"
	"time"
)

// Input is what a step is made from.
type Input struct {
	Now time.Time
	// Load is what all pods together had in the last second: requests in flight on average, or requests. It is not known where Measured is
	// false; what is not a number or negative is not known either.
	Load     float64
	Measured bool
	// Ready pods; negative is not known.
	Ready int
}

// Step takes in one second and decides, every Interval of the policy, and at once where there is load and no pod is wanted. Between it
// returns the decision of before.
func Step(policy Policy, in Input, s *State) Decision {
	if in.Measured {
		Record(policy, in.Now, in.Load, s)
	}
	poked := in.Measured && in.Load > 0 && s.Started && s.Last.Desired == 0
	if !poked && !s.due(policy.Interval, in.Now) {
		return s.Last
	}
	return Decide(policy, in.Now, in.Ready, s)
}

// due reports whether a new interval has begun since the last decision. Intervals lie on a fixed grid, so that a step that comes a little
// early does not put off a decision.
func (s *State) due(interval time.Duration, now time.Time) bool {
	seconds := int64(interval / time.Second)
	return seconds <= 1 || s.DecidedAt.IsZero() || second(now)/seconds != second(s.DecidedAt)/seconds
}

// Record takes in the load of a second. Values of the same second add up.
func Record(policy Policy, now time.Time, load float64, s *State) {
	if !(load >= 0) || math.IsInf(load, 1) {
		return
	}
	p := policy.usable()
	at := second(now)
	s.fit(&p, at)
	load = math.Min(load, mostLoad)
	s.Stable.record(at, load)
	s.Panic.record(at, load)
}

// fit gives the windows the lengths of the policy. Where the clock was set back by a stable window or more they start anew: everything new
// would be dropped as too old, until the clock has caught up.
func (s *State) fit(p *Policy, now int64) {
	if s.Stable.Last-now >= buckets(p.StableWindow) {
		s.Stable.forget()
		s.Panic.forget()
	}
	s.Stable.fit(p.StableWindow, now)
	s.Panic.fit(p.PanicWindow, now)
}

// averages of the load over both windows; false is not known.
func (s *State) averages(p *Policy, now int64) (stable, panics float64, known bool) {
	if s.Stable.empty(now) && !p.SilenceIsZero {
		return 0, 0, false
	}
	if p.Weighted {
		return s.Stable.weighted(now), s.Panic.weighted(now), true
	}
	return s.Stable.average(now), s.Panic.average(now), true
}
