package scaling

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestARuleProposesWhileItsConditionHolds(t *testing.T) {
	for _, test := range []struct {
		name, when, replicas string
		want                 int // of 4, at 12:00 UTC, 13:00 in Berlin, with a queue of 120
		abstains             bool
	}{
		{"holds", "signal.queue.total > 100", "current + 2", 6, false},
		{"does not", "signal.queue.total > 120", "current + 2", 4, true},
		{"fractions are rounded up", "true", "signal.queue.total / 50", 3, false},
		{"less than nothing is the minimum", "true", "current - 10", 1, false},
		{"more than anything is the maximum", "true", "current * 1e300", 100, false},
		{"by the clock of the service", "hour == 13", "7", 7, false},
		{"by cost: at most a dollar an hour", "true", "min(40, 1 / cost)", 20, false},
		{"since the last change", "sinceUp > 3600 && sinceDown >= 600", "5", 5, false},
		{"never lowered is long ago", "sinceDown > 1e12", "5", 4, true},
		{"what is not known", "has(signal.lag) && signal.lag.total > 5", "9", 4, true},
		{"ready and starting", "ready == 3 && starting == 1", "5", 5, false},
		{"the bounds", "maxReplicas == 100 && minReplicas == 1", "5", 5, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := own(headroom.ScalingPolicy{Rule: &headroom.RulePolicy{When: test.when, Replicas: test.replicas}}, func(p *headroom.Scaling) {
				p.TimeZone, p.ReplicaHour = "Europe/Berlin", headroom.Money{Micros: 50_000, Currency: "USD"}
			})
			state := headroom.ScalerState{Wanted: 4, LastDown: noon.Add(-10 * time.Minute)}
			d, _ := Decide("d", policy, observe(counts(3, 1), signals(map[headroom.Metric]float64{"queue": 120}, 3)), state)
			if d.To != test.want || (d.Proposals[0].Replicas == nil) != test.abstains {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
}

func TestAFormulaIsKeptAtItsTarget(t *testing.T) {
	for _, test := range []struct {
		name, value, kind string
		target            float64
		ready, starting   int
		want              int // of 4; a queue of 120, a lag of 40
	}{
		{"two signals", "signal.queue.total + 2 * signal.lag.total", "averageValue", 20, 4, 0, 10},
		{"fewer", "signal.lag.total", "averageValue", 20, 4, 0, 2},
		{"within the tolerance", "signal.queue.total", "averageValue", 28, 4, 0, 4},
		{"negative is nothing", "0 - signal.queue.total", "averageValue", 20, 4, 0, 1},
		{"in proportion to those that are ready", "signal.queue.total", "value", 80, 4, 0, 6},
		{"which may be fewer than are wanted: it does not shrink under load", "signal.queue.total", "value", 100, 2, 0, 4},
		{"in proportion, fewer", "signal.lag.total", "value", 80, 4, 0, 2},
		{"not while some are starting", "signal.lag.total", "value", 80, 3, 1, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := own(headroom.ScalingPolicy{Formula: &headroom.FormulaPolicy{Value: test.value, Target: test.target, Type: test.kind}}, func(p *headroom.Scaling) {
				p.Signals["lag"] = headroom.SignalFrom{StaleAfter: seconds(60)}
			})
			obs := observe(counts(test.ready, test.starting), signals(map[headroom.Metric]float64{"queue": 120, "lag": 40}, 4))
			if d, _ := Decide("d", policy, obs, wanted(4)); d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
}

func concurrencyPolicy() headroom.ScalingPolicy {
	return headroom.ScalingPolicy{Concurrency: &headroom.ConcurrencyPolicy{Metric: headroom.MetricInFlight, Target: 10, TargetUtilization: 70, StableWindow: seconds(60),
		PanicWindow: 10, PanicThreshold: 200, MaxScaleUpRate: 1000, MaxScaleDownRate: 2, ActivationScale: 1}}
}

// The target is 7 in flight per replica; the stable window 60 s, the panic window 6 s.
func TestConcurrencyDecidesAsKnative(t *testing.T) {
	policy := own(concurrencyPolicy(), nil)
	state, at := wanted(1), noon
	second := func(inFlight float64) headroom.Decision {
		obs := observe(counts(state.Wanted, 0), steady(headroom.MetricInFlight, reading(inFlight, state.Wanted)))
		obs.At = at
		d, next := Decide("d", policy, obs, state)
		state, at = next, at.Add(time.Second)
		return d
	}
	for range 60 {
		if d := second(7); d.To != 1 {
			t.Fatalf("steady: %d: %s", d.To, d.Reason)
		}
	}
	// 70 for a second: stable (59×7 + 70)/60 = 8.05, so 2; panic (5×7 + 70)/6 = 17.5, so 3, which is at least twice the one that is ready.
	d := second(70)
	want := "shop has 8.05 requests in flight over 1m and 17.5 over 6s; at 7 per replica that takes 2 and 3 replicas; it panics, so the number does not fall"
	if d.To != 3 || d.Proposals[0].Note != want || *d.Proposals[0].Value != 17.5 || d.Proposals[0].Window != string(fast) {
		t.Fatalf("burst: %d: %s", d.To, d.Reason)
	}
	for range 59 {
		if d = second(7); d.To != 3 {
			t.Fatalf("in panic: %d: %s", d.To, d.Reason)
		}
	}
	for range 8 {
		d = second(7)
	}
	if d.To != 1 {
		t.Fatalf("after the panic: %d: %s", d.To, d.Reason)
	}
}

func TestConcurrencyCountsAMeasurementOnceHoweverOftenItIsDecidedOn(t *testing.T) {
	policy := own(concurrencyPolicy(), nil)
	obs := observe(counts(1, 0), steady(headroom.MetricInFlight, reading(7, 1)))
	d, state := Decide("d", policy, obs, wanted(1))
	for _, later := range []time.Duration{0, 300 * time.Millisecond} { // an order by hand is decided at once
		obs.At = noon.Add(later)
		if d, state = Decide("d", policy, obs, state); d.To != 1 {
			t.Errorf("%s later: %d: %s", later, d.To, d.Reason)
		}
	}
	obs.At = noon.Add(999 * time.Millisecond) // ticks come a little early at times
	if d, _ = Decide("d", policy, obs, state); d.To != 2 {
		t.Errorf("the next second is another measurement: %d: %s", d.To, d.Reason)
	}
}

func kubernetesPolicy(behavior *headroom.Behavior, metrics ...headroom.KubernetesMetric) headroom.ScalingPolicy {
	return headroom.ScalingPolicy{Kubernetes: &headroom.KubernetesPolicy{SyncPeriod: seconds(15), Behavior: behavior, Metrics: metrics}}
}

func TestAKubernetesPolicyDecidesAsAHorizontalPodAutoscaler(t *testing.T) {
	cpu := headroom.KubernetesMetric{Type: "Resource", Name: "cpu", TargetType: "Utilization", Target: 60}
	free := &headroom.Behavior{ScaleUp: headroom.BehaviorRules{Policies: []headroom.RatePolicy{rate("percent", 900, 15)}}, ScaleDown: headroom.BehaviorRules{StabilizationWindow: lasting(0)}}
	queue := func(kind string, target float64) headroom.KubernetesMetric {
		return headroom.KubernetesMetric{Type: "External", Name: "queue", TargetType: kind, Target: target}
	}
	for _, test := range []struct {
		name   string
		policy headroom.ScalingPolicy
		load   map[headroom.Metric]float64
		want   int // of 4
	}{
		{"utilization is cut to whole percent: 263/4 is 65, 65/60 within 10 %", kubernetesPolicy(free, cpu), map[headroom.Metric]float64{"cpu": 267}, 4},
		{"90/60 × 4", kubernetesPolicy(free, cpu), map[headroom.Metric]float64{"cpu": 360}, 6},
		{"30/60 × 4", kubernetesPolicy(free, cpu), map[headroom.Metric]float64{"cpu": 120}, 2},
		{"without behavior at most twice", kubernetesPolicy(nil, cpu), map[headroom.Metric]float64{"cpu": 4 * 60 * 3}, 8},
		{"with behavior as that says", kubernetesPolicy(free, cpu), map[headroom.Metric]float64{"cpu": 4 * 60 * 3}, 12},
		{"with an empty behavior at most twice or 4 more", kubernetesPolicy(&headroom.Behavior{}, cpu), map[headroom.Metric]float64{"cpu": 4 * 60 * 3}, 8},
		{"without behavior down after 5 minutes", kubernetesPolicy(nil, cpu), map[headroom.Metric]float64{"cpu": 120}, 4},
		{"with an empty behavior too", kubernetesPolicy(&headroom.Behavior{}, cpu), map[headroom.Metric]float64{"cpu": 120}, 4},
		{"average value: 200/30", kubernetesPolicy(free, queue("AverageValue", 30)), map[headroom.Metric]float64{"queue": 200}, 7},
		{"value: 200/100 × 4", kubernetesPolicy(free, queue("Value", 100)), map[headroom.Metric]float64{"queue": 200}, 8},
		{"the largest", kubernetesPolicy(free, cpu, queue("Value", 100)), map[headroom.Metric]float64{"cpu": 120, "queue": 150}, 6},
		{"one fails and the other wants fewer: no change", kubernetesPolicy(free, cpu, queue("Value", 100)), map[headroom.Metric]float64{"cpu": 120}, 4},
		{"one fails and the other wants more", kubernetesPolicy(free, cpu, queue("Value", 100)), map[headroom.Metric]float64{"cpu": 360}, 6},
		{"Pods of what the service has as a whole: each says the same", kubernetesPolicy(free, headroom.KubernetesMetric{Type: "Pods", Name: "latency", TargetType: "AverageValue", Target: 100}),
			map[headroom.Metric]float64{"latency": 150}, 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := signals(test.load, 4)
			if ms, found := test.load["latency"]; found {
				r := headroom.Reading{PerReplica: &ms, Measured: 4, Replicas: 4}
				all["latency"] = headroom.Signal{Fast: r, Stable: r}
			}
			d, _ := Decide("d", own(test.policy, nil), observe(counts(4, 0), all), wanted(4))
			if d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
}

func TestAKubernetesPolicyDecidesOncePerSyncPeriod(t *testing.T) {
	policy := own(kubernetesPolicy(nil, headroom.KubernetesMetric{Type: "Resource", Name: "cpu", TargetType: "Utilization", Target: 60}), nil)
	state := wanted(4)
	for _, test := range []struct {
		second int
		cpu    float64
		want   int
	}{{0, 240, 4}, {1, 360, 4}, {14, 360, 4}, {15, 360, 6}, {16, 900, 6}, {29, 900, 6}, {30, 900, 12}} {
		obs := observe(counts(state.Wanted, 0), steady(headroom.MetricCPU, reading(test.cpu, state.Wanted)))
		obs.At = noon.Add(time.Duration(test.second) * time.Second)
		d, next := Decide("d", policy, obs, state)
		if d.To != test.want {
			t.Fatalf("second %d: got %d, want %d: %s", test.second, d.To, test.want, d.Reason)
		}
		if test.second == 14 && !strings.HasPrefix(d.Reason, "it decides every 15s; 14s ago: ") {
			t.Errorf("reason: %s", d.Reason)
		}
		state = next
	}
}
