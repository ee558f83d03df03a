package kubernetes

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

func TestWhatCannotBeTakenOverIsNamedWithItsLineAndWhatToDo(t *testing.T) {
	const cpu = "  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]\n"
	for _, c := range []struct {
		name, text string
		line       int
		path, says string
	}{
		{"nothing", "# nothing\n", 1, "", "expected a HorizontalPodAutoscaler"},
		{"no YAML", "a: [", 1, "", "not valid YAML"},
		{"another kind", "kind: Deployment\nmetadata: {name: shop}\n", 1, "", "has Deployment shop, and no autoscaler"},
		{"a job", "kind: ScaledJob\napiVersion: keda.sh/v1alpha1\n", 1, "kind", "is not taken over"},
		{"an old version", "kind: HorizontalPodAutoscaler\napiVersion: autoscaling/v2beta2\nspec: {}\n", 2, "apiVersion", "kubectl get horizontalpodautoscaler.v2.autoscaling"},
		{"a slip", hpaYAML(cpu + "  minReplica: 2\n"), 8, "spec.minReplica", "slip in its name"},
		{"a slip deeper down", hpaYAML("  metrics:\n  - type: Resource\n    resource: {name: cpu, target: {type: Utilization, averageUtilization: 60, value: 3}}\n"),
			9, "spec.metrics[0].resource.target.value", "no field"},
		{"bounds the wrong way round", hpaYAML("  minReplicas: 90\n" + cpu), 6, "spec.maxReplicas", "at least minReplicas, which is 90"},
		{"more than there may be", hpaYAML("  minReplicas: 9000\n" + cpu), 7, "spec.minReplicas", "from 0 to 1000"},
		{"zero by the processor", hpaYAML("  minReplicas: 0\n" + cpu), 7, "spec.minReplicas", "needs an Object or External metric"},
		{"a resource of its own", hpaYAML("  metrics: [{type: Resource, resource: {name: disk, target: {type: Utilization, averageUtilization: 60}}}]\n"),
			7, "spec.metrics[0].resource.name", "make a signal"},
		{"processors without run.cpu", hpaYAML("  metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 500m}}}]\n"),
			7, "spec.metrics[0].resource.target.averageValue", "run.cpu"},
		{"a metric without a signal", hpaYAML("  metrics: [{type: Pods, pods: {metric: {name: http.requests, selector: {matchLabels: {verb: GET}}}, target: {type: AverageValue, averageValue: 3}}}]\n"),
			7, "spec.metrics[0].pods.metric.name", `http-requests: {promql: {query: 'sum(http.requests{verb="GET"})'}}`},
		{"an amount that is none", hpaYAML("  metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 5x}}}]\n"),
			7, "spec.metrics[0].resource.target.averageValue", "must be a quantity"},
		{"an empty list of policies", hpaYAML(cpu + "  behavior: {scaleUp: {policies: []}}\n"), 8, "spec.behavior.scaleUp.policies", "at least one policy"},
		{"too long a window", hpaYAML(cpu + "  behavior: {scaleDown: {stabilizationWindowSeconds: 3601}}\n"), 8, "spec.behavior.scaleDown.stabilizationWindowSeconds", "from 0 to 3600"},
		{"annotations that version 1 keeps metrics in", "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata:\n  annotations:\n    autoscaling.alpha.kubernetes.io/metrics: '[]'\nspec: {maxReplicas: 3}\n",
			5, "metadata.annotations.autoscaling.alpha.kubernetes.io/metrics", "hpa.v2.autoscaling"},
		{"an idle count", keda("  idleReplicaCount: 0\n" + queueTrigger), 6, "spec.idleReplicaCount", "name: busy"},
		{"a trigger that is not known", keda("  triggers: [{type: kafka, metadata: {topic: a}}]\n"), 6, "spec.triggers[0].type", "external scaler"},
		{"secrets", keda(queueTrigger + "    authenticationRef: {name: token}\n"), 10, "spec.triggers[0].authenticationRef", "headers"},
		{"an environment", keda("  triggers: [{type: external, metadata: {scalerAddress: 'a:1', hostFromEnv: HOST}}]\n"), 6, "spec.triggers[0].metadata.hostFromEnv", "write the value itself as host"},
		{"a formula that is no CEL", keda("  advanced: {scalingModifiers: {formula: 'queue ?? 3', target: '3'}}\n" + queueTrigger), 6, "spec.advanced.scalingModifiers.formula", "is not CEL"},
		{"a formula of what is not there", keda("  advanced: {scalingModifiers: {formula: 'queue + current', target: '3'}}\n" + queueTrigger), 6, "spec.advanced.scalingModifiers.formula", `no trigger named "current"`},
		{"a formula and a number to fall back to", keda("  fallback: {failureThreshold: 1, replicas: 2}\n  advanced: {scalingModifiers: {formula: queue, target: '3'}}\n" + queueTrigger),
			6, "spec.fallback.behavior", "take the fallback out"},
		{"the formula's own fallback without one", keda("  fallback: {failureThreshold: 1, replicas: 2, behavior: scalingModifiers}\n" + queueTrigger), 6, "spec.fallback.behavior", "needs advanced.scalingModifiers"},
		{"an order", "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {annotations: {autoscaling.keda.sh/paused-replicas: '0'}}\nspec:\n" + queueTrigger,
			3, "metadata.annotations.autoscaling.keda.sh/paused-replicas", "headroom scale"},
		{"an annotation of KEDA's that is not known", "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {annotations: {autoscaling.keda.sh/pause: 'true'}}\nspec:\n" + queueTrigger,
			3, "metadata.annotations.autoscaling.keda.sh/pause", "slip in its name"},
		{"what is in a list", "kind: List\napiVersion: v1\nitems:\n- kind: ScaledObject\n  apiVersion: keda.sh/v1alpha1\n  spec: {triggers: []}\n", 6, "items[0].spec.triggers", "at least one trigger"},
		{"a schedule that is none", keda("  triggers: [{type: cron, metadata: {timezone: Berlin, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: 3}}]\n"), 1, "", "is not a time zone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read([]byte(c.text))
			var all *Error
			if !errors.As(err, &all) {
				t.Fatalf("the error is %v", err)
			}
			for _, p := range all.Problems {
				if p.Line == c.line && p.Path == c.path && strings.Contains(p.Message, c.says) {
					return
				}
			}
			t.Errorf("want line %d, %s: …%s…, got\n%v", c.line, c.path, c.says, err)
		})
	}
}

