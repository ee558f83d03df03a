package scaling

import (
	"fmt"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/hpa"
)

// Decide says how many replicas a service should have, why, and what must be remembered for the next decision. It is
// pure and safe for concurrent use; it keeps the pointers and maps of its arguments in the Decision, so they must not be
// changed afterwards. It never fails: where too little is known it decides to change nothing.
//
// Until the replicas of a service have been counted for the first time, nothing is wished yet: the decision is 0 and not Zero.
// From then on it is within policy.MinReplicas and policy.MaxReplicas, or those of a schedule, except that a service whose
// scaling is switched off keeps the number that it has.
//
// Who decides often compiles the policy once, see Compile.
func Decide(id string, policy headroom.Scaling, obs headroom.Observation, state headroom.ScalerState) (headroom.Decision, headroom.ScalerState) {
	c, _ := Compile(policy) // what cannot be read abstains, and says so
	return c.Decide(id, obs, state)
}

// Decide is as the function of that name.
func (c *Compiled) Decide(id string, obs headroom.Observation, state headroom.ScalerState) (headroom.Decision, headroom.ScalerState) {
	return c.decide(id, obs, state, mode{})
}

// DecideQuietly leaves out every sentence: reasons, notes and limits that were not reached. The numbers are the same, at a fraction of the cost; Replay writes the
// sentences later.
func (c *Compiled) DecideQuietly(id string, obs headroom.Observation, state headroom.ScalerState) (headroom.Decision, headroom.ScalerState) {
	return c.decide(id, obs, state, mode{quiet: true})
}

// mode is how a decision is made.
type mode struct {
	quiet bool
	skip  string // a rule of limits to leave out
}

func (c *Compiled) decide(id string, obs headroom.Observation, state headroom.ScalerState, m mode) (headroom.Decision, headroom.ScalerState) {
	policy := &c.policy
	d := headroom.Decision{ID: id, Service: obs.Service, At: obs.At, Policy: *policy, Observation: obs, State: state}
	s := newSituation(policy, obs, state)
	s.location, s.quiet, s.skip = c.location, m.quiet, m.skip
	c.bind(&s)
	next := state
	next.Wanted, next.Zero, next.LastUp, next.LastDown = s.from, state.Zero, s.lastUp, s.lastDown
	s.live(&next)
	if !state.Decided() {
		return s.first(d, next)
	}

	wanted := s.from
	if c.spared {
		s.from = base(wanted, policy.Headroom)
	}
	proposals, unknownNote := s.proposals(c)
	needed, deciding := s.combine(policy.Combine, proposals)
	d.From, d.Proposals, d.Unlimited = wanted, proposals, needed
	next.Policies = s.remembers

	l := limits{replicas: needed}
	if c.spared {
		s.spare(&l, wanted, policy.Headroom, deciding >= 0)
	}
	manual := obs.Manual != nil && obs.Manual.Until.After(obs.At)
	switch {
	case manual:
		l.apply(&s, ruleManual, min(max(obs.Manual.Replicas, 0), mostReplicas), manualNote(obs.Manual))
		l.noFall(&s)
		l.bounds(&s)
	case !policy.Enabled:
		l.apply(&s, ruleDisabled, s.from, "scaling being switched off")
	default:
		if unknownNote != "" {
			l.apply(&s, ruleUnknownMetric, max(l.replicas, s.from), "an unknown metric ("+unknownNote+")")
		}
		l.noFall(&s)
		l.zero(&s)
		if c.behavior != nil {
			c.behave(&s, &l, &next)
		}
		l.pause(&s, policy.Pause)
		l.cooldowns(&s, policy)
		if policy.FlapBudget > 0 {
			next.Flaps = flaps(state.Flaps, s.at)
			l.flapBudget(&s, policy.FlapBudget, next.Flaps)
		}
		l.bounds(&s)
	}
	d.To, d.Limits = l.replicas, l.applied
	d.Code = code(&d, manual, deciding < 0 && unknownNote != "")
	if !m.quiet {
		d.Reason = s.reason(&d, deciding, unknownNote)
	}
	c.after(&d, &next)
	return d, next
}

