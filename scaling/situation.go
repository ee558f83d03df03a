package scaling

import (
	"math"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/rule"
)

const (
	// mostReplicas caps what a proposal may ask for, so that an absurd reading cannot overflow an int. The configuration
	// allows 1,000 replicas; a thousand times that is never reached.
	mostReplicas = 1_000_000

	// defaultWindow and defaultPanicThreshold stand in for a policy that did not pass through config and has zeros.
	defaultWindow         = 15 * time.Second
	defaultPanicThreshold = 1.5

	// saturatedCPU is the processor use, in percent of what a replica may use, from which on the load is more than what is
	// measured: a replica at its limit cannot show how much waits behind it. 95 rather than 100, since throttling acts
	// in slices of 100 ms and measured use stays a little below the limit.
	saturatedCPU = 95
)

// proposed is what a Proposal points to.
type proposed struct {
	value    float64
	replicas int
}

// situation is what one decision is made in: the inputs, checked once and put in order.
type situation struct {
	service string
	at      time.Time
	signals map[headroom.Metric]headroom.Signal
	from    int // replicas wanted before

	min, max       int
	toleranceUp    float64
	toleranceDown  float64
	panicThreshold float64
	window         time.Duration // the stable one
	quantile       float64

	counted         bool // ready and starting are known
	ready, starting int
	warming         int // of ready
	synced          bool
	waiting         int  // requests, for a first replica
	saturated       bool // the processors of the ready replicas were, in the last second

	lastUp, lastDown time.Time
	lastActive       time.Time
	minName, maxName string // of the schedule that the bounds are from; empty is none
	scheduledUp      bool   // a schedule asks for replicas now

	sources   map[headroom.Metric]headroom.SignalFrom
	location  *time.Location
	policy    *headroom.Scaling
	memories  map[string]headroom.PolicyMemory // of before
	remembers map[string]headroom.PolicyMemory // for the next decision
	variables *rule.Variables                  // made when the first rule asks

	numbers []proposed // of the proposals to come, so that they are one allocation
	quiet   bool       // write no sentences
	skip    string     // the rule that is left out, to see what would be without it
}

func newSituation(policy *headroom.Scaling, obs headroom.Observation, state headroom.ScalerState) situation {
	s := situation{
		service:        obs.Service,
		at:             obs.At,
		signals:        obs.Signals,
		from:           min(max(state.Wanted, 0), mostReplicas),
		min:            min(max(policy.MinReplicas, 0), mostReplicas),
		toleranceUp:    toleranceOf(policy.Tolerance, policy.Behavior.ScaleUp.Tolerance),
		toleranceDown:  toleranceOf(policy.Tolerance, policy.Behavior.ScaleDown.Tolerance),
		panicThreshold: policy.PanicThreshold,
		window:         time.Duration(policy.StableWindow),
		quantile:       policy.LatencyQuantile,
		synced:         obs.Replicas.Synced,
		waiting:        max(obs.Waiting, 0),
		lastUp:         notAfter(state.LastUp, obs.At),
		lastDown:       notAfter(state.LastDown, obs.At),
		lastActive:     notAfter(state.LastActive, obs.At),
		sources:        policy.Signals,
		policy:         policy,
		location:       time.UTC,
		memories:       state.Policies,
	}
	s.max = min(max(policy.MaxReplicas, s.min, 1), mostReplicas)
	if s.service == "" {
		s.service = "the service"
	}
	if !(s.panicThreshold >= 1) || math.IsInf(s.panicThreshold, 1) {
		s.panicThreshold = defaultPanicThreshold
	}
	if s.window <= 0 {
		s.window = defaultWindow
	}
	ready, starting := obs.Replicas.Ready, obs.Replicas.Starting
	if ready != nil && starting != nil && *ready >= 0 && *starting >= 0 {
		s.counted, s.ready, s.starting = true, min(*ready, mostReplicas), min(*starting, mostReplicas)
		s.warming = min(max(obs.Replicas.Warming, 0), s.ready)
	}
	if cpu := s.read(headroom.MetricCPU, fast); cpu.known && cpu.perReplica >= saturatedCPU {
		s.saturated = true
	}
	return s
}

// toleranceOf is the tolerance of one direction; one that cannot be is 0.
func toleranceOf(both float64, one *float64) float64 {
	if one != nil {
		both = *one
	}
	if both >= 0 && both <= 1 {
		return both
	}
	return 0
}

// recall is what a policy remembered, remember what it will.
func (s *situation) recall(policy string) headroom.PolicyMemory { return s.memories[policy] }

func (s *situation) remember(policy string, value any) {
	if s.remembers == nil {
		s.remembers = map[string]headroom.PolicyMemory{}
	}
	s.remembers[policy] = headroom.Remember(value)
}

// notAfter pulls a time that lies in the future to now. The clock was set back; without this a cooldown could last as
// long as the clock jumped.
func notAfter(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

// lastChange is when the wanted number changed last; zero is never.
func (s *situation) lastChange() time.Time {
	if s.lastUp.After(s.lastDown) {
		return s.lastUp
	}
	return s.lastDown
}

// settled reports whether a whole stable window has passed since the wanted number changed, so that the averages no
// longer hold what was before the change.
func (s *situation) settled() bool {
	last := s.lastChange()
	return last.IsZero() || s.at.Sub(last) >= s.window
}

// readyAtLeastOne is what the last second is compared with. Knative uses max(1, ready) too. Where the number of ready
// replicas is not known, the wanted number stands in: it is never smaller for long, so this errs towards averaging.
func (s *situation) readyAtLeastOne() int {
	if !s.counted {
		return max(s.from, 1)
	}
	return max(s.ready, 1)
}