func TestAFileWithTwoAutoscalersIsNotOnePolicy(t *testing.T) {
	text := keda(queueTrigger) + "---\n" + hpaYAML("")
	if _, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), "ScaledObject orders.worker, HorizontalPodAutoscaler shop") {
		t.Errorf("the error is %v, want one that names both", err)
	}
	file, err := Reader{}.ReadFile([]byte(text + "---\nkind: Service\napiVersion: v1\nmetadata: {name: shop}\n"))
	if err != nil || len(file.Autoscalers) != 2 || len(file.Others) != 1 || file.Others[0] != "Service shop" {
		t.Errorf("read %d autoscalers beside %q: %v", len(file.Autoscalers), file.Others, err)
	}
}

func TestTargetsInProcessorsAndBytesBecomeSharesOfAReplica(t *testing.T) {
	reader := Reader{CPU: 2000, Memory: 1 << 30}
	s := read(t, reader, hpaYAML(`  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 500m}}}
  - {type: ContainerResource, containerResource: {name: memory, container: app, target: {type: AverageValue, averageValue: 256Mi}}}
`))
	// 500m of 2 processors, 256 of 1024 MiB.
	for _, m := range metrics(t, s) {
		if m.Target != 25 {
			t.Errorf("%s is kept at %v %%, want 25", m.Name, m.Target)
		}
	}
}

func TestSignalsThatAreKnownAreWhatMetricsMean(t *testing.T) {
	from := defaultSignal()
	from.Pushed = &headroom.PushedSource{Metric: "jobs", Aggregate: "sum"}
	reader := Reader{Signals: map[headroom.Metric]headroom.SignalFrom{"jobs-open": from, "other": from}}
	s := read(t, reader, hpaYAML("  minReplicas: 0\n  metrics: [{type: External, external: {metric: {name: jobs.open}, target: {type: Value, value: 2k}}}]\n"))
	if got := metrics(t, s)[0]; got != (headroom.KubernetesMetric{Type: "External", Name: "jobs-open", TargetType: "Value", Target: 2000}) {
		t.Errorf("read %+v", got)
	}
	if _, other := s.Signals["other"]; other || len(s.Signals) != 1 || s.Activation["jobs-open"] != 0 || len(s.Activation) != 1 {
		t.Errorf("signals %v, activation %v: want jobs-open alone", s.Signals, s.Activation)
	}
}

func TestQuantitiesAreReadExactly(t *testing.T) {
	for text, want := range map[string]*big.Rat{
		"100m": big.NewRat(1, 10), "1Gi": big.NewRat(1<<30, 1), "2k": big.NewRat(2000, 1), "1.5": big.NewRat(3, 2), "1e3": big.NewRat(1000, 1), "1E-2": big.NewRat(1, 100),
		"3E": big.NewRat(3_000_000_000_000_000_000, 1), "0.5Mi": big.NewRat(1<<19, 1), "7u": big.NewRat(7, 1_000_000), "7n": big.NewRat(7, 1_000_000_000), "-1": big.NewRat(-1, 1), "0": new(big.Rat),
	} {
		if got, err := quantity(text); err != nil || got.Cmp(want) != 0 {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "1K", "1mi", "1 Gi", "1e", "1e99", "--1", "1-", "1.2.3", "0x10", "1_000", "½", "NaN", "1ki"} {
		if got, err := quantity(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
	// MilliValue of Kubernetes rounds up.
	if got := amount(big.NewRat(10001, 10_000_000)); got != 0.002 {
		t.Errorf("1.0001 thousandths are %v, want 0.002", got)
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	f.Add([]byte(hpaYAML("  metrics: [{type: Pods, pods: {metric: {name: a}, target: {type: AverageValue, averageValue: 3}}}]\n")))
	f.Add([]byte(keda("  advanced: {scalingModifiers: {formula: 'queue + 2', target: '3'}, horizontalPodAutoscalerConfig: {behavior: {scaleUp: {tolerance: 5m}}}}\n" + queueTrigger)))
	f.Add([]byte(keda("  triggers: [{type: cron, metadata: {timezone: UTC, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: 3}}, {type: cpu, metadata: {type: Utilization, value: 3}}]\n")))
	f.Add([]byte("a: &a [*a, {<<: *a}]\n---\n? [b]\n: - - - 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Reader{}.ReadFile(data)
		if err == nil && len(file.Autoscalers) == 0 {
			t.Error("neither an autoscaler nor an error")
		}
		for _, a := range file.Autoscalers {
			if err == nil && len(a.Scaling.Policies) == 0 {
				t.Errorf("%s %s decides by nothing", a.Kind, a.Name)
			}
		}
	})
}
