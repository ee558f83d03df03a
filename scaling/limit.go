package scaling

import (
	"fmt"
	"time"

	"headroom.dev/headroom"
)

// The rules of limits, in the order in which they are applied. The bounds come last: they win over cooldowns and over
// what is not known.
const (
	ruleManual            = "manual"              // a person's number takes the place of the proposals
	ruleDisabled          = "disabled"            // the wanted number stays
	ruleUnknownMetric     = "unknown-metric"      // no fall
	ruleUnknownReplicas   = "unknown-replicas"    // no fall
	ruleNotSynced         = "not-synced"          // no fall
	ruleScaleUpCooldown   = "scale-up-cooldown"   // no rise
	ruleScaleDownCooldown = "scale-down-cooldown" // no fall
	ruleMaxReplicas       = "max-replicas"
	ruleMinReplicas       = "min-replicas"
)

// limits collects the rules that are in force and applies each to the number so far. Rules that are not in force (a
// cooldown that is over) leave no record.
type limits struct {
	replicas int
	applied  []headroom.Limit
}

func (l *limits) apply(rule string, after int, note string) {
	l.applied = append(l.applied, headroom.Limit{Rule: rule, Before: l.replicas, After: after, Note: note})
	l.replicas = after
}

// noFall applies what forbids a smaller number: unknown replica counts and a platform that has not been read.
func (l *limits) noFall(s *situation) {
	if !s.counted {
		l.apply(ruleUnknownReplicas, max(l.replicas, s.from), "the number of replicas not being known")
	}
	if !s.synced {
		l.apply(ruleNotSynced, max(l.replicas, s.from), "the platform not having been read completely yet")
	}
}

// cooldowns applies both; a cooldown ends exactly when its time has passed.
func (l *limits) cooldowns(s *situation, policy headroom.Scaling) {
	if since := s.at.Sub(s.lastUp); !s.lastUp.IsZero() && since < time.Duration(policy.ScaleUpCooldown) {
		l.apply(ruleScaleUpCooldown, min(l.replicas, s.from),
			fmt.Sprintf("the %s cooldown after the scale-up %s ago", policy.ScaleUpCooldown, span(since)))
	}
	last := s.lastChange()
	if since := s.at.Sub(last); !last.IsZero() && since < time.Duration(policy.ScaleDownCooldown) {
		l.apply(ruleScaleDownCooldown, max(l.replicas, s.from),
			fmt.Sprintf("the %s cooldown after the change %s ago", policy.ScaleDownCooldown, span(since)))
	}
}

func (l *limits) bounds(s *situation) {
	l.apply(ruleMaxReplicas, min(l.replicas, s.max), fmt.Sprintf("maxReplicas %d", s.max))
	l.apply(ruleMinReplicas, max(l.replicas, s.min), fmt.Sprintf("minReplicas %d", s.min))
}

// withoutLimit is what the decision would have been without one of its limits, all others in force.
func withoutLimit(d headroom.Decision, skip int) int {
	replicas := d.Unlimited
	for i, limit := range d.Limits {
		if i == skip {
			continue
		}
		switch limit.Rule {
		case ruleManual, ruleDisabled:
			replicas = limit.After
		case ruleScaleUpCooldown:
			replicas = min(replicas, d.From)
		case ruleMaxReplicas:
			replicas = min(replicas, max(d.Policy.MaxReplicas, d.Policy.MinReplicas, 1))
		case ruleMinReplicas:
			replicas = max(replicas, d.Policy.MinReplicas, 1)
		default:
			replicas = max(replicas, d.From)
		}
	}
	return replicas
}
