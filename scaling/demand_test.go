package scaling

import (
	"testing"

	"headroom.dev/headroom"
)

// The cases named TestReplicaCalc… are those of Kubernetes' own
// pkg/controller/podautoscaler/replica_calculator_test.go, with its input and its expected replicas.
func TestDemandAgreesWithHPA(t *testing.T) {
	cpu, rps := headroom.MetricCPU, headroom.MetricRequestsPerSecond
	for _, test := range []struct {
		name            string
		metric          headroom.Metric
		target          float64
		from            int
		ready, starting int
		total           float64
		measured        int
		want            int
	}{
		{"TestReplicaCalcScaleUp", cpu, 30, 3, 3, 0, 30 + 50 + 70, 3, 5},
		{"TestReplicaCalcScaleUpUnreadyLessScale", cpu, 30, 3, 2, 1, 50 + 70, 2, 4},
		{"TestReplicaCalcScaleUpUnreadyNoScale", cpu, 30, 3, 1, 2, 40, 1, 3},
		{"TestReplicaCalcScaleUpIgnoresFailedPods", cpu, 30, 2, 2, 0, 50 + 70, 2, 4},
		{"TestReplicaCalcScaleUpCM", rps, 15, 3, 3, 0, 20 + 10 + 30, 3, 4},
		{"TestReplicaCalcScaleUpPerPodCMExternal", rps, 2.150, 3, 3, 0, 8.6, 3, 4},
		{"TestReplicaCalcScaleDown", cpu, 50, 5, 5, 0, 10 + 30 + 50 + 25 + 25, 5, 3},
		{"TestReplicaCalcScaleDownCM", rps, 20, 5, 5, 0, 60, 5, 3},
		{"TestReplicaCalcScaleDownPerPodCMExternal", rps, 2.867, 5, 5, 0, 8.6, 5, 3},
		{"TestReplicaCalcTolerance", cpu, 100, 3, 3, 0, 306, 3, 3},
		{"TestReplicaCalcToleranceCM", rps, 20, 3, 3, 0, 62, 3, 3},
		{"TestReplicaCalcTolerancePerPodCMExternal", rps, 2.900, 3, 3, 0, 8.6, 3, 3},
		{"TestReplicaCalcMissingMetrics", cpu, 100, 4, 4, 0, 40 + 9.5, 2, 3},
		{"TestReplicaCalcMissingMetricsNoChangeEq", cpu, 100, 2, 2, 0, 100, 1, 2},
		{"TestReplicaCalcMissingMetricsNoChangeGt", cpu, 100, 2, 2, 0, 190, 1, 2},
		{"TestReplicaCalcMissingMetricsNoChangeLt", cpu, 100, 2, 2, 0, 60, 1, 2},
		{"TestReplicaCalcMissingMetricsUnreadyChange", cpu, 50, 3, 2, 1, 45, 1, 3},
		{"TestReplicaCalcMissingMetricsUnreadyScaleUp", cpu, 50, 3, 2, 1, 200, 1, 4},
		{"TestReplicaCalcMissingMetricsUnreadyScaleDown", cpu, 50, 4, 3, 1, 20, 2, 3},
		// 10 % tolerance blocks 40 -> 44 tasks on 10 replicas: 44/40 = 1.1, which is not more than 1.1.
		{"kubernetes#116984", rps, 4, 10, 10, 0, 44, 10, 10},
		{"just over the tolerance", rps, 4, 10, 10, 0, 44.1, 10, 12}, // 11.025
		// HPA truncates 100/300 to 33 %; we keep 33.3, and neither needs more at a target of 33.
		{"no truncation", cpu, 33, 3, 3, 0, 100, 3, 3},

		// By hand.
		{"0.3 at 0.1 is 3, not 4", rps, 0.1, 1, 1, 0, 0.1 + 0.2, 1, 3},
		{"load already counted while others start", rps, 50, 6, 2, 4, 300, 2, 6},
		{"no fall while others start", rps, 50, 6, 2, 4, 150, 2, 6}, // 3 + 4 starting
		{"one that never gets ready does not block", rps, 50, 6, 5, 1, 0, 5, 1},
		{"nothing ready may grow", rps, 50, 2, 0, 2, 300, 0, 6},
		{"nothing ready does not fall", rps, 50, 6, 0, 0, 0, 0, 6},
		{"no load", rps, 50, 6, 6, 0, 0, 6, 1},
		{"absurd load", rps, 0.001, 6, 6, 0, 1e300, 6, 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := policyOf(func(p *headroom.Scaling) {
				if test.metric == cpu {
					p.TargetCPUUtilization = test.target
				} else {
					p.TargetRequestsPerSecond = test.target
				}
			})
			signals := moving(test.metric, partial(test.total, test.measured, test.ready), partial(test.total, test.measured, test.ready))
			d, _ := Decide("d", policy, observe(counts(test.ready, test.starting), signals), wanted(test.from))
			if d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
}

func TestTheLastSecondAloneIsActedUponOnlyWhenItAsksForMuchMore(t *testing.T) {
	for _, test := range []struct {
		name            string
		from            int
		ready, starting int
		fast, stable    float64
		want            int
		window          window
	}{
		// target 50 each; panic threshold 1.5
		{"three times", 2, 2, 0, 300, 20, 6, fast},
		{"exactly 1.5 times", 2, 2, 0, 150, 20, 3, fast},
		{"just less than 1.5 times", 2, 2, 0, 149, 20, 2, stable},
		{"rounding alone is no burst", 1, 1, 0, 51, 20, 1, stable},
		{"the average asks for more", 2, 2, 0, 150, 300, 6, stable},
		{"already ordered", 6, 2, 4, 300, 20, 6, fast},
		{"more while some start", 4, 2, 2, 300, 20, 6, fast},
		{"a lull in the last second does not shrink", 6, 6, 0, 10, 300, 6, stable},
		{"a lull on average does not shrink while the last second is busy", 6, 6, 0, 300, 10, 6, fast},
		{"both fell: to the larger", 6, 6, 0, 100, 150, 3, stable},
		{"nothing is ready: one is assumed", 2, 0, 2, 150, 20, 3, fast},
	} {
		t.Run(test.name, func(t *testing.T) {
			signals := moving(headroom.MetricRequestsPerSecond, reading(test.fast, test.ready), reading(test.stable, test.ready))
			d, _ := Decide("d", policyOf(targetRPS(50)), observe(counts(test.ready, test.starting), signals), wanted(test.from))
			if d.To != test.want || d.Proposals[0].Window != string(test.window) && d.To != d.From {
				t.Errorf("got %d by %s, want %d by %s: %s", d.To, d.Proposals[0].Window, test.want, test.window, d.Reason)
			}
		})
	}
	d, _ := Decide("d", policyOf(targetRPS(50)), observe(counts(2, 0), moving(headroom.MetricRequestsPerSecond, reading(300, 2), reading(20, 2))), wanted(2))
	want := "shop gets 300 requests/s in the last second, 150 per replica where 50 is the target, so 6 replicas are needed; that is 3 times the 2 that are ready, so it is not averaged; 2 are wanted now."
	if d.Reason != want {
		t.Errorf("got\n%s\nwant\n%s", d.Reason, want)
	}
}

// A replica at its limit uses 100 %, which at a target of 70 % is only 1.43 times what it should carry: the panic
// threshold of 1.5 would never be reached however large the surge.
func TestSaturatedProcessorsAreActedUponWithoutAveraging(t *testing.T) {
	for _, test := range []struct {
		fast float64
		want int
	}{{189, 2}, {190, 3}, {200, 3}} { // 94.5 %, 95 % and 100 % of two replicas; 190/70 = 2.7
		signals := moving(headroom.MetricCPU, reading(test.fast, 2), reading(40, 2))
		d, _ := Decide("d", policyOf(targetCPU(70)), observe(counts(2, 0), signals), wanted(2))
		if d.To != test.want {
			t.Errorf("%v %%: got %d, want %d: %s", test.fast, d.To, test.want, d.Reason)
		}
	}
}

func TestReadingsThatCannotBeAreUnknown(t *testing.T) {
	for name, value := range impossible() {
		t.Run(name, func(t *testing.T) {
			broken := headroom.Reading{Total: &value, PerReplica: &value, Measured: 4, Replicas: 4}
			d, _ := Decide("d", policyOf(targetRPS(50)), observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, broken)), wanted(4))
			if d.To != 4 || d.Proposals[0].Replicas != nil || d.Code != headroom.CodeUnknown {
				t.Errorf("got %d %s %+v", d.To, d.Code, d.Proposals[0])
			}
		})
	}
}
