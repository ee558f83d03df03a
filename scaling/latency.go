package scaling

import (
	"fmt"
	"math"

	"headroom.dev/headroom"
)

// proportional proposes for a target on something that does not add up over replicas: the time to answer in milliseconds, a share of errors, the age of a
// queue's oldest message. It does not say how much is missing, so steps are bounded and wait until the last change shows:
//
//   - Up: ceil(value/target × ready), at most twice the ready replicas, once all wanted replicas are ready and the stable
//     window has passed since the last change; otherwise the old latency would be counted again. A last second of
//     panicThreshold times the target, or saturated processors, is acted upon without averaging.
//   - Down: one at a time, when both windows would stay below 1 − 2 × tolerance of the target even if latency rose in
//     proportion to the load of the replicas that remain. It rises faster than that near saturation (M/M/1: 1/(1−ρ)),
//     which the doubled tolerance and the step of one leave room for.
func (s *situation) proportional(metric headroom.Metric, target float64) (headroom.Proposal, bool) {
	p := headroom.Proposal{Metric: metric, Target: target}
	average, second := s.value(metric, stable), s.value(metric, fast)
	if !average.known && !second.known {
		p.Note = s.why(average)
		return p, true
	}
	if !s.counted {
		p.Note = "the number of replicas is not known, so " + string(metric) + " cannot say how many are needed"
		return p, true
	}

	p.Window = string(stable)
	worst := average
	burst := second.known && (second.perReplica >= s.panicThreshold*target || s.saturated)
	if burst && (!average.known || second.perReplica > average.perReplica) {
		worst, p.Window = second, string(fast)
	}
	if worst.known && worst.perReplica > target*(1+s.toleranceUp) {
		return s.slow(p, worst), false
	}
	if !average.known {
		p.Window, p.Value, p.Note = string(fast), &second.perReplica, s.why(average)
		return p, true
	}

	note := s.subject(p, average)
	if !second.known {
		return s.propose(p, average, s.from, note+"; it stays at "+count(s.from)+", since the last second is not known"), false
	}
	if s.from < 2 || s.ready == 0 {
		return s.propose(p, average, s.from, note+", so "+enough(s.from)), false
	}
	share := max(float64(s.ready)/float64(s.from-1), 1)
	expected := max(average.perReplica, second.perReplica) * share
	if expected > target*(1-2*s.toleranceDown) || expected >= target {
		return s.propose(p, average, s.from, note+fmt.Sprintf("; with one less about %s %s expected, so %s", number(expected), unitOf(metric), enough(s.from))), false
	}
	if !s.settled() {
		return s.propose(p, average, s.from, note+s.unsettled()), false
	}
	if s.warming > 0 {
		return s.propose(p, average, s.from, note+s.warmingUp()), false
	}
	return s.propose(p, average, s.from-1, note+fmt.Sprintf("; with one less about %s %s expected, so %s", number(expected), unitOf(metric), enough(s.from-1))), false
}

// value reads what belongs to the service as a whole: of a metric that adds up, its total.
func (s *situation) value(metric headroom.Metric, w window) measured {
	m := s.read(metric, w)
	if !metric.Shared() {
		m.perReplica = m.total
	}
	return m
}

// unitOf is the unit with the verb that follows it.
func unitOf(metric headroom.Metric) string {
	if unit := metric.Unit(); unit != "" {
		return unit + " are"
	}
	return "is"
}

// slow proposes more replicas for a latency above its target.
func (s *situation) slow(p headroom.Proposal, m measured) headroom.Proposal {
	note := s.subject(p, m)
	if ready := s.ready - s.warming; ready < s.from {
		return s.propose(p, m, s.from, note+fmt.Sprintf("; it stays at %s, since only %d %s ready and warm yet", count(s.from), ready, isAre(ready)))
	}
	if !s.settled() {
		return s.propose(p, m, s.from, note+s.unsettled())
	}
	ready := s.readyAtLeastOne()
	ratio := min(m.perReplica/p.Target, 2)
	up := min(max(int(math.Ceil(ratio*float64(ready)-sliver)), s.from), mostReplicas)
	note += ", so " + needed(up)
	if ratio == 2 {
		note += ", twice the ready ones being the most at once"
	}
	return s.propose(p, m, up, note)
}

// warmingUp says that those which carry less than they will make an average too small.
func (s *situation) warmingUp() string {
	return fmt.Sprintf("; it stays at %s, since %d of the ready ones are still warming up", count(s.from), s.warming)
}

// unsettled says why an average cannot be acted upon yet.
func (s *situation) unsettled() string {
	return fmt.Sprintf("; it stays at %s, since the last change was %s ago and is not in the %s average yet",
		count(s.from), span(s.at.Sub(s.lastChange())), headroom.Duration(s.window))
}
