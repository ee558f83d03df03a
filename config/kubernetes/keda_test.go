package kubernetes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"headroom.dev/headroom"
)

// keda is a ScaledObject with the lines under spec.
func keda(spec string) string {
	return "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: orders.worker}\nspec:\n  scaleTargetRef: {name: orders}\n" + spec
}

const queueTrigger = `  triggers:
  - type: prometheus
    name: queue
    metadata: {serverAddress: "http://prometheus:9090", query: sum(queue), threshold: "30", activationThreshold: "5"}
`

func TestAScaledObjectBecomesSignalsAndAnHPA(t *testing.T) {
	s := read(t, Reader{}, keda(`  pollingInterval: 45
  cooldownPeriod: 120
  fallback: {failureThreshold: 3, replicas: 6, behavior: currentReplicasIfHigher}
`+queueTrigger+`  - type: external
    metadata: {scalerAddress: "scaler:9090", topic: orders}
  - type: cron
    metadata: {timezone: Europe/Berlin, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: "10"}
  - type: metrics-api
    metadata: {url: "http://stats:80/all", valueLocation: queues.0.length, targetValue: "7.5", activationTargetValue: "2"}
    metricType: Value
  - type: cpu
    metricType: Utilization
    metadata: {value: "60"}
`))
	after := headroom.SignalFallback{Behavior: "current-if-higher", Replicas: 6, After: 4} // KEDA: more failures than the threshold
	signal := func(set func(*headroom.SignalFrom)) headroom.SignalFrom {
		from := headroom.SignalFrom{Every: seconds(45), StaleAfter: seconds(90), Fallback: after}
		set(&from)
		return from
	}
	want := map[headroom.Metric]headroom.SignalFrom{
		"queue": signal(func(f *headroom.SignalFrom) {
			f.PromQL = &headroom.PromQLSource{Query: "(sum(queue)) or vector(0)", URL: "http://prometheus:9090", Timeout: seconds(3)}
		}),
		"external": signal(func(f *headroom.SignalFrom) {
			f.External = &headroom.ExternalSource{Address: "scaler:9090", PerTarget: true, Timeout: seconds(5),
				Metadata: map[string]string{"scalerAddress": "scaler:9090", "topic": "orders"}}
		}),
		"cron": signal(func(f *headroom.SignalFrom) {
			f.Cron = &headroom.CronSource{Window: headroom.Window{From: "0 8 * * *", Until: "0 18 * * *", TimeZone: "Europe/Berlin"}, Value: 10}
		}),
		"metrics-api": signal(func(f *headroom.SignalFrom) {
			f.HTTP = &headroom.HTTPSource{URL: "http://stats:80/all", Path: "queues.0.length", Timeout: seconds(3)}
		}),
	}
	if diff := cmp.Diff(want, s.Signals); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]headroom.KubernetesMetric{
		{Type: "External", Name: "queue", TargetType: "AverageValue", Target: 30},
		{Type: "External", Name: "external", TargetType: "AverageValue", Target: 1},
		{Type: "External", Name: "cron", TargetType: "AverageValue", Target: 1},
		{Type: "External", Name: "metrics-api", TargetType: "Value", Target: 7.5},
		{Type: "Resource", Name: "cpu", TargetType: "Utilization", Target: 60},
	}, metrics(t, s)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[headroom.Metric]float64{"queue": 5, "external": 0, "cron": 0, "metrics-api": 2}, s.Activation); diff != "" {
		t.Errorf("activation: %s", diff)
	}
	if s.MinReplicas != 0 || s.MaxReplicas != 100 || s.ScaleToZeroAfter != seconds(120) || s.Policies[0].Name != "orders-worker" {
		t.Errorf("read %d to %d, to zero after %s, policy %s", s.MinReplicas, s.MaxReplicas, s.ScaleToZeroAfter, s.Policies[0].Name)
	}
}

