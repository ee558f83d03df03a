package backtest

import (
	"math"
	"time"

	"headroom.dev/headroom"
)

// queue is what waits in front of the replicas. There is one for all of them, as with a balancer that sends each request where most is free.
type queue struct {
	model   Model
	waiting float64 // requests that did not fit in the seconds before
}

// served is what became of the requests of one second.
type served struct {
	arrivals float64
	answered float64 // in this second, of these or earlier arrivals
	failed   float64 // nobody to answer them, or they waited for too long
	before   float64 // waiting at the beginning
	after    float64 // waiting at the end
	capacity float64 // requests that the ready replicas can answer in a second

	service  float64 // seconds that a request takes when it does not wait
	queueing float64 // share of the requests that wait though there is capacity: arrivals bunch
	tail     float64 // mean of their waits, seconds
}

// busiest bounds utilization in the formula of waiting, which is of a queue that has been so for ever; what is beyond is in the backlog that is
// carried from second to second.
const busiest = 0.98

// second lets the ready replicas answer for a second.
func (q *queue) second(arrivals float64, ready int) served {
	s := served{arrivals: arrivals, before: q.waiting, capacity: float64(ready) * q.model.Capacity, service: q.model.ServiceTime.Seconds()}
	if ready == 0 {
		s.failed, q.waiting = arrivals+q.waiting, 0
		return s
	}
	due := q.waiting + arrivals
	s.answered = math.Min(due, s.capacity)
	s.after = due - s.answered
	if most := s.capacity * q.model.Patience.Seconds(); s.after > most {
		s.failed, s.after = s.after-most, most
	}
	q.waiting = s.after
	// Sakasegawa's approximation of Erlang's C formula (1977): in M/M/m a request waits with probability ρ^(√(2(m+1))−1), and if it does,
	// exponentially with mean S / (m(1−ρ)).
	utilization := math.Min(arrivals/s.capacity, busiest)
	if utilization > 0 {
		workers := float64(ready) * q.model.workers()
		s.queueing = math.Pow(utilization, math.Sqrt(2*(workers+1))-1)
		s.tail = s.service / (workers * (1 - utilization))
	}
	return s
}

// backlogged reports whether requests wait for capacity.
func (s *served) backlogged() bool { return s.before > 0 || s.after > 0 }

// inFlight is by Little's law what is being answered, and what waits.
func (s *served) inFlight() float64 {
	return s.answered*(s.service+s.queueing*s.tail) + (s.before+s.after)/2
}

// pieces is into how many parts a second is cut where the backlog changes in it.
const pieces = 8

// delay is how long a request waits for the backlog that it meets, in seconds, in the middle of a piece of the second.
func (s *served) delay(piece int) float64 {
	met := s.before + (s.arrivals-s.capacity)*(float64(piece)+0.5)/pieces
	return math.Max(met, 0) / s.capacity
}

// slow is the share of the requests that arrived whose answer takes longer than a limit in seconds, if the ready replicas stay.
func (s *served) slow(limit float64) float64 {
	left := limit - s.service
	switch {
	case left < 0:
		return 1
	case s.capacity == 0:
		return 0 // they failed
	case !s.backlogged():
		return s.waits(left)
	}
	share := 0.0
	for i := range pieces {
		if delay := s.delay(i); delay > left {
			share += 1.0 / pieces
		} else {
			share += s.waits(left-delay) / pieces
		}
	}
	return share
}

// waits is the share that waits longer than so many seconds because arrivals bunch.
func (s *served) waits(longer float64) float64 {
	if s.queueing == 0 {
		return 0
	}
	return s.queueing * math.Exp(-longer/s.tail)
}

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
	q := queue{model: m}
	s := q.second(arrivals, replicas)
	// What takes longer than promised by itself cannot be mended by replicas.
	return p.limit < s.service || p.slow(&s) <= p.slowShare
}
