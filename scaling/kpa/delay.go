package kpa

import "time"

// Delay finds the largest count of the last while in constant time, as Knative's aggregation/max.TimeWindow (the ascending minima
// algorithm): it keeps only counts that are larger than all that came after them.
type Delay struct {
	// Counts are in descending order, and their ticks in ascending; those before Gone are too old.
	Counts []DelayedCount `json:"counts,omitempty"`
	Gone   int            `json:"gone,omitempty"`
}

// DelayedCount is the largest number of pods that was wanted in a tick.
type DelayedCount struct {
	Tick int64 `json:"tick"` // in units of TickInterval
	Pods int   `json:"pods"`
}

// largest takes in a count and returns the largest of the last length. Where the clock was set back, what lies
// in the future counts as of now.
func (d *Delay) largest(length time.Duration, now time.Time, pods int) int {
	tick := second(now) / int64(TickInterval/time.Second)
	ticks := int64((length + TickInterval - 1) / TickInterval)
	d.Gone = min(max(d.Gone, 0), len(d.Counts))

	end := len(d.Counts)
	for i := end - 1; i >= d.Gone && d.Counts[i].Tick > tick; i-- {
		d.Counts[i].Tick = tick
	}
	for end > d.Gone && d.Counts[end-1].Pods <= pods {
		end--
	}
	d.Counts = d.Counts[:end]
	for d.Gone < end && tick-d.Counts[d.Gone].Tick >= ticks {
		d.Gone++
	}
	if d.Gone > end/2 {
		d.Counts = append(d.Counts[:0], d.Counts[d.Gone:]...)
		d.Gone = 0
	}
	if n := len(d.Counts); n == d.Gone || d.Counts[n-1].Tick != tick {
		d.Counts = append(d.Counts, DelayedCount{Tick: tick, Pods: pods})
	}
	return d.Counts[d.Gone].Pods
}
