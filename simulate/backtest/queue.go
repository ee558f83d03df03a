package backtest

import "math"

// queue is what waits in front of the replicas: at each its own line, as behind a balancer that has sent each request on before it was known how long it would
// wait. What waits at a replica stays there when others come; with least-connections what arrives goes to where fewest are.
type queue struct {
	model       Model
	workers     float64
	variability float64
	groups      []group // fewest waiting first; together the ready replicas
}

// group is replicas at each of which as many wait.
type group struct {
	replicas int
	waiting  float64 // at each, besides those that are being answered
	answers  float64 // of each in a piece of a second
	poured   float64 // waiting at the end of a piece of a second; negative is what could have been answered besides
}

// served is what became of the requests of one second.
type served struct {
	arrivals float64
	answered float64 // in this second, of these or earlier arrivals
	failed   float64 // nobody to answer them, or they waited for too long
	before   float64 // waiting at the beginning
	after    float64 // waiting at the end
	capacity float64 // requests that the ready replicas can answer in the second
	line     float64 // waiting, mean over the second
	free     float64 // of those that arrived, that met no line

	service  float64 // seconds that a request takes on average when it does not wait
	queueing float64 // share of the requests that wait though there is capacity: arrivals bunch
	tail     float64 // mean of their waits, seconds

	waves     [2 * pieces]wave // requests that met a line
	waveCount int
	times     []Share // of requests that do not wait; nil where all take as long
}

// wave is requests that waited about as long in line.
type wave struct{ count, delay float64 }

// pieces is into how many parts a second is cut where lines change in it.
const pieces = 8

// busiest bounds utilization in the formula of waiting, which is of a queue that has been so for ever; what is beyond is in the lines that are
// carried from second to second.
const busiest = 0.98

// leastVariability keeps the mean wait above zero, where everything is as regular as a clock.
const leastVariability = 0.01

func newQueue(m Model) queue {
	return queue{model: m, workers: m.workers(), variability: m.variability()}
}

// second lets the replicas answer for a second. Of those that are ready at its beginning others may have left; joining come in a piece of it.
func (q *queue) second(arrivals float64, ready int, joining *[pieces]int) served {
	return q.shaped(flat(arrivals), ready, joining)
}

// shaped is second with requests that came unevenly.
func (q *queue) shaped(come shape, ready int, joining *[pieces]int) served {
	arrivals := come.count
	s := served{arrivals: arrivals, service: q.model.ServiceTime.Seconds(), times: q.model.ServiceTimes, before: q.waiting()}
	s.answered = q.resize(ready)
	joined := 0
	for i, n := range joining {
		joined += n
		s.capacity += float64(n) * q.model.Capacity * float64(pieces-i) / pieces
	}
	s.capacity += float64(ready) * q.model.Capacity
	switch {
	case ready == 0 && joined == 0:
		s.failed = arrivals + s.before
		s.answered = 0
	case s.before == 0 && joined == 0 && come.most() <= s.capacity:
		s.answered, s.free = arrivals, arrivals
		q.bunch(&s, arrivals, s.capacity, ready)
	default:
		q.bySteps(&s, come, joining)
	}
	s.after = q.waiting()
	return s
}

// bySteps is a second in which requests stand in line, or replicas come.
func (q *queue) bySteps(s *served, come shape, joining *[pieces]int) {
	room, replicas := 0.0, 0
	for i := range pieces {
		q.join(joining[i])
		if len(q.groups) == 0 {
			s.failed += come.piece(i)
			continue
		}
		before := q.waiting()
		arrived := come.piece(i)
		q.arrive(arrived)
		failed := 0.0
		for g := range q.groups {
			one := &q.groups[g]
			here := math.Max(0, one.poured-one.waiting+one.answers) * float64(one.replicas) // that arrived there
			if one.waiting == 0 && one.poured <= 0 {
				s.free, room, replicas = s.free+here, room+float64(one.replicas)*q.model.Capacity/pieces, max(replicas, one.replicas)
			} else if here > 0 {
				s.wave(here, (one.waiting+math.Max(one.poured, 0))/2/(one.answers*pieces), i)
			}
			one.waiting = math.Max(one.poured, 0)
			if most := q.model.Capacity * q.model.Patience.Seconds(); one.waiting > most {
				failed += (one.waiting - most) * float64(one.replicas)
				one.waiting = most
			}
		}
		q.merge()
		s.failed += failed
		after := q.waiting()
		s.line += (before + after) / 2 / pieces
		s.answered += math.Max(0, before+arrived-failed-after)
	}
	if room > 0 {
		q.bunch(s, s.free, room, replicas)
	} else {
		q.bunch(s, s.arrivals, s.capacity, q.replicas())
	}
}

