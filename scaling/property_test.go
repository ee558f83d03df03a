package scaling

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

func drawPolicy(t *rapid.T) headroom.Scaling {
	least := rapid.IntRange(1, 20).Draw(t, "min")
	target := func(name string, values ...float64) float64 {
		return rapid.SampledFrom(append(values, 0)).Draw(t, name)
	}
	duration := func(name string) headroom.Duration {
		return headroom.Duration(rapid.IntRange(0, 400).Draw(t, name)) * headroom.Duration(time.Second)
	}
	policy := headroom.Scaling{
		Enabled: true, MinReplicas: least, MaxReplicas: least + rapid.IntRange(0, 40).Draw(t, "more"),
		TargetCPUUtilization: target("cpu", 70, 50), TargetMemoryUtilization: target("memory", 80),
		TargetRequestsPerSecond: target("rps", 50, 0.5), TargetInFlight: target("inFlight", 8),
		TargetLatency: headroom.Duration(target("latency", 2e8)), LatencyQuantile: 0.95,
		Tolerance: rapid.Float64Range(0, 0.5).Draw(t, "tolerance"), StableWindow: duration("window") + 1,
		PanicThreshold:  rapid.Float64Range(1.1, 10).Draw(t, "panic"),
		ScaleUpCooldown: duration("upCooldown"), ScaleDownCooldown: duration("downCooldown"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "policies") {
		policy.Policies = append(policy.Policies, headroom.ScalingPolicy{
			Name: "p", Metric: rapid.SampledFrom(headroom.Metrics()).Draw(t, "metric"),
			Threshold: rapid.Float64Range(0, 200).Draw(t, "threshold"), Step: rapid.IntRange(1, 5).Draw(t, "step"),
			Action: rapid.SampledFrom([]headroom.ThresholdAction{headroom.ActionScaleUp, headroom.ActionScaleDown}).Draw(t, "action")})
	}
	return policy
}

func drawReading(t *rapid.T, replicas int) headroom.Reading {
	r := partial(rapid.Float64Range(0, 5000).Draw(t, "total"), rapid.IntRange(0, replicas).Draw(t, "measured"), replicas)
	r.Age = headroom.Duration(rapid.IntRange(0, 1500).Draw(t, "age")) * headroom.Duration(time.Millisecond)
	return r
}

func drawObservation(t *rapid.T) headroom.Observation {
	ready := rapid.IntRange(0, 30).Draw(t, "ready")
	obs := observe(counts(ready, rapid.IntRange(0, 5).Draw(t, "starting")), map[headroom.Metric]headroom.Signal{})
	for _, metric := range headroom.Metrics() {
		obs.Signals[metric] = headroom.Signal{Metric: metric, Fast: drawReading(t, ready), Stable: drawReading(t, ready)}
	}
	return obs
}

func drawState(t *rapid.T, policy headroom.Scaling) headroom.ScalerState {
	before := func(name string) time.Time {
		return noon.Add(-time.Duration(rapid.IntRange(0, 600).Draw(t, name)) * time.Second)
	}
	return headroom.ScalerState{Wanted: rapid.IntRange(policy.MinReplicas, policy.MaxReplicas).Draw(t, "wanted"),
		LastUp: before("lastUp"), LastDown: before("lastDown")}
}

// drawDamage makes one input unknown, stale or impossible, and reports whether the damage may matter.
func drawDamage(t *rapid.T, obs *headroom.Observation, metric headroom.Metric) {
	signal := obs.Signals[metric]
	target := rapid.SampledFrom([]*headroom.Reading{&signal.Fast, &signal.Stable}).Draw(t, "reading")
	switch rapid.IntRange(0, 5).Draw(t, "damage") {
	case 0:
		*target = headroom.Reading{Unknown: "gone"}
	case 1:
		target.Age = headroom.Duration(time.Hour)
	case 2:
		value := rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), -1}).Draw(t, "impossible")
		target.Total, target.PerReplica = &value, &value
	case 3:
		obs.Replicas.Ready = nil
	case 4:
		obs.Replicas.Synced = false
	case 5:
		delete(obs.Signals, metric)
		return
	}
	obs.Signals[metric] = signal
}

