package signal

import (
	"fmt"
	"math"
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

// sample is one reading of a replica.
type sample struct {
	at, startedAt time.Time
	cpuSeconds    float64 // below 0 where it could not be read
	memory        float64 // bytes; below 0 where it could not be read
	cpuLimit      headroom.CPU
	memLimit      headroom.Bytes
}

func sampleOf(u *headroom.ReplicaUsage) sample {
	s := sample{at: u.At, startedAt: u.StartedAt, cpuSeconds: -1, memory: -1, cpuLimit: u.CPULimit, memLimit: u.MemLimit}
	if u.CPUSeconds != nil && *u.CPUSeconds >= 0 && !math.IsInf(*u.CPUSeconds, 1) {
		s.cpuSeconds = *u.CPUSeconds
	}
	if u.Memory != nil {
		s.memory = float64(*u.Memory)
	}
	return s
}

func hasCPU(s *sample) bool { return s.cpuSeconds >= 0 }

func hasMemory(s *sample) bool { return s.memory >= 0 }

// usageHistory is what is known of one replica, oldest first.
type usageHistory struct {
	recent recent[sample]
}

func (h *usageHistory) newest() time.Time {
	samples := h.recent.live()
	if len(samples) == 0 {
		return time.Time{}
	}
	return samples[len(samples)-1].at
}

func (h *usageHistory) add(u *headroom.ReplicaUsage, keep time.Duration) {
	if back := h.newest().Sub(u.At); len(h.recent.live()) > 0 && back >= 0 {
		if back < clockStep {
			return
		}
		h.recent.forget()
	}
	h.recent.push(sampleOf(u), func(s *sample) bool { return s.at.Before(u.At.Add(-keep)) })
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
func readUsage(replicas map[string]*usageHistory, ready []string, read usageReader, during span, n *numbers) headroom.Reading {
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
	reading.PerReplica = n.number(sum / float64(reading.Measured))
	reading.Age = headroom.Duration(max(during.now.Sub(newest), 0))
	if reading.Measured == reading.Replicas {
		reading.Total = n.number(sum)
	}
	return reading
}

// known returns the samples of the span, oldest first, or why there are none fresh enough. The first and the last of them
// have the value, others may lack it. The span ends with the newest of them, as that of the traffic does.
func (h *usageHistory) known(during span, has func(*sample) bool) ([]sample, string) {
	samples := h.recent.live()
	begin, newest := 0, -1
	for i := len(samples) - 1; i >= 0; i-- {
		// The sample at the far edge is needed: 15 rates of a second take 16 samples.
		if newest >= 0 && samples[newest].at.Sub(samples[i].at) > during.length+shortestDelta {
			break
		}
		if !has(&samples[i]) {
			continue
		}
		if newest < 0 {
			newest = i
		}
		begin = i
	}
	if newest < 0 {
		return nil, "its platform could not read it"
	}
	age := during.now.Sub(samples[newest].at)
	switch {
	case age > during.oldest:
		return nil, fmt.Sprintf("it was last read %s ago", round(age))
	case age < -clockStep:
		return nil, fmt.Sprintf("it was last read %s in the future; the clock was set back", round(-age))
	}
	return samples[begin : newest+1], ""
}

// cpu is the processor time used per time, in percent of the limit. Time before the replica's
// process was started anew, or its counter fell, is left out.
func (h *usageHistory) cpu(during span) value {
	samples, unknown := h.known(during, hasCPU)
	if unknown != "" {
		return value{unknown: unknown}
	}
	newest := &samples[len(samples)-1]
	if newest.cpuLimit <= 0 {
		return value{unknown: "what 100 % of its processor means is not known"}
	}
	if during.fast {
		samples = lastDelta(samples)
	}
	var used, elapsed float64 // both in seconds
	before := &samples[0]
	for i := 1; i < len(samples); i++ {
		after := &samples[i]
		if !hasCPU(after) {
			continue
		}
		if sameProcess(before, after) && after.cpuSeconds >= before.cpuSeconds {
			used += after.cpuSeconds - before.cpuSeconds
			elapsed += after.at.Sub(before.at).Seconds()
		}
		before = after
	}
	if elapsed < shortestDelta.Seconds() {
		return value{unknown: "it takes two readings to know its processor use"}
	}
	return value{percent: 100 * used / elapsed / newest.cpuLimit.Cores(), at: newest.at}
}

// lastDelta returns the newest sample and those back to the one that a rate is computed against.
func lastDelta(samples []sample) []sample {
	last := len(samples) - 1
	for i := last; i >= 0; i-- {
		if hasCPU(&samples[i]) && samples[last].at.Sub(samples[i].at) >= shortestDelta {
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
	newest := &samples[len(samples)-1]
	if newest.memLimit <= 0 {
		return value{unknown: "what 100 % of its memory means is not known"}
	}
	if during.fast {
		samples = samples[len(samples)-1:]
	}
	var sum float64
	count := 0
	for i := range samples {
		// Before a restart it was another process.
		if hasMemory(&samples[i]) && sameProcess(&samples[i], newest) {
			sum += samples[i].memory
			count++
		}
	}
	return value{percent: 100 * sum / float64(count) / float64(newest.memLimit), at: newest.at}
}

// sameProcess compares start times to the second: a platform that derives them from the boot time
// may see them wander by some milliseconds, and a restart within a second lowers the counter.
func sameProcess(a, b *sample) bool {
	return a.startedAt.Sub(b.startedAt).Abs() < time.Second
}
