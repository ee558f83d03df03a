package signal

import (
	"fmt"
	"sync"
	"time"

	"headroom.dev/headroom"
)

// Sample is what one reading of a signal of the user's own gave.
type Sample struct {
	Service string
	Signal  headroom.Metric
	At      time.Time
	Value   float64 // of the service as a whole; without a meaning where Err is given
	Err     string  // why it could not be read; empty where it could
	// Failures is how often in a row it could not be read, this time included.
	Failures int
}

// ownSignals holds the recent samples of all signals that users configured. The zero value is empty.
type ownSignals struct {
	mu        sync.Mutex // guards histories
	histories map[ownName]*ownHistory
}

type ownName struct {
	service string
	signal  headroom.Metric
}

// ownHistory is what is known of one signal: values, oldest first, and why the last readings failed.
type ownHistory struct {
	values   []ownValue
	failures int
	err      string
}

type ownValue struct {
	at    time.Time
	value float64
}

// AddSample takes a reading of a signal of the user's own. One that is not newer than the newest is dropped, unless it is so much older that the
// clock must have been set back.
func (s *Signals) AddSample(sample Sample) {
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	name := ownName{sample.Service, sample.Signal}
	history := s.own.histories[name]
	if history == nil {
		if s.own.histories == nil {
			s.own.histories = map[ownName]*ownHistory{}
		}
		history = &ownHistory{}
		s.own.histories[name] = history
	}
	history.failures, history.err = sample.Failures, sample.Err
	if sample.Err == "" {
		history.add(ownValue{sample.At, sample.Value})
	}
}

// KeepSamples forgets the signals of the user's own that these services do not have.
func (s *Signals) KeepSamples(services map[string]headroom.Service) {
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	for name := range s.own.histories {
		if _, configured := services[name.service].Scaling.Signals[name.signal]; !configured {
			delete(s.own.histories, name)
		}
	}
}

func (h *ownHistory) add(v ownValue) {
	if n := len(h.values); n > 0 {
		if back := h.values[n-1].at.Sub(v.at); back >= clockStep {
			h.values = h.values[:0]
		} else if back >= 0 {
			return
		}
	}
	kept := 0
	for kept < len(h.values) && h.values[kept].at.Before(v.at.Add(-keep)) {
		kept++
	}
	// Moved to the front rather than sliced off, so that a signal that is read for months needs one array.
	n := copy(h.values, h.values[kept:])
	h.values = append(h.values[:n], v)
}

// read adds the policy's own signals of a service to out: the newest value, and the mean over the stable window.
func (o *ownSignals) read(service string, now time.Time, policy *headroom.Scaling, window time.Duration, ready int, out map[headroom.Metric]headroom.Signal) {
	if len(policy.Signals) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, from := range policy.Signals {
		history := o.histories[ownName{service, name}]
		signal := headroom.Signal{Metric: name}
		signal.Fast, signal.Stable = history.readings(now, window, time.Duration(from.StaleAfter), ready)
		if history != nil {
			signal.Failures = history.failures
		}
		out[name] = signal
	}
}

// readings gives the newest value and the mean over the window, or why there is none.
func (h *ownHistory) readings(now time.Time, window, staleAfter time.Duration, ready int) (fast, stable headroom.Reading) {
	unknown := func(why string, age time.Duration) (headroom.Reading, headroom.Reading) {
		none := headroom.Reading{Age: headroom.Duration(age), Replicas: ready, Unknown: why}
		return none, none
	}
	switch {
	case h == nil:
		return unknown("it has not been read yet", 0)
	case len(h.values) == 0:
		return unknown("it could not be read yet: "+h.err, 0)
	}
	newest := h.values[len(h.values)-1]
	age := now.Sub(newest.at)
	switch {
	case age > staleAfter && h.err != "":
		return unknown(fmt.Sprintf("it was last read %s ago: %s", round(age), h.err), age)
	case age > staleAfter:
		return unknown(fmt.Sprintf("it was last read %s ago", round(age)), age)
	case age < -clockStep:
		return unknown(fmt.Sprintf("it was last read %s in the future; the clock was set back", round(-age)), 0)
	}
	age = max(age, 0)
	return ownReading(newest.value, age, ready), ownReading(h.mean(window), age, ready)
}

// mean is that of the window that ends with the newest value; where polls are rarer than the window, it is that value.
func (h *ownHistory) mean(window time.Duration) float64 {
	newest := h.values[len(h.values)-1].at
	mean, n := 0.0, 0.0
	for i := len(h.values) - 1; i >= 0 && newest.Sub(h.values[i].at) < window; i-- {
		n++
		mean += (h.values[i].value - mean) / n // a sum of many large values could overflow
	}
	return mean
}

// ownReading is a value of the service as a whole, which the ready replicas share.
func ownReading(total float64, age time.Duration, ready int) headroom.Reading {
	reading := headroom.Reading{Total: &total, Age: headroom.Duration(age), Measured: ready, Replicas: ready}
	if ready == 0 {
		reading.Unknown = "no replica is ready to share it"
		return reading
	}
	share := total / float64(ready)
	reading.PerReplica = &share
	return reading
}
