package scaling

import (
	"fmt"
	"math"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/rule"
)

// ruled proposes the value of an expression while a condition holds.
type ruled struct {
	policy         headroom.ScalingPolicy
	when, replicas *rule.Program
}

func (c *Compiled) rule(p headroom.ScalingPolicy) (proposer, string, error) {
	cel, err := compiler()
	if err != nil {
		return nil, "", err
	}
	r := ruled{policy: p}
	if r.when, err = cel.Compile(p.Rule.When, rule.Condition); err != nil {
		return nil, ".when", err
	}
	if r.replicas, err = cel.Compile(p.Rule.Replicas, rule.Number); err != nil {
		return nil, ".replicas", err
	}
	return r, "", nil
}

func (r ruled) propose(s *situation) (headroom.Proposal, bool) {
	p := headroom.Proposal{Kind: headroom.KindRule}
	v := s.ruleVariables()
	applies, err := r.when.True(v)
	if err != nil {
		p.Note = "its condition is not known: " + err.Error()
		return p, true
	}
	if !applies {
		if !s.quiet {
			p.Note = fmt.Sprintf("%q does not hold", r.policy.Rule.When)
		}
		return p, false
	}
	value, err := r.replicas.Value(v)
	if err != nil {
		p.Note = "its number is not known: " + err.Error()
		return p, true
	}
	replicas := wholeReplicas(value)
	p.Replicas = &replicas
	if !s.quiet {
		p.Note = fmt.Sprintf("%q holds, so %q gives %s", r.policy.Rule.When, r.policy.Rule.Replicas, count(replicas))
	}
	return p, false
}

// wholeReplicas rounds up, within what a number of replicas can be.
func wholeReplicas(value float64) int {
	value = math.Ceil(value - sliver)
	if !(value < mostReplicas) {
		return mostReplicas
	}
	return max(int(value), 0)
}

// formula keeps the value of an expression at a target.
type formula struct {
	policy headroom.ScalingPolicy
	value  *rule.Program
}

func (c *Compiled) formula(p headroom.ScalingPolicy) (proposer, string, error) {
	cel, err := compiler()
	if err != nil {
		return nil, "", err
	}
	value, err := cel.Compile(p.Formula.Value, rule.Number)
	return formula{p, value}, ".value", err
}

func (f formula) propose(s *situation) (headroom.Proposal, bool) {
	p := headroom.Proposal{Kind: headroom.KindFormula, Target: f.policy.Formula.Target}
	value, err := f.value.Value(s.ruleVariables())
	if err != nil {
		p.Note = "its value is not known: " + err.Error()
		return p, true
	}
	value = max(value, 0) // as KEDA takes negative values since 2.20
	p.Value = &value
	replicas := s.from
	if f.policy.Formula.Type == "value" {
		ratio := value / p.Target
		asked := wholeReplicas(ratio * float64(s.readyAtLeastOne()))
		switch {
		case s.from == 0:
			replicas = wholeReplicas(ratio)
		case ratio > 1+s.toleranceUp+sliver:
			replicas = max(asked, s.from) // those that are ready may be fewer than are wanted
		case ratio < 1-s.toleranceDown-sliver:
			replicas = min(asked, s.from)
		}
	} else {
		d := division{target: p.Target, from: s.from, up: s.toleranceUp, down: s.toleranceDown}
		if d.above(value) || d.below(value) {
			replicas = d.replicas(value)
		}
	}
	if replicas < s.from && (!s.counted || s.starting+s.warming > 0) && f.policy.Formula.Type == "value" {
		replicas = s.from // what is starting does not show in the value yet
	}
	p.Replicas = &replicas
	if !s.quiet {
		p.Note = fmt.Sprintf("%q is %s where %s is the target, so %s", f.policy.Formula.Value, number(value), number(p.Target), enough(replicas))
	}
	return p, false
}

// ruleVariables are made once per decision.
func (s *situation) ruleVariables() *rule.Variables {
	if s.variables != nil {
		return s.variables
	}
	v := &rule.Variables{
		Signals: map[string]map[string]float64{}, Current: float64(s.from), Ready: math.NaN(), Start: math.NaN(),
		Min: float64(s.min), Max: float64(s.max), Now: s.at.In(s.location), Cost: s.policy.ReplicaHour.Units(),
		SinceUp: secondsSince(s.lastUp, s.at), SinceDown: secondsSince(s.lastDown, s.at),
	}
	if s.counted {
		v.Ready, v.Start = float64(s.ready), float64(s.starting)
	}
	for name := range s.signals {
		average, second := s.read(name, stable), s.read(name, fast)
		if !average.known {
			continue
		}
		values := map[string]float64{"value": average.perReplica, "total": average.total, "age": time.Duration(s.signals[name].Stable.Age).Seconds()}
		if name.Shared() {
			values["total"] = average.perReplica
		}
		if second.known {
			values["fast"], values["fastTotal"] = second.perReplica, second.total
		}
		v.Signals[string(name)] = values
	}
	s.variables = v
	return v
}

func secondsSince(t, now time.Time) float64 {
	if t.IsZero() {
		return math.Inf(1)
	}
	return max(now.Sub(t).Seconds(), 0)
}
