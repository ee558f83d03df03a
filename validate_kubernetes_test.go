package headroom

import (
	"testing"
)

func TestKubernetesMetricsHaveTheTargetsThatKubernetesTakes(t *testing.T) {
	takes := map[string][]string{
		"Resource": {"Utilization", "AverageValue"}, "ContainerResource": {"Utilization", "AverageValue"},
		"Pods": {"AverageValue"}, "Object": {"AverageValue", "Value"}, "External": {"AverageValue", "Value"},
	}
	for source, allowed := range takes {
		for _, target := range []string{"Utilization", "AverageValue", "Value"} {
			want := false
			for _, one := range allowed {
				want = want || one == target
			}
			policy := ScalingPolicy{Name: "hpa", Step: 1, Kubernetes: &KubernetesPolicy{SyncPeriod: 15e9,
				Metrics: []KubernetesMetric{{Type: source, Name: MetricCPU, TargetType: target, Target: 50}}}}
			if errs := policy.Validate("p"); (len(errs) == 0) != want {
				t.Errorf("%s with %s: %v, want it taken: %v", source, target, errs, want)
			}
		}
	}
}