func TestPropertyDecisionsStayWithinTheBoundsAndReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy, obs := drawPolicy(t), drawObservation(t)
		state := drawState(t, policy)
		state.Wanted = rapid.IntRange(1, 200).Draw(t, "anyWanted")
		if rapid.Bool().Draw(t, "damaged") {
			drawDamage(t, &obs, rapid.SampledFrom(headroom.Metrics()).Draw(t, "damagedMetric"))
		}
		if rapid.Bool().Draw(t, "manual") {
			obs.Manual = &headroom.ManualScale{Replicas: rapid.Int().Draw(t, "wish"), Until: noon.Add(time.Second)}
		}
		d, next := Decide("d", policy, obs, state)
		if d.To < policy.MinReplicas || d.To > policy.MaxReplicas {
			t.Fatalf("%d is outside %d..%d", d.To, policy.MinReplicas, policy.MaxReplicas)
		}
		if next.Wanted != d.To || d.From != state.Wanted {
			t.Fatalf("state %+v of %d -> %d", next, d.From, d.To)
		}
		before := d.Unlimited
		for _, limit := range d.Limits {
			if limit.Before != before {
				t.Fatalf("the chain of limits breaks at %+v", limit)
			}
			before = limit.After
		}
		if before != d.To {
			t.Fatalf("the limits end at %d, the decision at %d", before, d.To)
		}
		if withoutLimit(d, "") != d.To {
			t.Fatalf("the limits applied again give %d, not %d", withoutLimit(d, ""), d.To)
		}
		if _, same := Replay(d); !same {
			t.Fatal("replayed differently")
		}
	})
}

func TestPropertyUnknownStaleOrImpossibleInputNeverShrinks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy, obs := drawPolicy(t), drawObservation(t)
		state := drawState(t, policy)
		policy.TargetLatency, policy.Policies = 0, nil
		metric := rapid.SampledFrom([]headroom.Metric{headroom.MetricCPU, headroom.MetricMemory,
			headroom.MetricRequestsPerSecond, headroom.MetricInFlight}).Draw(t, "damagedMetric")
		policy.TargetCPUUtilization, policy.TargetMemoryUtilization, policy.TargetRequestsPerSecond, policy.TargetInFlight = 70, 80, 50, 8
		drawDamage(t, &obs, metric)
		if d, _ := Decide("d", policy, obs, state); d.To < d.From {
			t.Fatalf("%d -> %d: %s", d.From, d.To, d.Reason)
		}
	})
}

func TestPropertyMoreLoadNeverMeansFewerReplicas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy, obs := drawPolicy(t), drawObservation(t)
		policy.Policies = nil
		state := drawState(t, policy)
		low, _ := Decide("d", policy, obs, state)

		more := obs
		more.Signals = map[headroom.Metric]headroom.Signal{}
		for metric, signal := range obs.Signals {
			factor := rapid.Float64Range(1, 3).Draw(t, "factor")
			for _, r := range []*headroom.Reading{&signal.Fast, &signal.Stable} {
				*r = headroom.Reading{Total: pointer(*r.Total * factor), PerReplica: pointer(*r.PerReplica * factor), Age: r.Age, Measured: r.Measured, Replicas: r.Replicas}
			}
			more.Signals[metric] = signal
		}
		if high, _ := Decide("d", policy, more, state); high.To < low.To {
			t.Fatalf("%d with more load, %d with less:\n%s\n%s", high.To, low.To, high.Reason, low.Reason)
		}
	})
}

