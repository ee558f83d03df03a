package signal

import (
	"fmt"
	"math"
	"slices"
	"time"

	"headroom.dev/headroom"
)

const (
	// shortestDelta is the least time between two cpu samples of which a utilization is computed.
	// Platforms count in ticks of 10 ms: over half a second one tick is 2 %.
	shortestDelta = 500 * time.Millisecond
	// longestDelta is the most for the fast window: a rate over longer is no news of the last second.
	longestDelta = 2500 * time.Millisecond
)

// usageHistory is what is known of one replica, oldest first.
type usageHistory struct {
	samples []headroom.ReplicaUsage
}

func (h *usageHistory) newest() time.Time {
	if len(h.samples) == 0 {
		return time.Time{}
	}
	return h.samples[len(h.samples)-1].At
}

func (h *usageHistory) add(u headroom.ReplicaUsage) {
	if back := h.newest().Sub(u.At); len(h.samples) > 0 && back >= 0 {
		if back < clockStep {
			return
		}
		h.samples = nil
	}
	kept := 0
	for kept < len(h.samples) && h.samples[kept].At.Before(u.At.Add(-keep)) {
		kept++
	}
	h.samples = append(h.samples[kept:], u)
}

// span is the time that a reading is made of.
type span struct {
	now    time.Time
	fast   bool          // only the newest sample, and the one that a rate needs before it
	length time.Duration // how far before the newest sample
	oldest time.Duration // the newest sample must not be older
}

// value is one number of one replica, in percent of its limit, or the reason why there is none.
type value struct {
	percent float64
	at      time.Time // of the newest sample
	unknown string
}

// usageReader reads one metric of one replica.
type usageReader func(*usageHistory, span) value

// readUsage reads a metric of every ready replica. Where some could not be read, there is no total:
// the sum of the others would look like less load.
func readUsage(replicas map[string]*usageHistory, ready []string, read usageReader, during span) headroom.Reading {
	reading := headroom.Reading{Replicas: len(ready)}
	var sum float64
	var newest time.Time
	var why, who string
	for _, name := range ready {
		v := value{unknown: "its platform has not reported on it yet"}
		if history := replicas[name]; history != nil {
			v = read(history, during)
		}
		if v.unknown != "" {
			why, who = v.unknown, name
			continue
		}
		sum += v.percent
		reading.Measured++
		if v.at.After(newest) {
			newest = v.at
		}
	}
	switch {
	case len(ready) == 0:
		reading.Unknown = "no replica is ready"
		return reading
	case reading.Measured == 0:
		reading.Unknown = fmt.Sprintf("no ready replica could be measured; %s: %s", who, why)
		return reading
	}
	mean := sum / float64(reading.Measured)
	reading.PerReplica = &mean
	reading.Age = headroom.Duration(max(during.now.Sub(newest), 0))
	if reading.Measured == reading.Replicas {
		reading.Total = &sum
	}
	return reading
}

// known returns the samples of the span that hold a value, oldest first, or why there are none
// fresh enough. The span ends with the newest of them, as that of the traffic does.
func (h *usageHistory) known(during span, has func(headroom.ReplicaUsage) bool) ([]headroom.ReplicaUsage, string) {
	var known []headroom.ReplicaUsage
	for _, sample := range slices.Backward(h.samples) {
		// The sample at the far edge is needed: 15 rates of a second take 16 samples.
		if len(known) > 0 && known[0].At.Sub(sample.At) > during.length+shortestDelta {
			break
		}
		if has(sample) {
			known = append(known, sample)
		}
	}
	if len(known) == 0 {
		return nil, "its platform could not read it"
	}
	age := during.now.Sub(known[0].At)
	switch {
	case age > during.oldest:
		return nil, fmt.Sprintf("it was last read %s ago", round(age))
	case age < -clockStep:
		return nil, fmt.Sprintf("it was last read %s in the future; the clock was set back", round(-age))
	}
	slices.Reverse(known)
	return known, ""
}

// cpu is the processor time used per time, in percent of the limit. Time before the replica's
// process was started anew, or its counter fell, is left out.
func (h *usageHistory) cpu(during span) value {
	samples, unknown := h.known(during, hasCPU)
	if unknown != "" {
		return value{unknown: unknown}
	}
	newest := samples[len(samples)-1]
	if newest.CPULimit <= 0 {
		return value{unknown: "what 100 % of its processor means is not known"}
	}
	if during.fast {
		samples = lastDelta(samples)
	}
	var used, elapsed float64 // both in seconds
	for i := 1; i < len(samples); i++ {
		before, after := samples[i-1], samples[i]
		if !sameProcess(before, after) || *after.CPUSeconds < *before.CPUSeconds {
			continue
		}
		used += *after.CPUSeconds - *before.CPUSeconds
		elapsed += after.At.Sub(before.At).Seconds()
	}
	if elapsed < shortestDelta.Seconds() {
		return value{unknown: "it takes two readings to know its processor use"}
	}
	return value{percent: 100 * used / elapsed / newest.CPULimit.Cores(), at: newest.At}
}

// lastDelta returns the newest sample and those back to the one that a rate is computed against.
func lastDelta(samples []headroom.ReplicaUsage) []headroom.ReplicaUsage {
	last := len(samples) - 1
	for i, sample := range slices.Backward(samples) {
		if samples[last].At.Sub(sample.At) >= shortestDelta {
			return samples[i:]
		}
	}
	return samples[last:]
}

// memory is the resident memory in percent of the limit: of the newest sample, or the mean over the
// stable window.
func (h *usageHistory) memory(during span) value {
	samples, unknown := h.known(during, hasMemory)
	if unknown != "" {
		return value{unknown: unknown}
	}
	newest := samples[len(samples)-1]
	if newest.MemLimit <= 0 {
		return value{unknown: "what 100 % of its memory means is not known"}
	}
	if during.fast {
		samples = samples[len(samples)-1:]
	}
	var sum float64
	count := 0
	for _, sample := range samples {
		// Before a restart it was another process.
		if sameProcess(sample, newest) {
			sum += float64(*sample.Memory)
			count++
		}
	}
	return value{percent: 100 * sum / float64(count) / float64(newest.MemLimit), at: newest.At}
}

// sameProcess compares start times to the second: a platform that derives them from the boot time
// may see them wander by some milliseconds, and a restart within a second lowers the counter.
func sameProcess(a, b headroom.ReplicaUsage) bool {
	return a.StartedAt.Sub(b.StartedAt).Abs() < time.Second
}

func hasCPU(u headroom.ReplicaUsage) bool {
	return u.CPUSeconds != nil && *u.CPUSeconds >= 0 && !math.IsInf(*u.CPUSeconds, 1)
}

func hasMemory(u headroom.ReplicaUsage) bool { return u.Memory != nil && *u.Memory >= 0 }
