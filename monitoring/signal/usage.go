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

// sample is one reading of a replica. It has no pointers, so that the garbage collector need not look at the samples.
type sample struct {
	at         time.Duration // since usageHistory.began
	process    int           // counts the processes that the replica has had
	cpuSeconds float64       // below 0 where it could not be read
	memory     headroom.Bytes
	hasMemory  bool
	through    consumed // of all samples until this one
}

// consumed is what adds up over time. A window is the difference of two sums, in whole numbers, so that it is exact however long they run.
type consumed struct {
	processor, elapsed time.Duration // of each two samples in a row of one process that have it
	memory             headroom.Bytes
	memories           int // in memory
}

func hasCPU(s *sample) bool { return s.cpuSeconds >= 0 }

func hasMemory(s *sample) bool { return s.hasMemory }

// usageHistory is what is known of one replica, oldest first.
type usageHistory struct {
	recent    recent[sample]
	began     time.Time // when the first sample was taken
	startedAt time.Time // the process, as the newest sample has it
	lastCPU   sample    // the newest that has it
	cpuLimit  headroom.CPU
	memLimit  headroom.Bytes
}

func (h *usageHistory) newest() time.Time {
	samples := h.recent.live()
	if len(samples) == 0 {
		return time.Time{}
	}
	return h.began.Add(samples[len(samples)-1].at)
}

func (h *usageHistory) add(u *headroom.ReplicaUsage, keep time.Duration) {
	if back := h.newest().Sub(u.At); len(h.recent.live()) > 0 && back >= 0 {
		if back < clockStep {
			return
		}
		*h = usageHistory{}
	}
	if len(h.recent.live()) == 0 {
		*h = usageHistory{recent: h.recent, began: u.At, startedAt: u.StartedAt, lastCPU: sample{cpuSeconds: -1}}
	}
	s := h.sampleOf(u)
	h.recent.push(s, func(old *sample) bool { return s.at-old.at > keep })
}

// mostProcessor is the most that is believed to be used between two samples, so that a counter that jumps does not overflow the sum.
const mostProcessor = 1e9 // seconds

func (h *usageHistory) sampleOf(u *headroom.ReplicaUsage) sample {
	s := sample{at: u.At.Sub(h.began), cpuSeconds: -1}
	if samples := h.recent.live(); len(samples) > 0 {
		last := &samples[len(samples)-1]
		s.through, s.process = last.through, last.process
	}
	if !sameProcess(h.startedAt, u.StartedAt) {
		s.process++
	}
	h.startedAt = u.StartedAt
	if u.CPUSeconds != nil && *u.CPUSeconds >= 0 && !math.IsInf(*u.CPUSeconds, 1) {
		s.cpuSeconds, h.cpuLimit = *u.CPUSeconds, u.CPULimit
		if before := &h.lastCPU; hasCPU(before) && before.process == s.process && s.cpuSeconds >= before.cpuSeconds {
			s.through.processor += time.Duration(math.Round(min(s.cpuSeconds-before.cpuSeconds, mostProcessor) * 1e9))
			s.through.elapsed += s.at - before.at
		}
		h.lastCPU = s
	}
	if u.Memory != nil && *u.Memory >= 0 {
		s.memory, s.hasMemory, h.memLimit = *u.Memory, true, u.MemLimit
		s.through.memory += s.memory
		s.through.memories++
	}
	return s
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

// readUsage reads a metric of every ready replica, of which those that nothing is known of are nil. Where some could not be read, there is no total:
// the sum of the others would look like less load.
func readUsage(replicas []*usageHistory, ready []string, read usageReader, during span, n *numbers) headroom.Reading {
	reading := headroom.Reading{Replicas: len(ready)}
	var sum float64
	var newest time.Time
	var why, who string
	for i, name := range ready {
		v := value{unknown: "its platform has not reported on it yet"}
		if history := replicas[i]; history != nil {
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
	sum = headroom.RoundMeasured(sum)
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
	newest := len(samples) - 1
	for newest >= 0 && !has(&samples[newest]) {
		newest--
	}
	if newest < 0 {
		return nil, "its platform could not read it"
	}
	age := during.now.Sub(h.began.Add(samples[newest].at))
	switch {
	case age > during.oldest:
		return nil, fmt.Sprintf("it was last read %s ago", round(age))
	case age < -clockStep:
		return nil, fmt.Sprintf("it was last read %s in the future; the clock was set back", round(-age))
	}
	// The sample at the far edge is needed: 15 rates of a second take 16 samples.
	inside := func(i int) bool { return samples[newest].at-samples[i].at <= during.length+shortestDelta }
	begin := max(newest-int(during.length/time.Second), 0) // a guess: they are mostly taken each second
	for begin > 0 && inside(begin-1) {
		begin--
	}
	for !inside(begin) || !has(&samples[begin]) {
		begin++ // to newest at most
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
	if h.cpuLimit <= 0 {
		return value{unknown: "what 100 % of its processor means is not known"}
	}
	if during.fast {
		samples = lastDelta(samples)
	}
	newest, first := &samples[len(samples)-1], &samples[0]
	elapsed := newest.through.elapsed - first.through.elapsed
	if elapsed < shortestDelta {
		return value{unknown: "it takes two readings to know its processor use"}
	}
	share := float64(newest.through.processor-first.through.processor) / float64(elapsed)
	return value{percent: 100 * share / h.cpuLimit.Cores(), at: h.began.Add(newest.at)}
}

// lastDelta returns the newest sample and those back to the one that a rate is computed against.
func lastDelta(samples []sample) []sample {
	last := len(samples) - 1
	for i := last; i >= 0; i-- {
		if hasCPU(&samples[i]) && samples[last].at-samples[i].at >= shortestDelta {
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
	if h.memLimit <= 0 {
		return value{unknown: "what 100 % of its memory means is not known"}
	}
	if during.fast {
		samples = samples[len(samples)-1:]
	}
	newest, first := &samples[len(samples)-1], 0
	for samples[first].process != newest.process || !hasMemory(&samples[first]) {
		first++ // before a restart it was another process
	}
	sum := newest.through.memory - samples[first].through.memory + samples[first].memory
	count := newest.through.memories - samples[first].through.memories + 1
	return value{percent: 100 * float64(sum) / float64(count) / float64(h.memLimit), at: h.began.Add(newest.at)}
}

// sameProcess compares start times to the second: a platform that derives them from the boot time
// may see them wander by some milliseconds, and a restart within a second lowers the counter.
func sameProcess(a, b time.Time) bool { return a.Sub(b).Abs() < time.Second }