// arrive sends requests to the replicas, and lets those answer for a piece of a second: poured is what then waits.
func (q *queue) arrive(requests float64) {
	for g := range q.groups {
		one := &q.groups[g]
		one.answers = q.model.rate(q.workers+one.waiting) / pieces
		one.poured = one.waiting - one.answers
	}
	if q.model.Evenly {
		each := requests / float64(q.replicas())
		for g := range q.groups {
			q.groups[g].poured += each
		}
		return
	}
	// As water: the lowest rise until they are as high as the next. Groups are in the order of their lines, and stay in it but for curves that fall, where the
	// difference is less than what is answered in a piece.
	replicas := 0
	for g := range q.groups {
		replicas += q.groups[g].replicas
		level := q.groups[g].poured
		if g+1 < len(q.groups) {
			if room := (q.groups[g+1].poured - level) * float64(replicas); room < requests {
				requests -= math.Max(room, 0)
				for i := range g + 1 {
					q.groups[i].poured = math.Max(level, q.groups[g+1].poured)
				}
				continue
			}
		}
		level += requests / float64(replicas)
		for i := range g + 1 {
			q.groups[i].poured = level
		}
		return
	}
}

// merge makes one group of those at which as many wait.
func (q *queue) merge() {
	kept := q.groups[:0]
	for _, one := range q.groups {
		const alike = 1e-9
		if n := len(kept); n > 0 && math.Abs(kept[n-1].waiting-one.waiting) < alike {
			kept[n-1].replicas += one.replicas
			continue
		}
		kept = append(kept, one)
	}
	q.groups = kept
}

// join adds replicas at which nobody waits.
func (q *queue) join(n int) {
	switch {
	case n == 0:
	case len(q.groups) > 0 && q.groups[0].waiting == 0:
		q.groups[0].replicas += n
	default:
		q.groups = append([]group{{replicas: n}}, q.groups...)
	}
}

// resize brings the groups to so many replicas. Those that leave are the ones at which fewest wait, and answer these.
func (q *queue) resize(ready int) (answered float64) {
	now := q.replicas()
	q.join(max(0, ready-now))
	for leaving := now - ready; leaving > 0; {
		one := &q.groups[0]
		n := min(leaving, one.replicas)
		answered += float64(n) * one.waiting
		leaving, one.replicas = leaving-n, one.replicas-n
		if one.replicas == 0 {
			q.groups = q.groups[1:]
		}
	}
	return answered
}

func (q *queue) replicas() int {
	n := 0
	for i := range q.groups {
		n += q.groups[i].replicas
	}
	return n
}

func (q *queue) waiting() float64 {
	sum := 0.0
	for i := range q.groups {
		sum += q.groups[i].waiting * float64(q.groups[i].replicas)
	}
	return sum
}

// bunch sets how requests wait for which there is capacity, by Sakasegawa's approximation of Erlang's C formula (1977): in M/M/m a request waits with
// probability ρ^(√(2(m+1))−1), and if it does, exponentially with mean S / (m(1−ρ)). Waits of others are in proportion to (ca²+cs²)/2, where ca²
// is 1 for independent users (Allen and Cunneen 1978), which is Variability.
func (q *queue) bunch(s *served, arrivals, capacity float64, replicas int) {
	utilization := math.Min(arrivals/capacity, busiest)
	if !(utilization > 0) {
		return
	}
	workers, variability := float64(replicas)*q.workers, q.variability
	if q.model.Evenly {
		// Each has a line of its own from the first request on, and gets every n-th: of n exponential gaps the variation is 1/n.
		workers, variability = q.workers, variability-(1-1/float64(replicas))/2
	}
	s.queueing = math.Pow(utilization, math.Sqrt(2*(workers+1))-1)
	s.tail = s.service * math.Max(variability, leastVariability) / (workers * (1 - utilization))
}

// inFlight is by Little's law what is being answered, and what waits.
func (s *served) inFlight() float64 {
	return s.answered*s.service + s.free*s.queueing*s.tail + s.line
}

// wave notes requests that met a line.
func (s *served) wave(count, delay float64, piece int) {
	if s.waveCount == len(s.waves) || s.waveCount > 2*piece+1 { // more than two groups get some, which merge soon
		last := &s.waves[s.waveCount-1]
		last.delay = (last.delay*last.count + delay*count) / (last.count + count)
		last.count += count
		return
	}
	s.waves[s.waveCount] = wave{count, delay}
	s.waveCount++
}
