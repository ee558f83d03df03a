package scaling

import (
	"fmt"
	"math"

	"headroom.dev/headroom"
)

// steps proposes the step in whose band the value lies; between the bands it proposes the wanted number. As a threshold, it takes a step once per stable
// window.
type steps struct{ policy headroom.ScalingPolicy }

func (t steps) propose(s *situation) (headroom.Proposal, bool) {
	metric := t.policy.Steps.Metric
	p := headroom.Proposal{Source: sourceOf(t.policy), Kind: headroom.KindSteps, Metric: metric, Window: string(stable)}
	m := s.read(metric, stable)
	if !m.known {
		p.Window, p.Note = "", m.why
		return p, true
	}
	step, found := band(t.policy.Steps.Steps, m.perReplica)
	if !found {
		value := m.perReplica
		p.Value = &value
		p.Note = fmt.Sprintf("%s is at %s %s, in none of the bands", metric, number(value), metric.Unit())
		return p, false
	}
	change := step.Add
	if change == 0 {
		change = int(math.Ceil(math.Abs(step.AddPercent)*float64(s.from)/100 - sliver))
		change = max(change, 1)
		if step.AddPercent < 0 {
			change = -change
		}
	}
	p.Target = edge(step)
	if change > 0 {
		return s.stepUp(p, m, change), false
	}
	return s.stepDown(p, m, -change)
}

// band is the step whose band a value lies in.
func band(all []headroom.Step, value float64) (headroom.Step, bool) {
	for _, step := range all {
		if (step.From == nil || value >= *step.From) && (step.Until == nil || value < *step.Until) {
			return step, true
		}
	}
	return headroom.Step{}, false
}

// edge is the end of the band that the value has passed.
func edge(step headroom.Step) float64 {
	up := step.Add > 0 || step.AddPercent > 0
	if (up && step.From != nil) || step.Until == nil {
		return *step.From
	}
	return *step.Until
}
