package hpa

import (
	"slices"
	"time"
)

// State is what one autoscaler remembers. It is plain data; the zero State has seen nothing. HPA keeps it in memory only,
// so that after a restart the current number is its first recommendation.
//
// It is bounded: recommendations that a later one outdoes are dropped, so there are at most as many as differ within the
// longest window, and changes are dropped as HPA drops them.
type State struct {
	// Lowest are the recommendations that may yet be the lowest of a window: rising, oldest first. The last is the newest.
	Lowest []Recommendation `json:"lowest,omitempty"`
	// Highest are those that may yet be the highest: falling, oldest first. The last is the newest.
	Highest []Recommendation `json:"highest,omitempty"`

	ScaleUps   []Change `json:"scaleUps,omitempty"`
	ScaleDowns []Change `json:"scaleDowns,omitempty"`

	// ScaledToZero is true while there are no replicas since the autoscaler took them away, and not a person: then it may
	// bring them back. HPA keeps it as a condition in the status.
	ScaledToZero bool `json:"scaledToZero,omitempty"`
}

// Recommendation is what the metrics asked for at a time, before any limit.
type Recommendation struct {
	Replicas int       `json:"replicas"`
	At       time.Time `json:"at"`
}

// Change is by how many replicas the number was changed at a time; above 0 in both directions.
type Change struct {
	Replicas int       `json:"replicas"`
	At       time.Time `json:"at"`
	// Outdated changes give their place to the next one of the same direction. Until then they count.
	Outdated bool `json:"outdated,omitempty"`
}

// Seen is the state after the autoscaler has looked at the current number for the first time: that number is a
// recommendation, so that it is not scaled down at once. Later calls change nothing.
func (s State) Seen(current int, now time.Time) State {
	if len(s.Highest) > 0 {
		return s
	}
	first := []Recommendation{{Replicas: current, At: now.Round(0)}}
	s.Lowest, s.Highest = first, first
	return s
}

// recommended adds a recommendation and drops those that are out of the window.
func (s State) recommended(replicas int, now time.Time, window time.Duration) State {
	one := Recommendation{Replicas: replicas, At: now.Round(0)}
	oldest := now.Add(-window)
	s.Lowest = push(s.Lowest, one, oldest, func(older int) bool { return older >= replicas })
	s.Highest = push(s.Highest, one, oldest, func(older int) bool { return older <= replicas })
	return s
}

// caughtUp is the state with no recommendation ahead of now. There is one only where the clock was set back; it would hold
// for longer than a window.
func (s State) caughtUp(now time.Time) State {
	now = now.Round(0)
	for _, list := range [...]*[]Recommendation{&s.Lowest, &s.Highest} {
		if n := len(*list); n == 0 || !(*list)[n-1].At.After(now) {
			continue
		}
		*list = slices.Clone(*list)
		for i := range *list {
			if (*list)[i].At.After(now) {
				(*list)[i].At = now
			}
		}
	}
	return s
}

// push copies what is neither outdone by the new recommendation nor older than oldest, and adds it. Amortized each
// recommendation is dropped once; the copy is as long as there are different ones within the window.
func push(kept []Recommendation, one Recommendation, oldest time.Time, outdone func(int) bool) []Recommendation {
	start, end := 0, len(kept)
	for start < end && kept[start].At.Before(oldest) {
		start++
	}
	for end > start && outdone(kept[end-1].Replicas) {
		end--
	}
	pushed := append(make([]Recommendation, 0, end-start+1), kept[start:end]...)
	return append(pushed, one)
}

// Rescaled is the state after the number was changed from one to another, for the rate policies of later steps. Step
// calls it; call it for changes that were decided with Normalize alone.
//
// A change takes the place of one that is older than all policies of its own direction, as in storeScaleEvent. Policies
// of the other direction may look back further; then HPA forgets a change that they would count, and so does this.
func (s State) Rescaled(b Behavior, from, to int, now time.Time) State {
	switch {
	case to > from:
		s.ScaleUps = record(s.ScaleUps, to-from, b.ScaleUp.longest(), now)
	case to < from:
		s.ScaleDowns = record(s.ScaleDowns, from-to, b.ScaleDown.longest(), now)
	}
	return s
}

func record(changes []Change, replicas int, longest time.Duration, now time.Time) []Change {
	changes = append(make([]Change, 0, len(changes)+1), changes...)
	oldest, place := now.Add(-longest), -1
	for i := range changes {
		if changes[i].At.Before(oldest) || changes[i].At.After(now) {
			changes[i].Outdated = true
		}
		if changes[i].Outdated {
			place = i
		}
	}
	one := Change{Replicas: replicas, At: now.Round(0)}
	if place < 0 {
		return append(changes, one)
	}
	changes[place] = one
	return changes
}

// changed is by how many replicas the number was changed within a period. A change ahead of a clock that was set back does
// not count: it would count for longer than the period.
func changed(changes []Change, period time.Duration, now time.Time) int {
	total, since := 0, now.Add(-period)
	for _, c := range changes {
		if c.At.After(since) && !c.At.After(now) {
			total += c.Replicas
		}
	}
	return total
}
