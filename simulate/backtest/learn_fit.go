package backtest

import (
	"math"
)

const (
	// leastWaiting is for how many request-seconds requests must have waited until a capacity is fitted to it.
	leastWaiting = 30.0
	// waiting is by how much more is in flight than would be without waits in a second that shows some; and one request more, since few vary more.
	waiting = 1.3
	// explained is how much smaller the error must be with the best capacity than with one that has nobody wait.
	explained = 0.5
	// fitRange is how many times what a replica has answered its capacity is looked for up to.
	fitRange = 50.0
)

// fit is a capacity that was found by how requests waited.
type fit struct {
	known    bool
	capacity float64
	err      float64 // how far it is from what was, as errorWith has it
	runs     [][]Measured
	seconds  int     // in which requests waited
	waited   float64 // request-seconds
}

// fitted finds the capacity with which the model has as many in flight in each second as there were. It needs no line that stands for long enough to see how fast it
// moves: a surge that is answered in time leaves a second or two.
func (l *Learned) fitted(runs [][]Measured) fit {
	f := fit{runs: l.waitingIn(runs), err: math.Inf(1)}
	for _, run := range f.runs {
		for _, s := range run {
			if over := s.InFlight - s.Arrivals*l.Model.ServiceTime.Seconds(); over > 0 {
				f.waited += over
				f.seconds++
			}
		}
	}
	if l.AtLeast <= 0 || f.waited < leastWaiting {
		return f
	}
	try := func(capacity float64) {
		if e := l.errorWith(capacity, f.runs); e < f.err {
			f.capacity, f.err = capacity, e
		}
	}
	for c := l.AtLeast * 0.9; c <= l.AtLeast*fitRange; c *= 1.05 {
		try(c)
	}
	for coarse, step := f.capacity, 0.95; step <= 1.05; step += 0.005 {
		try(coarse * step)
	}
	f.known = f.err <= explained*l.errorWith(l.AtLeast*fitRange*10, f.runs)
	return f
}

// takeFit takes the capacity that was found by waits, or says that none was.
func (l *Learned) takeFit(f fit) {
	switch {
	case f.known:
		l.Model.Capacity = f.capacity
		l.note("A replica answers %.4g requests/s at most: so requests waited in %d seconds as they did, for %.3g s together.", f.capacity, f.seconds, f.waited)
	case f.waited < leastWaiting:
		l.note("What a replica answers at most is not known, since nothing stood in line; it is at least %.4g requests/s.", l.AtLeast)
	default:
		l.note("What a replica answers at most is not known, since no capacity explains how requests waited; it is at least %.4g requests/s.", l.AtLeast)
	}
}

// waitingIn are the parts in which requests waited, with the seconds around.
func (l *Learned) waitingIn(runs [][]Measured) [][]Measured {
	const before, after = 3, 3 // seconds that belong to it: in which a surge begins, and a line ends
	var parts [][]Measured
	for _, run := range runs {
		from, to := -1, -1
		for i := range run {
			if run[i].InFlight <= waiting*run[i].Arrivals*l.Model.ServiceTime.Seconds()+1 {
				continue
			}
			if from >= 0 && i > to+before {
				parts = append(parts, run[from:to])
				from = -1
			}
			if from < 0 {
				from = max(i-before, 0)
			}
			to = min(i+after, len(run))
		}
		if from >= 0 {
			parts = append(parts, run[from:to])
		}
	}
	return parts
}

// errorWith is how far what the model has in flight with a capacity is from what was: the sum of squares of the differences of roots, of which those of large
// counts vary as much as those of small ones.
func (l *Learned) errorWith(capacity float64, runs [][]Measured) float64 {
	m := l.Model
	m.Capacity, m.Patience = capacity, Default().Patience
	sum := 0.0
	for _, run := range runs {
		q := newQueue(m)
		for i := range run {
			come := flat(run[i].Arrivals)
			if i > 0 && i < len(run)-1 {
				come = between(run[i-1].Arrivals, run[i].Arrivals, run[i+1].Arrivals)
			}
			s := q.shaped(come, run[i].Ready, &run[i].Joined)
			d := math.Sqrt(s.inFlight()) - math.Sqrt(math.Max(run[i].InFlight, 0))
			sum += d * d
		}
	}
	return sum
}
