package kubernetes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
	"headroom.dev/headroom/scaling/hpa"
)

// controlled is an HPA as its own controller would have it, made by hand.
func controlled(least, most int, behavior *hpa.Behavior, metrics ...hpa.Metric) hpa.Spec {
	return hpa.Spec{Bounds: hpa.Bounds{Min: least, Max: most}, Metrics: metrics, Behavior: behavior, Controller: hpa.DefaultController()}
}

// TestWhatIsImportedDecidesAsTheAutoscalerDid compares scaling.Decide of what was read with hpa.Step of the same autoscaler, over random load. The latter is
// held against Kubernetes' own controller by make differential.
func TestWhatIsImportedDecidesAsTheAutoscalerDid(t *testing.T) {
	defaultUp := hpa.DefaultScaleUp(hpa.DefaultController())
	queue := map[headroom.Metric]headroom.SignalFrom{"queue": defaultSignal()}
	from := queue["queue"]
	from.PromQL = &headroom.PromQLSource{Query: "queue", Timeout: seconds(5)}
	queue["queue"] = from
	for name, c := range map[string]struct {
		text string
		spec hpa.Spec
	}{
		"processor, no behavior": {
			hpaYAML("  minReplicas: 2\n  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]\n"),
			controlled(2, 40, nil, hpa.Metric{Source: hpa.Resource, Name: "cpu", Type: hpa.Utilization, Target: 60}),
		},
		"two metrics, and a behavior for the way down": {
			hpaYAML(`  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}
  - {type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: "30500m"}}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 60, selectPolicy: Min, tolerance: 50m, policies: [{type: Percent, value: 50, periodSeconds: 60}, {type: Pods, value: 2, periodSeconds: 30}]}
`),
			controlled(1, 40, &hpa.Behavior{ScaleUp: defaultUp, ScaleDown: hpa.Rules{StabilizationWindow: time.Minute, Select: hpa.SelectMin, Tolerance: 0.05,
				Policies: []hpa.RatePolicy{{Type: hpa.RatePercent, Value: 50, Period: time.Minute}, {Type: hpa.RatePods, Value: 2, Period: 30 * time.Second}}}},
				hpa.Metric{Source: hpa.Resource, Name: "cpu", Type: hpa.Utilization, Target: 50},
				hpa.Metric{Source: hpa.External, Name: "queue", Type: hpa.AverageValue, Target: 30500}),
		},
		"a value of KEDA's": {
			keda(`  minReplicaCount: 1
  maxReplicaCount: 40
  triggers: [{type: prometheus, name: queue, metricType: Value, metadata: {serverAddress: "http://p", query: queue, threshold: "100"}}]
`),
			controlled(1, 40, nil, hpa.Metric{Source: hpa.External, Name: "queue", Type: hpa.Value, Target: 100_000}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			policy := read(t, Reader{Signals: queue}, c.text)
			for seed := range uint64(60) {
				compare(t, policy, c.spec, rand.New(rand.NewPCG(seed, 4)))
			}
		})
	}
}

// compare drives both through 100 steps of 15 s. Every replica is ready at once, so what is decided is what there is.
func compare(t *testing.T, policy headroom.Scaling, spec hpa.Spec, random *rand.Rand) {
	t.Helper()
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	replicas := spec.Min + random.IntN(spec.Max-spec.Min+1)
	var memory headroom.ScalerState
	var state hpa.State
	load, queue := 100.0, 100.0
	for step := range 100 {
		if random.IntN(6) == 0 {
			load, queue = float64(random.IntN(2_000_000))/1000, float64(random.IntN(1_500_000))/1000
		} else { // little enough to matter where the tolerance ends
			load, queue = around(load, random), around(queue, random)
		}
		d, next := scaling.Decide(fmt.Sprint(step), policy, observed(now, replicas, load, queue), memory)
		memory = next
		if step > 0 {
			want, after := hpa.Step(spec, proposed(t, spec, replicas, load, queue), replicas, state, now)
			state = after
			if d.To != want.Replicas {
				t.Fatalf("step %d with %d replicas, load %v and queue %v: %d, and HPA decides %d (%s)\n%s", step, replicas, load, queue, d.To, want.Replicas, want.Why, d.Reason)
			}
		}
		replicas = d.To
		now = now.Add(15 * time.Second)
	}
}

// around is a value up to 15 % away, in thousandths.
func around(value float64, random *rand.Rand) float64 {
	return math.Round(min(value, 1e6)*(0.85+0.3*random.Float64())*1000) / 1000
}

// observed is a service whose processors are busy by so many percent of one replica, and a queue.
func observed(now time.Time, replicas int, load, queue float64) headroom.Observation {
	starting := 0
	signal := func(metric headroom.Metric, total float64, measured int) headroom.Signal {
		each := total / float64(measured)
		reading := headroom.Reading{PerReplica: &each, Total: &total, Measured: measured, Replicas: measured}
		return headroom.Signal{Metric: metric, Fast: reading, Stable: reading}
	}
	return headroom.Observation{Service: "shop", At: now, Replicas: headroom.ReplicaCounts{Ready: &replicas, Starting: &starting, Synced: true},
		Signals: map[headroom.Metric]headroom.Signal{"cpu": signal("cpu", load, replicas), "queue": signal("queue", queue, 1)}}
}

func proposed(t *testing.T, spec hpa.Spec, replicas int, load, queue float64) []hpa.Proposed {
	t.Helper()
	proposals := make([]hpa.Proposed, len(spec.Metrics))
	for i, m := range spec.Metrics {
		p := &proposals[i]
		if m.Source == hpa.Resource {
			// 100 % of the request is one processor: 100,000 thousandths of a percent.
			p.Proposal, p.Err = m.FromTotals(hpa.Totals{Measured: replicas, Usage: int64(load*1000 + 0.5), Request: 100_000}, replicas, spec.Tolerance())
		} else {
			p.Proposal, p.Err = m.FromValue(int64(queue*1000+0.5), hpa.Count{Wanted: replicas, Observed: replicas, Listed: replicas, Ready: replicas}, spec.Tolerance())
		}
		if p.Err != nil {
			t.Fatal(p.Err)
		}
	}
	return proposals
}
