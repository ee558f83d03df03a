package scaling

import (
	"fmt"
	"math"
	"time"

	"headroom.dev/headroom"
)

// Decide says how many replicas a service should have, why, and what must be remembered for the next decision. It is
// pure and safe for concurrent use; it keeps the pointers and maps of its arguments in the Decision, so they must not be
// changed afterwards. It never fails: where too little is known it decides to change nothing.
//
// Until the replicas of a service have been counted for the first time, the decision is 0: nothing is wished yet.
// From then on it is within policy.MinReplicas and policy.MaxReplicas, except that a service whose scaling is switched
// off keeps the number that it has.
func Decide(id string, policy headroom.Scaling, obs headroom.Observation, state headroom.ScalerState) (headroom.Decision, headroom.ScalerState) {
	d := headroom.Decision{ID: id, Service: obs.Service, At: obs.At, Policy: policy, Observation: obs, State: state}
	s := newSituation(policy, obs, state)
	next := headroom.ScalerState{Wanted: s.from, LastUp: s.lastUp, LastDown: s.lastDown}
	if s.from == 0 {
		return s.first(d, next)
	}

	proposals, unknownNote := s.proposals(policy)
	d.From, d.Proposals, d.Unlimited = s.from, proposals, s.from
	deciding := largest(proposals)
	if deciding >= 0 {
		d.Unlimited = *proposals[deciding].Replicas
	}

	l := limits{replicas: d.Unlimited}
	manual := obs.Manual != nil && obs.Manual.Until.After(obs.At)
	switch {
	case manual:
		l.apply(ruleManual, min(max(obs.Manual.Replicas, 0), mostReplicas), manualNote(obs.Manual))
		l.noFall(&s)
		l.bounds(&s)
	case !policy.Enabled:
		l.apply(ruleDisabled, s.from, "scaling being switched off")
	default:
		if unknownNote != "" {
			l.apply(ruleUnknownMetric, max(l.replicas, s.from), "an unknown metric ("+unknownNote+")")
		}
		l.noFall(&s)
		l.cooldowns(&s, policy)
		l.bounds(&s)
	}
	d.To, d.Limits = l.replicas, l.applied
	d.Code = code(d, manual, deciding < 0 && unknownNote != "")
	d.Reason = s.reason(d, deciding, unknownNote)

	next.Wanted = d.To
	switch {
	case d.To > d.From:
		next.LastUp = obs.At
	case d.To < d.From:
		next.LastDown = obs.At
	}
	return d, next
}

// first decides where scaling starts: at the replicas that there are. It counts as a change, so that a scaler that lost
// its state does not scale down at once; HPA records the current number as its first recommendation for that.
func (s *situation) first(d headroom.Decision, next headroom.ScalerState) (headroom.Decision, headroom.ScalerState) {
	if !s.counted || !s.synced {
		d.Code = headroom.CodeUnknown
		d.Reason = fmt.Sprintf("The replicas of %s have not been counted yet, so nothing is decided.", s.service)
		return d, next
	}
	d.Unlimited = min(s.ready+s.starting, mostReplicas)
	l := limits{replicas: d.Unlimited}
	l.bounds(s)
	d.To, d.Limits, d.Code = l.replicas, l.applied, headroom.CodeInitial
	d.Reason = fmt.Sprintf("%s has %s (%d ready, %d starting); scaling starts at %d, between minReplicas %d and maxReplicas %d.",
		s.service, count(d.Unlimited), s.ready, s.starting, d.To, s.min, s.max)
	next.Wanted, next.LastDown = d.To, s.at
	return d, next
}

// proposals asks all targets and then all policies, in the order of the configuration. The text is why something is
// unknown, empty where everything is known.
func (s *situation) proposals(policy headroom.Scaling) ([]headroom.Proposal, string) {
	proposals := make([]headroom.Proposal, 0, 5+len(policy.Policies))
	unknownNote := ""
	add := func(p headroom.Proposal, unknown bool) {
		if unknown && unknownNote == "" {
			unknownNote = p.Note
		}
		proposals = append(proposals, p)
	}
	for _, target := range [...]struct {
		metric headroom.Metric
		value  float64
	}{
		{headroom.MetricCPU, policy.TargetCPUUtilization},
		{headroom.MetricMemory, policy.TargetMemoryUtilization},
		{headroom.MetricRequestsPerSecond, policy.TargetRequestsPerSecond},
		{headroom.MetricInFlight, policy.TargetInFlight},
	} {
		if target.value > 0 && !math.IsInf(target.value, 1) {
			add(s.demand(target.metric, target.value))
		}
	}
	if target := policy.TargetLatency; target > 0 {
		add(s.latency(float64(time.Duration(target)) / float64(time.Millisecond)))
	}
	for _, threshold := range policy.Policies {
		add(s.threshold(threshold))
	}
	return proposals, unknownNote
}

// largest returns the index of the proposal for the most replicas, the first of equals; -1 when all abstain.
func largest(proposals []headroom.Proposal) int {
	best := -1
	for i, p := range proposals {
		if p.Replicas != nil && (best < 0 || *p.Replicas > *proposals[best].Replicas) {
			best = i
		}
	}
	return best
}

func code(d headroom.Decision, manual, nothingKnown bool) string {
	if manual {
		return headroom.CodeManual
	}
	if !d.Policy.Enabled {
		return headroom.CodeDisabled
	}
	binding := ""
	for _, limit := range d.Limits {
		if limit.Bound() {
			binding = limit.Rule
		}
	}
	switch {
	case nothingKnown && d.To == d.From:
		return headroom.CodeUnknown
	case d.To == d.From && (binding == ruleUnknownMetric || binding == ruleUnknownReplicas || binding == ruleNotSynced):
		return headroom.CodeUnknown
	case binding != "":
		return headroom.CodeLimited
	case d.To > d.From:
		return headroom.CodeScaleUp
	case d.To < d.From:
		return headroom.CodeScaleDown
	default:
		return headroom.CodeHold
	}
}
