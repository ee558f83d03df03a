package scaling

import (
	"fmt"

	"headroom.dev/headroom"
)

// threshold proposes for a policy that takes steps: wanted ± step when the stable per-replica value is above or below
// the threshold, and an abstention otherwise.
//
// A step is taken once per change of the load, not once per second: only when the stable window has passed since the last
// change, and up only when all wanted replicas are ready. Until then the policy proposes the wanted number. Replicas
// that never get ready block steps up, not down ("not ready blocks only the same direction", nomad-autoscaler#672).
//
// The second result is true where too little is known to say that fewer would do.
func (s *situation) threshold(policy *headroom.ScalingPolicy) (headroom.Proposal, bool) {
	p := headroom.Proposal{Kind: headroom.KindThreshold, Metric: policy.Metric, Target: policy.Threshold, Window: string(stable)}
	m := s.read(policy.Metric, stable)
	if !m.known {
		p.Window, p.Note = "", s.why(m)
		return p, true
	}
	step := min(max(policy.Step, 1), mostReplicas)
	value := m.perReplica
	p.Value = &value

	switch policy.Action {
	case headroom.ActionScaleUp:
		// Replicas that could not be read count as idle, as in demand.
		if m.missing > 0 {
			value *= float64(m.replicas-m.missing) / float64(m.replicas)
		}
		if !(value > policy.Threshold) {
			p.Note = s.subject(p, m) + ", not above it"
			return p, false
		}
		return s.stepUp(p, m, step), false

	case headroom.ActionScaleDown:
		if m.missing == 0 && !(value < policy.Threshold) {
			p.Note = s.subject(p, m) + ", not below it"
			return p, false
		}
		return s.stepDown(p, m, step)

	default:
		p.Note = fmt.Sprintf("the action %q is neither scale-up nor scale-down", policy.Action)
		return p, false
	}
}

// stepUp proposes so many more, once all wanted replicas are ready.
func (s *situation) stepUp(p headroom.Proposal, m measured, step int) headroom.Proposal {
	if why := s.stepsWait(); why != "" {
		return s.propose(p, m, s.from, s.subject(p, m)+why)
	}
	if ready := s.ready - s.warming; ready < s.from {
		why := fmt.Sprintf("; it stays at %s, since only %d %s ready and warm yet", count(s.from), ready, isAre(ready))
		return s.propose(p, m, s.from, s.subject(p, m)+why)
	}
	return s.propose(p, m, min(s.from+step, mostReplicas), s.subject(p, m)+fmt.Sprintf(", so %d more", step))
}

// stepDown proposes so many fewer, where all replicas were measured.
func (s *situation) stepDown(p headroom.Proposal, m measured, step int) (headroom.Proposal, bool) {
	switch {
	case m.missing > 0:
		p.Note = fmt.Sprintf("%s could not be read from %d of %d replicas, so it cannot be said to be below %s", p.Metric, m.missing, m.replicas, number(p.Target))
		return p, false
	case s.counted && s.ready == 0:
		p.Note = "no replica is ready to show what it can carry"
		return p, false
	}
	if why := s.stepsWait(); why != "" {
		return s.propose(p, m, s.from, s.subject(p, m)+why), false
	}
	if s.warming > 0 {
		return s.propose(p, m, s.from, s.subject(p, m)+s.warmingUp()), false
	}
	return s.propose(p, m, max(s.from-step, 0), s.subject(p, m)+fmt.Sprintf(", so %d fewer", step)), false
}

// stepsWait says why no step can be taken now; empty when one can.
func (s *situation) stepsWait() string {
	if !s.counted {
		return "; it stays at " + count(s.from) + ", since the number of replicas is not known"
	}
	if !s.settled() {
		return s.unsettled()
	}
	return ""
}
