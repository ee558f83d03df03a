package scaling

import (
	"fmt"
	"time"

	"headroom.dev/headroom"
)

// active reports whether anything asks for a first replica: a request waits for it, or an activation signal, over either window, is above its value. Not
// known is not active: nothing is started by it, and nothing stopped (see knowsActivity).
func (s *situation) active() bool {
	return s.waiting > 0 || s.anyActivation(func(second, average measured, above float64) bool {
		return (second.known && second.total > above) || (average.known && average.total > above)
	})
}

// knowsActivity reports whether every activation signal is known: one that is not may be the one that is active.
func (s *situation) knowsActivity() bool {
	unknown := s.anyActivation(func(second, average measured, _ float64) bool { return !second.known && !average.known })
	return !unknown
}

// anyActivation reports whether something is true of any activation signal, in the last second and over the stable window.
func (s *situation) anyActivation(is func(second, average measured, above float64) bool) bool {
	of := func(metric headroom.Metric, above float64) bool {
		return is(s.value(metric, fast).summed(), s.value(metric, stable).summed(), above)
	}
	if len(s.policy.Activation) == 0 {
		return of(headroom.MetricRequestsPerSecond, 0) || of(headroom.MetricInFlight, 0)
	}
	for metric, above := range s.policy.Activation {
		if of(metric, above) {
			return true
		}
	}
	return false
}

// summed has the value itself as total where there is none.
func (m measured) summed() measured {
	if m.total == 0 {
		m.total = m.perReplica
	}
	return m
}

// idle reports whether the last replica may go: nothing has been active for long enough.
func (s *situation) idle() bool {
	return s.min == 0 && s.knowsActivity() && !s.active() && !s.lastActive.IsZero() &&
		s.at.Sub(s.lastActive) >= time.Duration(s.policy.ScaleToZeroAfter)
}

// activity says in words what asks for a first replica.
func (s *situation) activity() string {
	switch s.waiting {
	case 0:
		return "activity"
	case 1:
		return "a request that waits"
	}
	return fmt.Sprintf("%d requests that wait", s.waiting)
}

// blind reports whether a proposal's metric cannot show that nothing is needed: an idle process uses some processor time and memory.
func blind(metric headroom.Metric) bool {
	return metric == headroom.MetricCPU || metric == headroom.MetricMemory || metric.Shared()
}

// zero applies what is special about no replicas at all: the first one is started by activity alone, and the last one stays for a while.
func (l *limits) zero(s *situation) {
	if s.min > 0 {
		return
	}
	active := s.active()
	switch {
	case s.from == 0 && !active && l.replicas > 0 && !s.scheduledUp:
		l.applyf(s, ruleInactive, 0, func() string { return "no activity" })
	case s.from == 0 && active && l.replicas == 0:
		l.applyf(s, ruleActivation, 1, s.activity)
	case s.from > 0 && l.replicas == 0 && !s.idle():
		l.applyf(s, ruleActivation, 1, func() string {
			if !s.knowsActivity() {
				return "activity not being known"
			}
			since := max(s.at.Sub(s.lastActive), 0)
			if active {
				since = 0
			}
			return fmt.Sprintf("scaleToZeroAfter %s, with the last activity %s ago,", s.policy.ScaleToZeroAfter, span(since))
		})
	}
}
