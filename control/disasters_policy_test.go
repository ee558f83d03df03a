package control_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

// Where the worlds of this file end: the largest minimum, and the largest maximum, of any policy that is drawn, windows included.
const (
	mostLeast = 4
	mostMost  = 12
)

// drawScaling draws policies of every kind, alone and together, with all that bounds and slows them. The time of synctest begins at midnight of a
// Saturday, so windows open and close within the minutes that a world lasts.
func drawScaling(t *rapid.T) headroom.Scaling {
	least := rapid.IntRange(0, 3).Draw(t, "minReplicas")
	s := headroom.Scaling{Enabled: true, MinReplicas: least, MaxReplicas: least + rapid.IntRange(4, 8).Draw(t, "more"),
		Tolerance: 0.1, LatencyQuantile: 0.95, PanicThreshold: 1.5, StableWindow: drawSeconds(t, "stableWindow", 1, 6),
		ScaleDownCooldown: drawSeconds(t, "scaleDownCooldown", 0, 5), ScaleUpCooldown: drawSeconds(t, "scaleUpCooldown", 0, 2),
		ScaleToZeroAfter: headroom.Duration(4 * time.Second),
		Signals: map[headroom.Metric]headroom.SignalFrom{"queue": {Pushed: &headroom.PushedSource{Metric: "queue", Aggregate: "sum"},
			Every: headroom.Duration(time.Second), StaleAfter: headroom.Duration(5 * time.Second),
			Fallback: headroom.SignalFallback{Behavior: rapid.SampledFrom([]string{"none", "static", "current", "current-if-higher", "formula"}).Draw(t, "fallback"), Replicas: 3, After: 3}}},
	}
	if rapid.Bool().Draw(t, "targets") {
		s.TargetInFlight = 10
	}
	kinds := rapid.SliceOfNDistinct(rapid.SampledFrom(everyKind), 0, 3, rapid.ID).Draw(t, "kinds")
	if len(kinds) == 0 && s.TargetInFlight == 0 {
		kinds = everyKind // all at once
	}
	for i, kind := range kinds {
		policy := drawKind(t, kind)
		policy.Name = fmt.Sprintf("%s-%d", kind, i)
		policy.Shadow = rapid.IntRange(0, 4).Draw(t, "shadow") == 0
		policy.Weight = rapid.SampledFrom([]float64{0, 1, 3}).Draw(t, "weight")
		s.Policies = append(s.Policies, policy)
	}
	s.Combine = rapid.SampledFrom([]headroom.Combination{"", headroom.CombineMax, headroom.CombineMin, headroom.CombineAll, headroom.CombineWeighted, headroom.CombineFirst}).Draw(t, "combine")
	s.Headroom = headroom.Spare{Replicas: rapid.IntRange(0, 1).Draw(t, "spare")}
	s.FlapBudget = rapid.SampledFrom([]int{0, 0, 0, 20}).Draw(t, "flapBudget")
	s.Pause = rapid.SampledFrom([]headroom.PauseDirection{"", "", "", headroom.PauseUp, headroom.PauseDown}).Draw(t, "pause")
	s.WarmUp = drawSeconds(t, "warmUp", 0, 3)
	if rapid.Bool().Draw(t, "scheduled bounds") {
		low, high := rapid.IntRange(least, mostLeast).Draw(t, "scheduled minReplicas"), rapid.IntRange(5, mostMost).Draw(t, "scheduled maxReplicas")
		s.Schedule = []headroom.BoundsWindow{{Name: "odd minutes", Window: oddMinutes, MinReplicas: &low, MaxReplicas: &high}}
	}
	if rapid.Bool().Draw(t, "behavior") {
		window := drawSeconds(t, "stabilization", 0, 5)
		s.Behavior = headroom.Behavior{
			ScaleUp:   headroom.BehaviorRules{Policies: []headroom.RatePolicy{{Type: "replicas", Value: 4, Period: headroom.Duration(2 * time.Second)}}},
			ScaleDown: headroom.BehaviorRules{StabilizationWindow: &window, Policies: []headroom.RatePolicy{{Type: "percent", Value: 50, Period: headroom.Duration(2 * time.Second)}}}}
	}
	return s
}

