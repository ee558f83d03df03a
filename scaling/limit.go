package scaling

import (
	"fmt"
	"time"

	"headroom.dev/headroom"
)

// The rules of limits, in the order in which they are applied. Rules for what happens to the load come before those that hold changes back, so that a
// stabilization window looks back on what was asked for and not on what a cooldown held. The bounds come last: they win over everything else.
const (
	ruleHeadroom          = "headroom"            // spare replicas
	ruleManual            = "manual"              // a person's number takes the place of the proposals
	ruleDisabled          = "disabled"            // the wanted number stays
	ruleUnknownMetric     = "unknown-metric"      // no fall
	ruleUnknownReplicas   = "unknown-replicas"    // no fall
	ruleNotSynced         = "not-synced"          // no fall
	ruleInactive          = "inactive"            // no first replica without activity
	ruleActivation        = "activation"          // at least one while there is activity
	ruleStabilization     = "stabilization"       // of Scaling.Behavior
	ruleRate              = "rate"                // of Scaling.Behavior
	rulePauseUp           = "pause-up"            // no rise
	rulePauseDown         = "pause-down"          // no fall
	ruleScaleUpCooldown   = "scale-up-cooldown"   // no rise
	ruleScaleDownCooldown = "scale-down-cooldown" // no fall
	ruleFlapBudget        = "flap-budget"         // no fall
	ruleMaxReplicas       = "max-replicas"
	ruleMinReplicas       = "min-replicas"
)

// limits collects the rules that are in force and applies each to the number so far. Rules that are not in force (a
// cooldown that is over) leave no record.
type limits struct {
	replicas int
	applied  []headroom.Limit
}

func (l *limits) apply(s *situation, rule string, after int, note string) {
	l.applyf(s, rule, after, func() string { return note })
}

// applyf writes the note only where sentences are wanted.
func (l *limits) applyf(s *situation, rule string, after int, note func() string) {
	if rule == s.skip {
		return
	}
	limit := headroom.Limit{Rule: rule, Before: l.replicas, After: after}
	if !s.quiet {
		limit.Note = note()
	}
	if !s.quiet || limit.Bound() {
		l.applied = append(l.applied, limit)
	}
	l.replicas = after
}

// noFall applies what forbids a smaller number: unknown replica counts and a platform that has not been read.
func (l *limits) noFall(s *situation) {
	if !s.counted {
		l.apply(s, ruleUnknownReplicas, max(l.replicas, s.from), "the number of replicas not being known")
	}
	if !s.synced {
		l.apply(s, ruleNotSynced, max(l.replicas, s.from), "the platform not having been read completely yet")
	}
}

// pause applies what a person switched off.
func (l *limits) pause(s *situation, direction headroom.PauseDirection) {
	if direction == headroom.PauseUp || direction == headroom.PauseBoth {
		l.apply(s, rulePauseUp, min(l.replicas, s.from), "scale-ups being paused")
	}
	if direction == headroom.PauseDown || direction == headroom.PauseBoth {
		l.apply(s, rulePauseDown, max(l.replicas, s.from), "scale-downs being paused")
	}
}

// cooldowns applies both; a cooldown ends exactly when its time has passed.
func (l *limits) cooldowns(s *situation, policy *headroom.Scaling) {
	if since := s.at.Sub(s.lastUp); !s.lastUp.IsZero() && since < time.Duration(policy.ScaleUpCooldown) {
		l.applyf(s, ruleScaleUpCooldown, min(l.replicas, s.from), func() string {
			return fmt.Sprintf("the %s cooldown after the scale-up %s ago", policy.ScaleUpCooldown, span(since))
		})
	}
	last := s.lastChange()
	if since := s.at.Sub(last); !last.IsZero() && since < time.Duration(policy.ScaleDownCooldown) {
		l.applyf(s, ruleScaleDownCooldown, max(l.replicas, s.from), func() string {
			return fmt.Sprintf("the %s cooldown after the change %s ago", policy.ScaleDownCooldown, span(since))
		})
	}
}

func (l *limits) bounds(s *situation) {
	l.applyf(s, ruleMaxReplicas, min(l.replicas, s.max), func() string { return boundNote("maxReplicas", s.max, s.maxName) })
	l.applyf(s, ruleMinReplicas, max(l.replicas, s.min), func() string { return boundNote("minReplicas", s.min, s.minName) })
}

func boundNote(bound string, value int, window string) string {
	if window == "" {
		return fmt.Sprintf("%s %d", bound, value)
	}
	return fmt.Sprintf("%s %d of the schedule %s", bound, value, window)
}

// withoutLimit is what the decision would have been without one of its limits, all others in force: it is made again.
func withoutLimit(d headroom.Decision, rule string) int {
	c, _ := Compile(d.Policy)
	again, _ := c.decide(d.ID, d.Observation, d.State, mode{quiet: true, skip: rule})
	return again.To
}