// after is what is remembered of a decision.
func (c *Compiled) after(d *headroom.Decision, next *headroom.ScalerState) {
	next.Wanted, next.Zero = d.To, d.To == 0
	switch {
	case d.To > d.From:
		next.LastUp = d.At
	case d.To < d.From:
		next.LastDown = d.At
	}
	if d.To == d.From {
		return
	}
	if c.policy.FlapBudget > 0 {
		next.Flaps = append(next.Flaps[:len(next.Flaps):len(next.Flaps)], headroom.ReplicaChange{At: d.At, Replicas: distance(d.To, d.From)})
	}
	if c.behavior != nil && next.Behavior != nil {
		kept := headroom.Remember(headroom.Recall[hpa.State](*next.Behavior).Rescaled(*c.behavior, d.From, d.To, d.At))
		next.Behavior = &kept
	}
}

// behave applies Scaling.Behavior and keeps what it looks back on.
func (c *Compiled) behave(s *situation, l *limits, next *headroom.ScalerState) {
	asked := l.replicas
	kept := headroom.Remember(l.behave(s, c.behavior, next.Behavior))
	next.Behavior = &kept
	// Rates are of what there is: from zero on they, as KEDA's HPA, have nothing to say.
	if s.from == 0 && asked > 0 && l.replicas == 0 {
		l.applyf(s, ruleActivation, 1, s.activity)
	}
}

// live remembers when the service was last active; one that may go to zero is active when it is first seen.
func (s *situation) live(next *headroom.ScalerState) {
	if s.min > 0 {
		next.LastActive = time.Time{}
		return
	}
	if s.lastActive.IsZero() || s.active() {
		s.lastActive = s.at
	}
	next.LastActive = s.lastActive
}

// spare adds the spare replicas. Where nothing is to change, the number stays: the rounding of a percentage is no reason to.
func (s *situation) spare(l *limits, wanted int, spare headroom.Spare, decided bool) {
	with := withSpare(l.replicas, spare)
	switch {
	case l.replicas == s.from && decided:
		with = max(with, wanted) // more where even one replica is without its spare
	case l.replicas == s.from:
		with = wanted
	}
	s.from = wanted
	l.applyf(s, ruleHeadroom, with, func() string {
		switch {
		case spare.Percent <= 0:
			return "headroom of " + count(spare.Replicas)
		case spare.Replicas <= 0:
			return "headroom of " + number(spare.Percent) + " %"
		default:
			return fmt.Sprintf("headroom of %s %%, at least %s,", number(spare.Percent), count(spare.Replicas))
		}
	})
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
	next.Wanted, next.Zero, next.LastDown = d.To, d.To == 0, s.at
	return d, next
}

// proposals asks all targets and then all policies, in the order of the configuration. The text is why something is
// unknown, empty where everything is known. What a shadow does not know holds nothing.
func (s *situation) proposals(c *Compiled) ([]headroom.Proposal, string) {
	proposals := make([]headroom.Proposal, 0, len(c.proposers))
	s.numbers = make([]proposed, len(c.proposers))
	unknownNote := ""
	targets := len(c.proposers) - len(c.policy.Policies)
	for i, asked := range c.proposers {
		p, unknown := asked.propose(s)
		p.Source = c.sources[i]
		if i >= targets {
			policy := &c.policy.Policies[i-targets]
			p.Shadow, p.Weight = policy.Shadow, policy.Weight
		}
		if p.Kind == headroom.KindSchedule && p.Replicas != nil && !p.Shadow && *p.Replicas > 0 {
			s.scheduledUp = true
		}
		if unknown && unknownNote == "" && !p.Shadow {
			unknownNote = p.Note
			if unknownNote == "" {
				unknownNote = "something"
			}
		}
		proposals = append(proposals, p)
	}
	return proposals, unknownNote
}

func code(d *headroom.Decision, manual, nothingKnown bool) string {
	if manual {
		return headroom.CodeManual
	}
	if !d.Policy.Enabled {
		return headroom.CodeDisabled
	}
	binding := ""
	for _, limit := range d.Limits {
		if limit.Bound() && limit.Rule != ruleHeadroom {
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
