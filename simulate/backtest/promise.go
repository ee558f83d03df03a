package backtest

import (
	"time"

	"headroom.dev/headroom"
)

// promise is an objective in the units of the engine.
type promise struct {
	limit     float64 // seconds; 0 is not judged
	slowShare float64 // of the answered that may be slower
	failShare float64 // of all that may fail
}

func promiseOf(o headroom.Objective) promise {
	p := promise{limit: time.Duration(o.Latency).Seconds(), slowShare: 1 - o.LatencyShare/100, failShare: 1 - o.Availability/100}
	return p
}

// slow is the share of what arrived that is slower than promised.
func (p promise) slow(s *served) float64 {
	if p.limit == 0 {
		return 0
	}
	return s.slow(p.limit)
}

// holds reports whether so many replicas keep the promise for the arrivals of a second in which nothing waits.
func (p promise) holds(m Model, arrivals float64, replicas int) bool {
	if arrivals == 0 {
		return true
	}
	if replicas == 0 || arrivals > float64(replicas)*m.Capacity {
		return false
	}
	q := newQueue(m)
	s := q.second(arrivals, replicas, new([pieces]int))
	// What takes longer than promised by itself cannot be mended by replicas.
	return p.limit < s.service || p.slow(&s) <= p.slowShare
}
