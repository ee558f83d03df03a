package scaling

import (
	"fmt"
	"math"
	"strings"

	"headroom.dev/headroom"
)

// steps proposes the step in whose band the value lies, and abstains between the bands. As a threshold, it takes a step once per stable window, and replicas that
// could not be read count as idle on the way up.
type steps struct{ policy headroom.ScalingPolicy }

func (t steps) propose(s *situation) (headroom.Proposal, bool) {
	metric := t.policy.Steps.Metric
	p := headroom.Proposal{Kind: headroom.KindSteps, Metric: metric, Window: string(stable)}
	m := s.read(metric, stable)
	if !m.known {
		p.Window, p.Note = "", s.why(m)
		return p, true
	}
	value := m.perReplica
	step, found := band(t.policy.Steps.Steps, value)
	if found && m.missing > 0 && s.change(step) > 0 {
		value *= float64(m.replicas-m.missing) / float64(m.replicas)
		step, found = band(t.policy.Steps.Steps, value)
		found = found && s.change(step) > 0
	}
	if !found {
		p.Value = &value
		if !s.quiet {
			p.Note = strings.TrimSpace(fmt.Sprintf("%s is at %s %s", metric, number(value), metric.Unit())) + ", in none of the bands"
		}
		return p, false
	}
	change := s.change(step)
	p.Target = edge(step)
	if change > 0 {
		return s.stepUp(p, m, change), false
	}
	return s.stepDown(p, m, -change)
}

// change is how many replicas a step adds; below zero it removes them.
func (s *situation) change(step headroom.Step) int {
	if step.Add != 0 {
		return min(max(step.Add, -mostReplicas), mostReplicas)
	}
	share := math.Min(math.Max(step.AddPercent, -100), mostReplicas)
	change := max(int(math.Ceil(math.Abs(share)*float64(s.from)/100-sliver)), 1)
	if share < 0 {
		return -change
	}
	return change
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

// edge is the end of the band that the value has passed; 0 for a band without ends.
func edge(step headroom.Step) float64 {
	up := step.Add > 0 || step.AddPercent > 0
	switch {
	case step.From != nil && (up || step.Until == nil):
		return *step.From
	case step.Until != nil:
		return *step.Until
	default:
		return 0
	}
}
