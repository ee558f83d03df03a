package scaling

import (
	"math"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func impossible() map[string]float64 {
	return map[string]float64{"NaN": math.NaN(), "infinite": math.Inf(1), "minus infinite": math.Inf(-1), "negative": -1}
}

func TestLatencyStepsAreBounded(t *testing.T) {
	// target 200 ms, tolerance 0.1: up above 220, down when what is expected of one less stays below 160.
	longAgo := headroom.ScalerState{LastUp: noon.Add(-time.Hour)}
	justNow := headroom.ScalerState{LastUp: noon.Add(-15*time.Second + 1)}
	for _, test := range []struct {
		name            string
		from            int
		ready, starting int
		fast, stable    float64
		state           headroom.ScalerState
		want            int
	}{
		{"within tolerance", 2, 2, 0, 220, 220, longAgo, 2},
		{"1.5 times needs 1.5 times the replicas", 4, 4, 0, 300, 300, longAgo, 6},
		{"at most double", 3, 3, 0, 5000, 5000, longAgo, 6},
		{"the last second alone at 1.5 times", 2, 2, 0, 300, 50, longAgo, 3},
		{"the last second alone at less", 2, 2, 0, 299, 50, longAgo, 2},
		{"not again while some start", 4, 2, 2, 900, 900, longAgo, 4},
		{"not again before the average is new", 4, 4, 0, 900, 900, justNow, 4},
		{"down by one", 8, 8, 0, 40, 40, longAgo, 7},
		{"two to one doubles the load: 80 -> 160", 2, 2, 0, 80, 80, longAgo, 1},
		{"two to one doubles the load: 81 -> 162", 2, 2, 0, 81, 81, longAgo, 2},
		{"down needs both windows", 8, 8, 0, 200, 40, longAgo, 8},
		{"not down before the average is new", 8, 8, 0, 40, 40, justNow, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := policyOf(func(p *headroom.Scaling) { p.TargetLatency = headroom.Duration(200 * time.Millisecond) })
			test.state.Wanted = test.from
			obs := observe(counts(test.ready, test.starting), moving(headroom.MetricLatency, millis(test.fast), millis(test.stable)))
			if d, _ := Decide("d", policy, obs, test.state); d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
}

func TestAServiceScaledOnLatencyShrinksWhenItsTrafficEnds(t *testing.T) {
	policy := policyOf(func(p *headroom.Scaling) { p.TargetLatency = headroom.Duration(200 * time.Millisecond) })
	none := headroom.Reading{Unknown: "no request has ended"}
	signals := moving(headroom.MetricLatency, none, none)
	if d, _ := Decide("d", policy, observe(counts(4, 0), signals), wanted(4)); d.To != 4 || d.Code != headroom.CodeUnknown {
		t.Errorf("without knowing of requests: got %d %s", d.To, d.Code)
	}
	signals[headroom.MetricRequestsPerSecond] = headroom.Signal{Fast: reading(0, 4), Stable: reading(0, 4)}
	if d, _ := Decide("d", policy, observe(counts(4, 0), signals), wanted(4)); d.To != 3 {
		t.Errorf("without requests: got %d: %s", d.To, d.Reason)
	}
	signals[headroom.MetricRequestsPerSecond] = headroom.Signal{Fast: reading(3, 4), Stable: reading(3, 4)}
	if d, _ := Decide("d", policy, observe(counts(4, 0), signals), wanted(4)); d.To != 4 {
		t.Errorf("with requests of which none has ended: got %d", d.To)
	}
}

func TestThresholdPoliciesStepOncePerChange(t *testing.T) {
	up := headroom.ScalingPolicy{Name: "hot", Metric: headroom.MetricCPU, Threshold: 70, Action: headroom.ActionScaleUp, Step: 2}
	down := headroom.ScalingPolicy{Name: "cold", Metric: headroom.MetricCPU, Threshold: 20, Action: headroom.ActionScaleDown, Step: 1}
	for _, test := range []struct {
		name            string
		ready, starting int
		measured        int
		perReplica      float64
		since           time.Duration // since the last change
		want            int
	}{
		{"above", 4, 0, 4, 71, 15 * time.Second, 6},
		{"at the threshold", 4, 0, 4, 70, 15 * time.Second, 4},
		{"above, too soon", 4, 0, 4, 71, 15*time.Second - 1, 4},
		{"above, one not ready", 3, 1, 3, 90, time.Hour, 4},
		{"above, but not with the unread one idle", 4, 0, 3, 90, time.Hour, 4}, // 67.5
		{"above even with the unread one idle", 4, 0, 3, 95, time.Hour, 6},     // 71.25
		{"between", 4, 0, 4, 50, time.Hour, 4},
		{"below", 4, 0, 4, 19, 15 * time.Second, 3},
		{"below, too soon", 4, 0, 4, 19, 14 * time.Second, 4},
		{"below, one never ready blocks only the way up", 3, 1, 3, 19, time.Hour, 3},
		{"below, one unread", 4, 0, 3, 1, time.Hour, 4},
		{"none ready", 0, 4, 0, 0, time.Hour, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := policyOf(func(p *headroom.Scaling) { p.Policies = []headroom.ScalingPolicy{up, down} })
			state := headroom.ScalerState{Wanted: 4, LastDown: noon.Add(-test.since)}
			r := partial(test.perReplica*float64(test.measured), test.measured, test.ready)
			d, _ := Decide("d", policy, observe(counts(test.ready, test.starting), steady(headroom.MetricCPU, r)), state)
			if d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
}
