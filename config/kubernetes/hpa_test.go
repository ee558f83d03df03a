package kubernetes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"headroom.dev/headroom"
)

// hpaYAML is an autoscaling/v2 object with the lines under spec.
func hpaYAML(spec string) string {
	return "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: shop}\nspec:\n" +
		"  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}\n  maxReplicas: 40\n" + spec
}

// read reads text that must be right.
func read(t *testing.T, r Reader, text string) headroom.Scaling {
	t.Helper()
	s, err := r.Read([]byte(text))
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	return s
}

// metrics are those of the only policy.
func metrics(t *testing.T, s headroom.Scaling) []headroom.KubernetesMetric {
	t.Helper()
	if len(s.Policies) != 1 || s.Policies[0].Kubernetes == nil {
		t.Fatalf("policies are %+v, want one of the kind kubernetes", s.Policies)
	}
	return s.Policies[0].Kubernetes.Metrics
}

func TestWhatIsWrittenInAnHPADecides(t *testing.T) {
	s := read(t, Reader{}, hpaYAML(`  minReplicas: 2
  metrics:
  - type: Resource
    resource:
      name: cpu
      target: {type: Utilization, averageUtilization: 60}
  - type: Resource
    resource: {name: memory, target: {type: Utilization, averageUtilization: 75}}
`))
	if s.MinReplicas != 2 || s.MaxReplicas != 40 || s.ScaleDownCooldown != 0 || s.Policies[0].Name != "shop" {
		t.Errorf("read %d to %d replicas, cooldown %s, policy %q", s.MinReplicas, s.MaxReplicas, s.ScaleDownCooldown, s.Policies[0].Name)
	}
	want := []headroom.KubernetesMetric{
		{Type: "Resource", Name: "cpu", TargetType: "Utilization", Target: 60},
		{Type: "Resource", Name: "memory", TargetType: "Utilization", Target: 75},
	}
	if diff := cmp.Diff(want, metrics(t, s)); diff != "" {
		t.Error(diff)
	}
	if s.Policies[0].Kubernetes.Behavior != nil {
		t.Error("a behavior came from nowhere: no behavior is something else than the default one")
	}
}
