package backtest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

// world draws a load, a service and a policy; nothing in it makes a start fail.
func world(t *rapid.T) World {
	var s Series
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for range rapid.IntRange(2, 8).Draw(t, "points") {
		s = append(s, Point{now, float64(rapid.IntRange(0, 2000).Draw(t, "rate"))})
		now = now.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "seconds")) * time.Second)
	}
	seed := rapid.Uint64().Draw(t, "seed")
	load, err := s.Load(&seed)
	if err != nil {
		t.Fatal(err)
	}
	low := rapid.IntRange(0, 4).Draw(t, "min")
	w := World{Service: "shop", Seed: seed, Load: load,
		Objective: headroom.Objective{Availability: 99.9, Latency: headroom.Duration(rapid.SampledFrom([]time.Duration{0, 60 * time.Millisecond, time.Second}).Draw(t, "latency")), LatencyShare: 99},
		Model: Model{Capacity: float64(rapid.IntRange(20, 500).Draw(t, "capacity")), ServiceTime: headroom.Duration(50 * time.Millisecond), CPUAtCapacity: 100,
			Patience: headroom.Duration(10 * time.Second), Boot: headroom.Duration(rapid.IntRange(0, 40).Draw(t, "boot")) * headroom.Duration(time.Second),
			PlatformDelay: headroom.Duration(rapid.IntRange(0, 10).Draw(t, "delay")) * headroom.Duration(time.Second)},
		Policy: headroom.Scaling{Enabled: true, MinReplicas: low, MaxReplicas: low + rapid.IntRange(1, 60).Draw(t, "range"), Tolerance: 0.1,
			StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5, LatencyQuantile: 0.95,
			ScaleDownCooldown: headroom.Duration(rapid.IntRange(0, 300).Draw(t, "cooldown")) * headroom.Duration(time.Second)},
	}
	switch rapid.SampledFrom([]string{"requests", "cpu", "in flight", "latency", "threshold"}).Draw(t, "by") {
	case "requests":
		w.Policy.TargetRequestsPerSecond = w.Model.Capacity * targetShare
	case "cpu":
		w.Policy.TargetCPUUtilization = 70
	case "in flight":
		w.Policy.TargetInFlight = w.Model.workers() * targetShare
	case "latency":
		w.Policy.TargetLatency = headroom.Duration(200 * time.Millisecond)
	default:
		w.Policy.Policies = []headroom.ScalingPolicy{{Name: "busy", Metric: headroom.MetricCPU, Threshold: 80, Action: headroom.ActionScaleUp, Step: 2},
			{Name: "idle", Metric: headroom.MetricCPU, Threshold: 30, Action: headroom.ActionScaleDown, Step: 1}}
	}
	return w
}

func run(t *rapid.T, w World, name string, scaler Autoscaler) Result {
	r, err := Run(t.Context(), w, name, scaler)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPropertyNobodyLeavesTheBoundsAndTheOracleLacksLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world(t)
		results := map[string]Result{}
		for _, name := range append([]string{NameOwn}, Names()...) {
			scaler, err := New(w, name, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := run(t, w, name, scaler)
			results[name] = r
			if r.MostReplicas > w.Policy.MaxReplicas || r.LeastReplicas < w.Policy.MinReplicas {
				t.Errorf("%s had %d to %d replicas, allowed are %d to %d", name, r.LeastReplicas, r.MostReplicas, w.Policy.MinReplicas, w.Policy.MaxReplicas)
			}
			if r.Failed+r.Slow > r.Requests*(1+1e-9)+1e-6 || r.OutsideRequests != r.Failed+r.Slow {
				t.Errorf("%s: %v failed and %v slow of %v", name, r.Failed, r.Slow, r.Requests)
			}
		}
		most := 0.0
		for _, a := range w.Load.Arrivals {
			most = max(most, a)
		}
		if peak := w.peak(); peak <= w.Policy.MaxReplicas {
			if r := results[NameStaticPeak]; r.Shortage != 0 || r.Failed != 0 || r.ScaleEvents != 0 {
				t.Errorf("enough for the peak lacks something: %+v", r)
			}
			if r := results[NameOracle]; r.Shortage != 0 || r.Failed != 0 || r.ReplicaHours > results[NameStaticPeak].ReplicaHours+1e-9 {
				t.Errorf("the oracle lacks something, or has more than the peak needs: %+v, %+v", r, results[NameStaticPeak])
			}
		}
		for name, r := range results {
			if oracle := results[NameOracle]; oracle.Shortage > r.Shortage+1e-6 {
				t.Errorf("the oracle lacks %v, %s %v", oracle.Shortage, name, r.Shortage)
			}
		}
	})
}

func TestPropertyMoreCapacityNeverHurts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world(t)
		w.Policy.MinReplicas, w.Policy.MaxReplicas = 0, 1000
		n := rapid.IntRange(0, 60).Draw(t, "replicas")
		few, more := run(t, w, "few", fixed(n)), run(t, w, "more", fixed(n+1))
		w.Model.Capacity *= 1.1
		larger := run(t, w, "larger", fixed(n))
		for name, r := range map[string]Result{"one more": more, "larger ones": larger} {
			if n == 0 && name == "larger ones" {
				continue
			}
			if r.Shortage > few.Shortage+1e-6 || r.Failed > few.Failed+1e-6 || r.OutsideRequests > few.OutsideRequests+1e-6 || r.OutsideMinutes > few.OutsideMinutes {
				t.Errorf("%s than %d: %s, not %s", name, n, said(r), said(few))
			}
		}
	})
}

func said(r Result) string {
	return fmt.Sprintf("shortage %v, failed %v, outside %v in %d minutes", r.Shortage, r.Failed, r.OutsideRequests, r.OutsideMinutes)
}
