package scaling

import (
	"fmt"

	"headroom.dev/headroom"
)

// fallbackPolicy is a policy on a signal of the user's own that has a fallback, KEDA's: after so many failures in a row it asks for a number that was given.
type fallbackPolicy struct {
	inner    proposer
	policy   headroom.ScalingPolicy
	metric   headroom.Metric
	fallback headroom.SignalFallback
}

// withFallback wraps a proposer where its signal has a fallback that gives a number.
func (c *Compiled) withFallback(p headroom.ScalingPolicy, metric headroom.Metric, inner proposer) proposer {
	from, own := c.policy.Signals[metric]
	if !own || !givesNumber(from.Fallback) {
		return inner
	}
	return fallbackPolicy{inner, p, metric, from.Fallback}
}

func givesNumber(f headroom.SignalFallback) bool {
	return f.Behavior == "static" || f.Behavior == "current" || f.Behavior == "current-if-higher" || f.Behavior == "current-if-lower"
}

func (f fallbackPolicy) propose(s *situation) (headroom.Proposal, bool) {
	failures := s.signals[f.metric].Failures
	if failures < max(f.fallback.After, 1) || s.read(f.metric, stable).known {
		return f.inner.propose(s)
	}
	replicas := s.fallback(f.fallback)
	p := headroom.Proposal{Kind: f.policy.Kind(), Metric: f.metric, Replicas: &replicas}
	if !s.quiet {
		p.Note = fmt.Sprintf("%s could not be read %d times in a row, so its fallback (%s) asks for %s", f.metric, failures, f.fallback.Behavior, count(replicas))
	}
	return p, false
}

// fallback is the number that a fallback gives. "Current" is what is wanted, as KEDA takes spec.replicas.
func (s *situation) fallback(f headroom.SignalFallback) int {
	switch f.Behavior {
	case "static":
		return f.Replicas
	case "current-if-higher":
		return max(s.from, f.Replicas)
	case "current-if-lower":
		return min(s.from, f.Replicas)
	default:
		return s.from
	}
}