func TestPropertyADecisionRepeatedUnderTheSameLoadHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := drawPolicy(t)
		policy.TargetCPUUtilization, policy.TargetMemoryUtilization, policy.TargetInFlight, policy.TargetLatency, policy.Policies = 0, 0, 0, 0, nil
		policy.TargetRequestsPerSecond = 50
		policy.ScaleUpCooldown, policy.ScaleDownCooldown = 0, 0
		total := rapid.Float64Range(0, 3000).Draw(t, "total")
		state := drawState(t, policy)
		obs := observe(counts(state.Wanted, 0), steady(headroom.MetricRequestsPerSecond, reading(total, state.Wanted)))
		d, next := Decide("d-1", policy, obs, state)
		obs.At = noon.Add(time.Second)
		obs.Replicas = counts(d.To, 0)
		obs.Signals = steady(headroom.MetricRequestsPerSecond, reading(total, d.To))
		if again, _ := Decide("d-2", policy, obs, next); again.To != d.To {
			t.Fatalf("%d -> %d -> %d under %v requests/s", d.From, d.To, again.To, total)
		}
	})
}

func FuzzDecideNeverPanicsAndStaysInBounds(f *testing.F) {
	f.Add([]byte(`{"policy":{"enabled":true,"minReplicas":2,"maxReplicas":10,"targetCPUUtilization":70},"observation":{"replicas":{"ready":2,"starting":0,"synced":true}},"state":{"wanted":2}}`))
	f.Add([]byte(`{"policy":{"enabled":true,"minReplicas":-1,"maxReplicas":9223372036854775807,"targetRequestsPerSecond":1e-300,"tolerance":-5,"targetLatency":"1ns","policies":[{"metric":"latency","threshold":-1,"action":"scale-up","step":9223372036854775807}]},"observation":{"service":"s","at":"2025-03-01T12:00:00Z","replicas":{"ready":9223372036854775807,"starting":9223372036854775807,"synced":true},"signals":{"requests-per-second":{"fast":{"total":1e308,"perReplica":1e308,"measured":-9223372036854775808,"replicas":9223372036854775807},"stable":{"total":1e308}},"latency":{"stable":{"perReplica":1e308},"fast":{"perReplica":-1}}},"manual":{"replicas":-9223372036854775808,"until":"2026-01-01T00:00:00Z"}},"state":{"wanted":9223372036854775807,"lastUp":"9999-01-01T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var input headroom.Decision
		if json.Unmarshal(data, &input) != nil {
			t.Skip("not a decision")
		}
		d, next := Decide("d", input.Policy, input.Observation, input.State)
		if next.Wanted != d.To {
			t.Errorf("state %d, decision %d", next.Wanted, d.To)
		}
		s := newSituation(&input.Policy, input.Observation, input.State)
		if d.To != 0 && input.Policy.Enabled && (d.To < s.min || d.To > s.max) {
			t.Errorf("%d is outside %d..%d", d.To, s.min, s.max)
		}
		if _, same := Replay(d); !same {
			t.Error("replayed differently")
		}
		for _, line := range strings.Split(Explain(d), "\n") {
			if utf8.RuneCountInString(line) > explainWidth {
				t.Errorf("too wide: %q", line)
			}
		}
	})
}

// BenchmarkDecide measures one decision on three targets; 10,000 services each second is the goal.
func BenchmarkDecide(b *testing.B) {
	policy := policyOf(targetRPS(50))
	policy.TargetCPUUtilization, policy.TargetInFlight = 70, 8
	signals := steady(headroom.MetricRequestsPerSecond, reading(190, 4))
	signals[headroom.MetricCPU] = headroom.Signal{Stable: reading(280, 4), Fast: reading(290, 4)}
	signals[headroom.MetricInFlight] = headroom.Signal{Stable: reading(30, 4), Fast: reading(31, 4)}
	obs := observe(counts(4, 0), signals)
	b.ReportAllocs()
	for b.Loop() {
		Decide("d", policy, obs, wanted(4))
	}
}
