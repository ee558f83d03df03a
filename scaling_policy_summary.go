package headroom

import (
	"fmt"
	"strings"
)

// Summary says in a few words what the policy does, for lists and events: "add 2 replicas while cpu is above 70%".
func (p ScalingPolicy) Summary() string {
	text := ""
	switch p.Kind() {
	case KindTarget:
		text = "keep " + p.Target.summary()
	case KindSteps:
		text = string(p.Steps.Metric) + ": " + p.Steps.summary()
	case KindSchedule:
		text = fmt.Sprintf("%s from %q until %q", replicaCount(p.Schedule.Replicas), p.Schedule.From, p.Schedule.Until)
		if p.Schedule.TimeZone != "" {
			text += " in " + p.Schedule.TimeZone
		}
	case KindConcurrency:
		text = fmt.Sprintf("keep %s at %s%% of %s per replica", p.Concurrency.Metric, number(p.Concurrency.TargetUtilization),
			measure(p.Concurrency.Target, p.Concurrency.Metric))
	case KindRule:
		text = fmt.Sprintf("%s when %s", p.Rule.Replicas, p.Rule.When)
	case KindFormula:
		text = fmt.Sprintf("keep %s at %s", p.Formula.Value, number(p.Formula.Target))
		if p.Formula.Type == "averageValue" {
			text += " per replica"
		}
	case KindKubernetes:
		parts := make([]string, len(p.Kubernetes.Metrics))
		for i, metric := range p.Kubernetes.Metrics {
			parts[i] = fmt.Sprintf("%s at %s %s", metric.Name, metric.TargetType, number(metric.Target))
		}
		text = "keep " + strings.Join(parts, ", ") + ", as Kubernetes does"
	default:
		where, doing := "above", "add"
		if p.Action == ActionScaleDown {
			where, doing = "below", "remove"
		}
		text = fmt.Sprintf("%s %s while %s is %s %s", doing, replicaCount(max(p.Step, 1)), p.Metric, where, measure(p.Threshold, p.Metric))
	}
	if p.Shadow {
		text += " (shadow: decides nothing)"
	}
	return text
}

func (t TargetPolicy) summary() string {
	switch {
	case t.Utilization != 0:
		return fmt.Sprintf("%s at %s%%", t.Metric, number(t.Utilization))
	case t.AverageValue != 0:
		return fmt.Sprintf("%s at %s per replica", t.Metric, measure(t.AverageValue, t.Metric))
	default:
		return fmt.Sprintf("%s at %s", t.Metric, measure(t.Value, t.Metric))
	}
}

func (s StepPolicy) summary() string {
	parts := make([]string, len(s.Steps))
	for i, step := range s.Steps {
		change := fmt.Sprintf("%+d", step.Add)
		if step.AddPercent != 0 {
			change = fmt.Sprintf("%+g%%", step.AddPercent)
		}
		switch {
		case step.From != nil && step.Until != nil:
			parts[i] = fmt.Sprintf("%s from %s until %s", change, number(*step.From), number(*step.Until))
		case step.From != nil:
			parts[i] = fmt.Sprintf("%s from %s", change, number(*step.From))
		case step.Until != nil:
			parts[i] = fmt.Sprintf("%s until %s", change, number(*step.Until))
		}
	}
	return strings.Join(parts, ", ")
}

// measure is a number with the unit of its metric: "70%", "50 requests/s", "30".
func measure(value float64, metric Metric) string {
	unit := metric.Unit()
	if unit == "%" || unit == "" {
		return number(value) + unit
	}
	return number(value) + " " + unit
}

func replicaCount(n int) string {
	if n == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", n)
}
