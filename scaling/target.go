package scaling

import "headroom.dev/headroom"

// target keeps a metric at a value.
type target struct {
	metric       headroom.Metric
	value        float64
	proportional bool
	policy       *headroom.ScalingPolicy // nil for the shorthands of Scaling
}

func targetOf(p headroom.ScalingPolicy) target {
	t := target{metric: p.Target.Metric, policy: &p}
	switch {
	case p.Target.Utilization > 0:
		t.value = p.Target.Utilization
	case p.Target.AverageValue > 0:
		t.value = p.Target.AverageValue
	default:
		t.value, t.proportional = p.Target.Value, true
	}
	return t
}

func (t target) propose(s *situation) (headroom.Proposal, bool) {
	up, down := s.toleranceUp, s.toleranceDown
	if t.policy != nil && t.policy.Target.Tolerance != nil {
		s.toleranceUp = toleranceOf(0, t.policy.Target.Tolerance)
		s.toleranceDown = s.toleranceUp
		defer func() { s.toleranceUp, s.toleranceDown = up, down }()
	}
	propose := s.demand
	if t.proportional {
		propose = s.proportional
	}
	p, unknown := propose(t.metric, t.value)
	if t.policy != nil {
		p.Kind = headroom.KindTarget
	}
	return p, unknown
}