func TestAFormulaOfTriggersBecomesOneOfSignals(t *testing.T) {
	s := read(t, Reader{}, keda(`  minReplicaCount: 1
  advanced:
    horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}
    scalingModifiers: {formula: "queue + 2 * errors > 3 ? max(queue, errors) : 1e0", target: "30"}
`+queueTrigger+`  - type: external
    name: errors
    metadata: {scalerAddress: "scaler:9090"}
  - {type: memory, metricType: Utilization, metadata: {value: "80"}}
`))
	if len(s.Policies) != 2 {
		t.Fatalf("policies are %+v, want memory and the formula", s.Policies)
	}
	// A trigger with the name of a built-in metric gets another one.
	want := &headroom.FormulaPolicy{Target: 30, Type: "averageValue",
		Value: `signal.queue.total + 2 * signal["errors-2"].total > 3 ? max(signal.queue.total, signal["errors-2"].total) : 1e0`}
	if diff := cmp.Diff(want, s.Policies[1].Formula); diff != "" {
		t.Error(diff)
	}
	if got := s.Policies[0].Kubernetes.Metrics; len(got) != 1 || got[0].Name != headroom.MetricMemory {
		t.Errorf("beside the formula there is %+v, want memory alone", got)
	}
	minute := seconds(60)
	if diff := cmp.Diff(headroom.BehaviorRules{StabilizationWindow: &minute, Policies: []headroom.RatePolicy{{Type: "percent", Value: 100, Period: seconds(15)}}},
		s.Behavior.ScaleDown); diff != "" {
		t.Error(diff)
	}
}

func TestPausesOfKEDAPause(t *testing.T) {
	for annotation, want := range map[string]headroom.PauseDirection{
		`autoscaling.keda.sh/paused: "true"`: headroom.PauseBoth, `autoscaling.keda.sh/paused-scale-in: "true"`: headroom.PauseDown,
		`autoscaling.keda.sh/paused-scale-out: "true"`: headroom.PauseUp, `autoscaling.keda.sh/paused: "false"`: "", "team: orders": "",
	} {
		text := "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a, annotations: {" + annotation + "}}\nspec:\n  scaleTargetRef: {name: a}\n" + queueTrigger
		if got := read(t, Reader{}, text).Pause; got != want {
			t.Errorf("%s pauses %q, want %q", annotation, got, want)
		}
	}
}

func TestEveryFallbackOfKEDAIsTakenOver(t *testing.T) {
	for behavior, want := range map[string]string{"static": "static", "currentReplicas": "current", "currentReplicasIfHigher": "current-if-higher",
		"currentReplicasIfLower": "current-if-lower"} {
		s := read(t, Reader{}, keda("  fallback: {failureThreshold: 0, replicas: 4, behavior: "+behavior+"}\n"+queueTrigger))
		if got := s.Signals["queue"].Fallback; got != (headroom.SignalFallback{Behavior: want, Replicas: 4, After: 1}) {
			t.Errorf("%s became %+v", behavior, got)
		}
	}
	s := read(t, Reader{}, keda("  advanced: {scalingModifiers: {formula: queue, target: '3'}}\n  fallback: {failureThreshold: 2, replicas: 4, behavior: scalingModifiers}\n"+queueTrigger))
	if got := s.Signals["queue"].Fallback; got != (headroom.SignalFallback{Behavior: "formula", Replicas: 4, After: 3}) {
		t.Errorf("scalingModifiers became %+v", got)
	}
}

func TestProcessorsAndMemoryAloneDoNotGoToZero(t *testing.T) {
	file, err := Reader{}.ReadFile([]byte(keda("  triggers: [{type: cpu, metricType: Utilization, metadata: {value: '60'}}]\n")))
	if err != nil {
		t.Fatal(err)
	}
	if a := file.Autoscalers[0]; a.Scaling.MinReplicas != 1 || len(a.Notes) != 1 {
		t.Errorf("at least %d replicas, with the notes %q", a.Scaling.MinReplicas, a.Notes)
	}
}
