package kpa

import (
	"math"
	"slices"
	"time"
)

// State is all that is remembered of a service between steps. The zero State is that of a service which was never seen: the first step
// starts it. A State may be read while nothing changes it, and is not safe to be changed by two at once.
type State struct {
	Started bool   `json:"started"`
	Stable  Window `json:"stable"`
	Panic   Window `json:"panic"`
	// PanicSince is when the panic window last asked for more than the threshold; zero is no panic.
	PanicSince time.Time `json:"panicSince,omitzero"`
	// PanicPods is the largest count of the present panic.
	PanicPods int   `json:"panicPods"`
	Delay     Delay `json:"delay"`
	// Last is the newest decision, of DecidedAt.
	Last      Decision  `json:"last"`
	DecidedAt time.Time `json:"decidedAt,omitzero"`
}

// Start is the State of an autoscaler that starts now with so many pods ready (negative is not known). With more than one it starts in
// panic: after a restart there is no history, and a small average of little would shrink the service at once.
func Start(policy Policy, now time.Time, ready int) State {
	p := policy.usable()
	var s State
	s.start(&p, now, ready)
	return s
}

func (s *State) start(p *Policy, now time.Time, ready int) {
	s.Started = true
	s.Last = Decision{Desired: -1, ExcessBurst: startBurst(p)}
	s.PanicSince, s.PanicPods = time.Time{}, max(ready, 0)
	if ready > 1 {
		s.PanicSince = now
	}
}

// startBurst is the excess burst capacity before the first decision: what the initial pods can take.
func startBurst(p *Policy) int {
	if p.TargetBurstCapacity == 0 || p.TargetBurstCapacity == -1 {
		return int(p.TargetBurstCapacity)
	}
	return whole(math.Trunc(float64(p.InitialScale)*p.Total - p.TargetBurstCapacity))
}

// Clone is a State of its own, for who needs it as it was.
func (s *State) Clone() State {
	c := *s
	c.Stable.Buckets = slices.Clone(s.Stable.Buckets)
	c.Panic.Buckets = slices.Clone(s.Panic.Buckets)
	c.Delay.Counts = slices.Clone(s.Delay.Counts)
	return c
}

// whole is a count as int. What does not fit 32 bits, as Knative's counts do, is cut to them.
func whole(f float64) int {
	return int(math.Min(math.Max(f, math.MinInt32), math.MaxInt32))
}
