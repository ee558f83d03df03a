package backtest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// What must have been seen until it is believed.
const (
	leastQuiet  = 200 // requests of quiet stretches, for the service time: its 95th percentile then rests on ten
	leastDepth  = 3   // whole seconds of replicas with a line, for their capacity and for each point of the curve
	leastStarts = 5   // for the share that fails
	// saturated is how many times its service time a request takes at a replica that is taken to be at capacity: then twice as many stand in line as are answered.
	saturated = 3.0
	// quietest is the share of the stretches, those with the fewest in flight per replica, in which a request is taken not to wait.
	quietest = 0.25
)

// Learned is what a history says of a service.
type Learned struct {
	Model   Model    // what is not known of it is zero
	AtLeast float64  // requests per second that a replica has answered, where none was seen at its capacity
	Notes   []string // sentences for the user that say with how much evidence
}

// Over is a model in which what was learned takes the place of what was there.
func (l Learned) Over(m Model) Model {
	m.ServiceTime, m.ServiceTimes = l.Model.ServiceTime, l.Model.ServiceTimes
	if l.Model.Capacity > 0 {
		m.Capacity, m.Curve = l.Model.Capacity, l.Model.Curve
	}
	if len(l.Model.Boots) > 0 {
		m.Boot, m.Boots, m.PlatformDelay, m.PlatformDelays = l.Model.Boot, l.Model.Boots, l.Model.PlatformDelay, l.Model.PlatformDelays
		m.StartFailures = l.Model.StartFailures
	}
	return m
}

// Learn takes from a history what a request takes at a replica that has nothing else to do, how many a replica answers at most and with how many in flight, and how
// long replicas take to be ready. It fails where even the first is not known. What a model needs besides is for Complete.
func Learn(h History) (Learned, error) {
	l := Learned{Model: Model{Evenly: h.Evenly}}
	if err := l.serviceTime(h.Stretches); err != nil {
		return l, err
	}
	l.capacity(h)
	l.busierTimes(h.Stretches)
	l.starts(h.Starts)
	return l, nil
}

func (l *Learned) note(format string, values ...any) {
	l.Notes = append(l.Notes, fmt.Sprintf(format, values...))
}

// serviceTime is that of the quiet stretches.
func (l *Learned) serviceTime(stretches []Stretch) error {
	known := slices.DeleteFunc(slices.Clone(stretches), func(s Stretch) bool { return s.Answered <= 0 || s.Ready <= 0 || s.Busy <= 0 })
	slices.SortFunc(known, func(a, b Stretch) int {
		switch x, y := a.InFlight/a.Ready, b.InFlight/b.Ready; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	requests, count := 0.0, 0
	for count < len(known) && (count < int(math.Ceil(quietest*float64(len(known)))) || requests < leastQuiet) {
		requests += known[count].Answered
		count++
	}
	if requests < leastQuiet {
		return fmt.Errorf("too little was measured to learn the service time from: %.0f requests, expected at least %d; a longer time may have more, or give --service-time and --capacity",
			requests, leastQuiet)
	}
	l.timesOf(known[:count])
	l.note("A request that does not wait takes %s on average: %.0f requests of the quietest %s.", rounded(l.Model.ServiceTime), requests, lengthOf(known[:count]))
	return nil
}

// timesOf takes the mean and the spread of all that was answered in some stretches.
func (l *Learned) timesOf(stretches []Stretch) {
	requests, busy, counts := 0.0, 0.0, map[float64]float64{}
	for _, s := range stretches {
		requests += s.Answered
		busy += s.Busy
		for _, b := range s.Slower {
			counts[b.Most] += b.Count
		}
	}
	l.Model.ServiceTime = seconds(busy / requests)
	l.Model.ServiceTimes = sharesOf(counts, busy/requests)
}

// busierTimes takes the service times from busier stretches, too, where it is known by the capacity that requests hardly wait in them: a machine on which more
// happens is slower and less even, without anybody waiting in line.
func (l *Learned) busierTimes(stretches []Stretch) {
	if l.Model.Capacity <= 0 {
		return
	}
	const little = 0.01 // of the service time, on average of all requests
	q, quiet := newQueue(l.Model), l.Model.ServiceTime.Seconds()
	taken := slices.DeleteFunc(slices.Clone(stretches), func(s Stretch) bool {
		if s.Answered <= 0 || s.Ready < 1 || s.Length <= 0 || s.Busy/s.Answered > waiting*quiet {
			return true // the last is a line of before
		}
		var served served
		q.bunch(&served, s.Answered/s.Length.Seconds(), s.Ready*l.Model.Capacity, int(s.Ready))
		return served.queueing*served.tail > little*quiet
	})
	requests := 0.0
	for _, s := range taken {
		requests += s.Answered
	}
	if requests < leastQuiet {
		return
	}
	l.timesOf(taken)
	l.note("Where hardly any waits it takes %s, busy or not: %.0f requests of %s.", rounded(l.Model.ServiceTime), requests, lengthOf(taken))
}

func lengthOf(stretches []Stretch) time.Duration {
	sum := time.Duration(0)
	for _, s := range stretches {
		sum += s.Length
	}
	return sum.Round(time.Second)
}

func seconds(s float64) headroom.Duration { return headroom.Duration(s * float64(time.Second)) }

// rounded has three digits, which is more than is known.
func rounded(d headroom.Duration) time.Duration {
	unit := time.Duration(1)
	for time.Duration(d)/unit >= 1000 {
		unit *= 10
	}
	return time.Duration(d).Round(unit)
}

// starts is how replicas get ready.
func (l *Learned) starts(starts []Start) {
	var boots, delays []headroom.Duration
	failed := 0
	for _, s := range starts {
		delays = append(delays, headroom.Duration(s.Delay))
		if s.Failed {
			failed++
			continue
		}
		boots = append(boots, headroom.Duration(s.Boot))
	}
	if len(boots) == 0 {
		l.note("No replica was seen to get ready, so how long that takes is not known.")
		return
	}
	l.Model.Boot, l.Model.Boots = spreadOf(boots)
	l.Model.PlatformDelay, l.Model.PlatformDelays = spreadOf(delays)
	last := len(l.Model.Boots) - 1
	l.note("A replica boots for %s on average, %s to %s: %s.", rounded(l.Model.Boot), rounded(l.Model.Boots[0]), rounded(l.Model.Boots[last]), startCount(len(boots)))
	switch {
	case len(starts) >= leastStarts && failed > 0:
		l.Model.StartFailures = math.Min(float64(failed)/float64(len(starts)), 0.99)
		l.note("Of %s %d failed.", startCount(len(starts)), failed)
	case failed > 0:
		l.note("Of %s %d failed; from so few no share is taken.", startCount(len(starts)), failed)
	}
}

func startCount(n int) string {
	if n == 1 {
		return "1 start"
	}
	return fmt.Sprintf("%d starts", n)
}

// mostSeen bounds a list of times that were seen.
const mostSeen = 20

// spreadOf is the mean, and the times themselves, or as many quantiles of them as are kept.
func spreadOf(times []headroom.Duration) (headroom.Duration, []headroom.Duration) {
	slices.Sort(times)
	sum := headroom.Duration(0)
	for i := range times {
		times[i] = max(times[i], 0) // a clock that was set back
		sum += times[i]
	}
	mean := sum / headroom.Duration(len(times))
	if len(times) <= mostSeen {
		return mean, times
	}
	kept := make([]headroom.Duration, mostSeen)
	for i := range kept {
		kept[i] = times[(2*i+1)*len(times)/(2*mostSeen)]
	}
	return mean, kept
}
