package scaling

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"headroom.dev/headroom"
)

var update = flag.Bool("update", false, "write testdata anew, to be read by a person")

// Situations whose explanations a person has read.
func TestExplanations(t *testing.T) {
	rps, cpu := headroom.MetricRequestsPerSecond, headroom.MetricCPU
	load := func(total float64, replicas int) map[headroom.Metric]headroom.Signal {
		return signals(map[headroom.Metric]float64{rps: total, headroom.MetricInFlight: total / 10}, replicas)
	}
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	night := headroom.BoundsWindow{Name: "day", Window: headroom.Window{From: "0 8 * * *", Until: "0 20 * * *"}, MinReplicas: pointer(5)}
	queueGone := signals(map[headroom.Metric]float64{rps: 300}, 4)
	queueGone["queue"] = headroom.Signal{Metric: "queue", Failures: 1, Fast: headroom.Reading{Unknown: "connection refused"}, Stable: headroom.Reading{Unknown: "connection refused"}}
	for name, test := range map[string]struct {
		policy   headroom.Scaling
		replicas headroom.ReplicaCounts
		signals  map[headroom.Metric]headroom.Signal
		state    headroom.ScalerState
		whyNot   int
	}{
		"scale-up": {policyOf(targetRPS(50)), counts(4, 0), load(300, 4), wanted(4), 3},
		"scale-down-held-by-cooldown": {policyOf(func(p *headroom.Scaling) { p.TargetRequestsPerSecond, p.ScaleDownCooldown = 50, seconds(300) }),
			counts(4, 0), load(60, 4), headroom.ScalerState{Wanted: 4, LastUp: ago(100 * time.Second)}, 2},
		"maximum-reached": {policyOf(func(p *headroom.Scaling) { p.TargetRequestsPerSecond, p.MaxReplicas = 50, 6 }), counts(6, 0), load(450, 6), wanted(6), 9},
		"headroom-and-minimum-by-day": {policyOf(func(p *headroom.Scaling) {
			p.TargetRequestsPerSecond, p.Headroom, p.Schedule = 50, headroom.Spare{Percent: 20}, []headroom.BoundsWindow{night}
		}), counts(5, 0), load(100, 5), wanted(5), 3},
		"stabilization-and-rate": {policyOf(func(p *headroom.Scaling) {
			p.TargetCPUUtilization = 70
			p.Behavior.ScaleUp.Policies = []headroom.RatePolicy{rate("percent", 50, 60)}
		}), counts(4, 0), steady(cpu, reading(4*170, 4)), wanted(4), 10},
		"several-policies-by-weight": {policyOf(func(p *headroom.Scaling) {
			p.Combine, p.TargetRequestsPerSecond = headroom.CombineWeighted, 50
			night := asking("night", 2)
			night.Weight = 3
			p.Policies = []headroom.ScalingPolicy{night}
		}), counts(4, 0), load(500, 4), wanted(4), 10},
		"unknown-signal-holds":  {own(onQueue(headroom.TargetPolicy{AverageValue: 30}), targetRPS(150)), counts(4, 0), queueGone, wanted(4), 2},
		"the-last-replica-goes": {toZero(func(*headroom.Scaling) {}), counts(1, 0), load(0, 1), headroom.ScalerState{Wanted: 1, LastActive: ago(2 * time.Minute), LastDown: ago(time.Hour)}, 1},
		"the-last-replica-stays-for-now": {toZero(targetCPU(70)), counts(1, 0), signals(quietLoad(map[headroom.Metric]float64{cpu: 2}), 1),
			headroom.ScalerState{Wanted: 1, LastActive: ago(20 * time.Second), LastDown: ago(time.Hour)}, 0},
		"first-replica": {toZero(func(*headroom.Scaling) {}), counts(0, 0), load(20, 0), headroom.ScalerState{Zero: true, LastDown: ago(time.Hour)}, 2},
		"kubernetes": {own(kubernetesPolicy(nil, headroom.KubernetesMetric{Type: "Resource", Name: "cpu", TargetType: "Utilization", Target: 60}), nil),
			counts(4, 0), steady(cpu, reading(4*250, 4)), wanted(4), 12},
		"latency": {policyOf(func(p *headroom.Scaling) { p.TargetLatency = headroom.Duration(200 * time.Millisecond) }), counts(2, 0),
			steady(headroom.MetricLatency, millis(300)), wanted(2), 5},
		"steps-and-a-shadow": {own(headroom.ScalingPolicy{Steps: &headroom.StepPolicy{Metric: cpu, Steps: []headroom.Step{{From: pointer(70.0), Add: 1}, {Until: pointer(30.0), Add: -1}}}},
			func(p *headroom.Scaling) {
				p.Policies = append(p.Policies, headroom.ScalingPolicy{Name: "idea", Shadow: true, Rule: &headroom.RulePolicy{When: "signal.cpu.value > 60", Replicas: "current * 2"}})
			}), counts(4, 0), steady(cpu, reading(4*50, 4)), wanted(4), 5},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := Decide("d-1", test.policy, observe(test.replicas, test.signals), test.state)
			got := Explain(d) + "\n----\n\n" + WhyNot(d, test.whyNot)
			file := filepath.Join("testdata", "explain", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
