package scaling

import (
	"fmt"
	"math"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/hpa"
)

// behaviorOf is HPA's form of a user's behavior; nil where it limits nothing. Unlike HPA's, a direction without rules is not limited.
func behaviorOf(b headroom.Behavior, tolerance float64) *hpa.Behavior {
	if !hasRules(b.ScaleUp) && !hasRules(b.ScaleDown) {
		return nil
	}
	return &hpa.Behavior{ScaleUp: rulesOf(b.ScaleUp, tolerance), ScaleDown: rulesOf(b.ScaleDown, tolerance)}
}

func hasRules(r headroom.BehaviorRules) bool {
	return stabilization(r) > 0 || len(r.Policies) > 0 || r.Select == "disabled"
}

func stabilization(r headroom.BehaviorRules) time.Duration {
	if r.StabilizationWindow == nil {
		return 0
	}
	return time.Duration(*r.StabilizationWindow)
}

func rulesOf(r headroom.BehaviorRules, tolerance float64) hpa.Rules {
	rules := hpa.Rules{StabilizationWindow: stabilization(r), Select: selectOf(r.Select), Policies: ratesOf(r.Policies), Tolerance: tolerance}
	if len(rules.Policies) == 0 {
		rules.Policies = []hpa.RatePolicy{{Type: hpa.RatePods, Value: math.MaxInt32, Period: time.Second}}
	}
	return rules
}

func selectOf(text string) hpa.Select {
	switch text {
	case "min":
		return hpa.SelectMin
	case "disabled":
		return hpa.SelectDisabled
	default:
		return hpa.SelectMax
	}
}

func ratesOf(policies []headroom.RatePolicy) []hpa.RatePolicy {
	rates := make([]hpa.RatePolicy, len(policies))
	for i, p := range policies {
		rates[i] = hpa.RatePolicy{Type: hpa.RatePods, Value: p.Value, Period: time.Duration(p.Period)}
		if p.Type == "percent" {
			rates[i].Type = hpa.RatePercent
		}
	}
	return rates
}

// behave applies stabilization windows and rates, and remembers what they look back on.
func (l *limits) behave(s *situation, b *hpa.Behavior, before *headroom.PolicyMemory) hpa.State {
	if s.skip == ruleStabilization {
		b = &hpa.Behavior{ScaleUp: atOnce(b.ScaleUp), ScaleDown: atOnce(b.ScaleDown)}
	}
	var state hpa.State
	if before != nil {
		state = headroom.Recall[hpa.State](*before)
	}
	state = state.Seen(s.from, s.at)
	asked := l.replicas
	// The bounds come after this and have a record of their own.
	d, state := b.Normalize(s.from, asked, hpa.Bounds{Min: 0, Max: mostReplicas}, state, s.at)
	if d.Stabilized != asked {
		l.applyf(s, ruleStabilization, d.Stabilized, func() string {
			window := b.ScaleUp.StabilizationWindow
			if d.Stabilized > asked {
				window = b.ScaleDown.StabilizationWindow
			}
			return fmt.Sprintf("the stabilization window of %s", headroom.Duration(window))
		})
	}
	if d.Replicas != d.Stabilized {
		l.applyf(s, ruleRate, d.Replicas, func() string {
			if d.Replicas > s.from || d.Stabilized > s.from {
				return "the rate of behavior.scaleUp"
			}
			return "the rate of behavior.scaleDown"
		})
	}
	return state
}

// atOnce leaves out a stabilization window.
func atOnce(rules hpa.Rules) hpa.Rules {
	rules.StabilizationWindow = 0
	return rules
}

// flapWindow is the time that a flap budget is for.
const flapWindow = time.Hour

// flaps keeps the changes of the last hour.
func flaps(all []headroom.ReplicaChange, now time.Time) []headroom.ReplicaChange {
	for len(all) > 0 && (now.Sub(all[0].At) >= flapWindow || all[0].At.After(now)) {
		all = all[1:]
	}
	return all
}

// flapBudget holds replicas when enough of them have started and stopped in an hour. More may always be started: a budget must not make anyone wait.
func (l *limits) flapBudget(s *situation, budget int, all []headroom.ReplicaChange) {
	if budget <= 0 {
		return
	}
	spent := 0
	for _, change := range all {
		spent += change.Replicas
	}
	if spent < budget || l.replicas >= s.from {
		return
	}
	l.applyf(s, ruleFlapBudget, s.from, func() string {
		return fmt.Sprintf("the flap budget of %d starts and stops in an hour, of which there were %d,", budget, spent)
	})
}