var (
	everyKind = []headroom.PolicyKind{headroom.KindThreshold, headroom.KindTarget, headroom.KindSteps, headroom.KindSchedule,
		headroom.KindConcurrency, headroom.KindRule, headroom.KindFormula, headroom.KindKubernetes}
	oddMinutes = headroom.Window{From: "1-59/2 * * * *", Until: "*/2 * * * *"}
)

func drawSeconds(t *rapid.T, name string, least, most int) headroom.Duration {
	return headroom.Duration(time.Duration(rapid.IntRange(least, most).Draw(t, name)) * time.Second)
}

// drawKind draws a policy of one kind, on a signal that follows the load: a replica is meant for ten requests at once, or as many things in the queue.
func drawKind(t *rapid.T, kind headroom.PolicyKind) headroom.ScalingPolicy {
	signal := rapid.SampledFrom([]headroom.Metric{headroom.MetricInFlight, headroom.MetricInFlight, "queue"}).Draw(t, "signal")
	one, tolerance := 12.0, 0.0
	switch kind {
	case headroom.KindThreshold:
		if rapid.Bool().Draw(t, "down") {
			return headroom.ScalingPolicy{Metric: signal, Threshold: 6, Action: headroom.ActionScaleDown, Step: 1}
		}
		return headroom.ScalingPolicy{Metric: signal, Threshold: 12, Action: headroom.ActionScaleUp, Step: rapid.IntRange(1, 3).Draw(t, "step")}
	case headroom.KindTarget:
		if rapid.Bool().Draw(t, "cpu") {
			return headroom.ScalingPolicy{Target: &headroom.TargetPolicy{Metric: headroom.MetricCPU, Utilization: 50}}
		}
		return headroom.ScalingPolicy{Target: &headroom.TargetPolicy{Metric: signal, AverageValue: 10, Tolerance: &tolerance}}
	case headroom.KindSteps:
		low := 5.0
		return headroom.ScalingPolicy{Steps: &headroom.StepPolicy{Metric: signal, Steps: []headroom.Step{{From: &one, AddPercent: 50}, {Until: &low, Add: -2}}}}
	case headroom.KindSchedule:
		return headroom.ScalingPolicy{Schedule: &headroom.SchedulePolicy{Window: oddMinutes, Replicas: rapid.IntRange(0, 8).Draw(t, "scheduled")}}
	case headroom.KindConcurrency:
		return headroom.ScalingPolicy{Concurrency: &headroom.ConcurrencyPolicy{Metric: headroom.MetricInFlight, Target: 10, TargetUtilization: 100,
			StableWindow: headroom.Duration(6 * time.Second), PanicWindow: 20, PanicThreshold: 200, MaxScaleUpRate: 1000, MaxScaleDownRate: 2, ActivationScale: 1}}
	case headroom.KindRule:
		return headroom.ScalingPolicy{Rule: rapid.SampledFrom([]*headroom.RulePolicy{
			{When: "signal.queue.total > 40", Replicas: "current + 1"},
			{When: `signal["in-flight"].total < 20`, Replicas: "current - 1"},
			{When: "mod(minute, 2) == 1.0", Replicas: "max(current, 5)"},
		}).Draw(t, "rule")}
	case headroom.KindFormula:
		return headroom.ScalingPolicy{Formula: &headroom.FormulaPolicy{Value: `(signal.queue.total + signal["in-flight"].total) / 2`, Target: 10, Type: "averageValue"}}
	default:
		window := drawSeconds(t, "hpa stabilization", 0, 5)
		return headroom.ScalingPolicy{Kubernetes: &headroom.KubernetesPolicy{SyncPeriod: headroom.Duration(2 * time.Second),
			Metrics:  []headroom.KubernetesMetric{{Type: "Pods", Name: headroom.MetricInFlight, TargetType: "AverageValue", Target: 10}},
			Behavior: &headroom.Behavior{ScaleDown: headroom.BehaviorRules{StabilizationWindow: &window}}}}
	}
}
