package headroom

import "testing"

func TestEachKindOfPolicySaysWhatItDoesInAFewWords(t *testing.T) {
	t.Parallel()
	at := func(value float64) *float64 { return &value }
	for want, p := range map[string]ScalingPolicy{
		"add 2 replicas while cpu is above 70%":                {Metric: MetricCPU, Threshold: 70, Action: ActionScaleUp, Step: 2},
		"remove 1 replica while in-flight is below 6 requests": {Metric: MetricInFlight, Threshold: 6, Action: ActionScaleDown},
		"keep cpu at 60%": {Target: &TargetPolicy{Metric: MetricCPU, Utilization: 60}},
		"keep queue at 30 per replica (shadow: decides nothing)":           {Target: &TargetPolicy{Metric: "queue", AverageValue: 30}, Shadow: true},
		"keep latency at 200 ms":                                           {Target: &TargetPolicy{Metric: MetricLatency, Value: 200}},
		"cpu: +1 from 70 until 90, +50% from 90, -1 until 30":              {Steps: &StepPolicy{Metric: MetricCPU, Steps: []Step{{From: at(70), Until: at(90), Add: 1}, {From: at(90), AddPercent: 50}, {Until: at(30), Add: -1}}}},
		`6 replicas from "0 8 * * 1-5" until "0 18 * * 1-5" in Asia/Tokyo`: {Schedule: &SchedulePolicy{Window: Window{From: "0 8 * * 1-5", Until: "0 18 * * 1-5", TimeZone: "Asia/Tokyo"}, Replicas: 6}},
		"keep in-flight at 70% of 10 requests per replica":                 {Concurrency: &ConcurrencyPolicy{Metric: MetricInFlight, Target: 10, TargetUtilization: 70}},
		"current + 2 when hour >= 8":                                       {Rule: &RulePolicy{When: "hour >= 8", Replicas: "current + 2"}},
		"keep signal.queue.total at 30 per replica":                        {Formula: &FormulaPolicy{Value: "signal.queue.total", Target: 30, Type: "averageValue"}},
		"keep cpu at Utilization 60, as Kubernetes does":                   {Kubernetes: &KubernetesPolicy{Metrics: []KubernetesMetric{{Type: "Resource", Name: MetricCPU, TargetType: "Utilization", Target: 60}}}},
	} {
		if got := p.Summary(); got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
}
