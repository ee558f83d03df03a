package scaling

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

var noon = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

func pointer[T any](value T) *T { return &value }

// policyOf is what config makes of an empty policy, with bounds wide enough not to matter.
func policyOf(change func(*headroom.Scaling)) headroom.Scaling {
	policy := headroom.Scaling{
		Enabled: true, MinReplicas: 1, MaxReplicas: 100, LatencyQuantile: 0.95, Tolerance: 0.1,
		StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5,
	}
	change(&policy)
	return policy
}

func counts(ready, starting int) headroom.ReplicaCounts {
	return headroom.ReplicaCounts{Ready: &ready, Starting: &starting, Synced: true}
}

// reading is a total read from all of some replicas.
func reading(total float64, replicas int) headroom.Reading { return partial(total, replicas, replicas) }

func partial(total float64, measured, replicas int) headroom.Reading {
	return headroom.Reading{PerReplica: pointer(total / float64(max(measured, 1))), Total: &total, Measured: measured, Replicas: replicas}
}

func steady(metric headroom.Metric, r headroom.Reading) map[headroom.Metric]headroom.Signal {
	return map[headroom.Metric]headroom.Signal{metric: {Metric: metric, Fast: r, Stable: r}}
}

func moving(metric headroom.Metric, fast, stable headroom.Reading) map[headroom.Metric]headroom.Signal {
	return map[headroom.Metric]headroom.Signal{metric: {Metric: metric, Fast: fast, Stable: stable}}
}

func millis(value float64) headroom.Reading {
	return headroom.Reading{PerReplica: &value, Measured: 2, Replicas: 2}
}

func observe(replicas headroom.ReplicaCounts, signals map[headroom.Metric]headroom.Signal) headroom.Observation {
	return headroom.Observation{Service: "shop", At: noon, Replicas: replicas, Signals: signals}
}

func wanted(n int) headroom.ScalerState { return headroom.ScalerState{Wanted: n} }

func targetRPS(target float64) func(*headroom.Scaling) {
	return func(p *headroom.Scaling) { p.TargetRequestsPerSecond = target }
}

func targetCPU(target float64) func(*headroom.Scaling) {
	return func(p *headroom.Scaling) { p.TargetCPUUtilization = target }
}

func TestTheReasonTellsTheNumbersInOneSentence(t *testing.T) {
	rps := headroom.MetricRequestsPerSecond
	obs := observe(counts(2, 0), steady(rps, reading(300, 2)))
	obs.Signals[rps] = headroom.Signal{Metric: rps, Stable: reading(300, 2), Fast: reading(120, 2)}
	d, state := Decide("d-1", policyOf(targetRPS(50)), obs, wanted(2))
	want := "shop gets 300 requests/s, 150 per replica where 50 is the target, so 6 replicas are needed; 2 are wanted now."
	if d.Reason != want || d.To != 6 || d.From != 2 || d.Code != headroom.CodeScaleUp {
		t.Errorf("got %d -> %d %s\n%s\nwant\n%s", d.From, d.To, d.Code, d.Reason, want)
	}
	if state.Wanted != 6 || !state.LastUp.Equal(noon) || !state.LastDown.IsZero() {
		t.Errorf("state %+v", state)
	}

	obs.At = noon.Add(40 * time.Second)
	obs.Replicas = counts(4, 0)
	obs.Signals = steady(rps, reading(300, 4))
	limited := policyOf(targetRPS(50))
	limited.ScaleUpCooldown = headroom.Duration(3 * time.Minute)
	d, _ = Decide("d-2", limited, obs, headroom.ScalerState{Wanted: 4, LastUp: noon})
	want = "shop gets 300 requests/s, 75 per replica where 50 is the target, so 6 replicas are needed; 4 are wanted now; the 3m cooldown after the scale-up 40s ago holds it at 4."
	if d.Reason != want || d.To != 4 || d.Code != headroom.CodeLimited {
		t.Errorf("got %d %s\n%s\nwant\n%s", d.To, d.Code, d.Reason, want)
	}
}

func TestTheFirstDecisionStartsAtTheReplicasThatThereAre(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.MinReplicas, policy.MaxReplicas = 2, 10
	for _, test := range []struct {
		name     string
		replicas headroom.ReplicaCounts
		to       int
		code     string
	}{
		{"none", counts(0, 0), 2, headroom.CodeInitial},
		{"adopted", counts(3, 2), 5, headroom.CodeInitial},
		{"more than allowed", counts(12, 0), 10, headroom.CodeInitial},
		{"ready unknown", headroom.ReplicaCounts{Starting: pointer(1), Synced: true}, 0, headroom.CodeUnknown},
		{"starting unknown", headroom.ReplicaCounts{Ready: pointer(1), Synced: true}, 0, headroom.CodeUnknown},
		{"not synced", headroom.ReplicaCounts{Ready: pointer(3), Starting: pointer(0)}, 0, headroom.CodeUnknown},
		{"impossible", counts(-3, 0), 0, headroom.CodeUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, state := Decide("d", policy, observe(test.replicas, nil), headroom.ScalerState{})
			if d.From != 0 || d.To != test.to || d.Code != test.code || state.Wanted != test.to {
				t.Errorf("got %d -> %d %s, want -> %d %s", d.From, d.To, d.Code, test.to, test.code)
			}
		})
	}
}

func TestAScalerThatLostItsStateDoesNotScaleDownAtOnce(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.ScaleDownCooldown = headroom.Duration(5 * time.Minute)
	obs := observe(counts(5, 0), steady(headroom.MetricRequestsPerSecond, reading(10, 5)))
	_, state := Decide("d-1", policy, obs, headroom.ScalerState{})
	obs.At = noon.Add(5*time.Minute - time.Nanosecond)
	if d, _ := Decide("d-2", policy, obs, state); d.To != 5 {
		t.Errorf("shrank to %d inside the cooldown", d.To)
	}
	obs.At = noon.Add(5 * time.Minute)
	if d, _ := Decide("d-3", policy, obs, state); d.To != 1 {
		t.Errorf("stayed at %d after the cooldown", d.To)
	}
}

func TestAManualWishIsHeldWithinTheBoundsAndEndsAtItsTime(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.MinReplicas, policy.MaxReplicas = 2, 10
	policy.ScaleDownCooldown, policy.ScaleUpCooldown = headroom.Duration(time.Hour), headroom.Duration(time.Hour)
	recent := headroom.ScalerState{Wanted: 4, LastUp: noon.Add(-time.Second)}
	for _, test := range []struct {
		name     string
		replicas headroom.ReplicaCounts
		wish     int
		until    time.Time
		to       int
		code     string
	}{
		{"up through the cooldown", counts(4, 0), 8, noon.Add(time.Second), 8, headroom.CodeManual},
		{"down through the cooldown", counts(4, 0), 3, noon.Add(time.Second), 3, headroom.CodeManual},
		{"above max", counts(4, 0), 50, noon.Add(time.Second), 10, headroom.CodeManual},
		{"below min", counts(4, 0), -1, noon.Add(time.Second), 2, headroom.CodeManual},
		{"up with unknown counts", headroom.ReplicaCounts{}, 8, noon.Add(time.Second), 8, headroom.CodeManual},
		{"not down with unknown counts", headroom.ReplicaCounts{}, 2, noon.Add(time.Second), 4, headroom.CodeManual},
		{"over", counts(4, 0), 8, noon, 4, headroom.CodeHold},
	} {
		t.Run(test.name, func(t *testing.T) {
			obs := observe(test.replicas, steady(headroom.MetricRequestsPerSecond, reading(200, 4)))
			obs.Manual = &headroom.ManualScale{Replicas: test.wish, Until: test.until, By: "ann", Reason: "sale"}
			d, state := Decide("d", policy, obs, recent)
			if d.To != test.to || d.Code != test.code {
				t.Errorf("got %d %s, want %d %s: %s", d.To, d.Code, test.to, test.code, d.Reason)
			}
			if test.to > 4 && !state.LastUp.Equal(noon) || test.to < 4 && !state.LastDown.Equal(noon) {
				t.Errorf("a manual change does not count for cooldowns: %+v", state)
			}
		})
	}
}

func TestSwitchedOffScalingKeepsTheNumberButStillObeysAPerson(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.Enabled = false
	obs := observe(counts(2, 0), steady(headroom.MetricRequestsPerSecond, reading(500, 2)))
	d, _ := Decide("d", policy, obs, wanted(2))
	if d.To != 2 || d.Code != headroom.CodeDisabled || d.Unlimited != 10 {
		t.Errorf("got %d %s, unlimited %d", d.To, d.Code, d.Unlimited)
	}
	obs.Manual = &headroom.ManualScale{Replicas: 7, Until: noon.Add(time.Minute)}
	if d, _ := Decide("d", policy, obs, wanted(2)); d.To != 7 || d.Code != headroom.CodeManual {
		t.Errorf("got %d %s", d.To, d.Code)
	}
}

func TestTheLargestProposalWins(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.TargetCPUUtilization = 50
	signals := steady(headroom.MetricRequestsPerSecond, reading(350, 4)) // 7
	signals[headroom.MetricCPU] = headroom.Signal{Stable: reading(40, 4), Fast: reading(40, 4)}
	d, _ := Decide("d", policy, observe(counts(4, 0), signals), wanted(4))
	if d.To != 7 || len(d.Proposals) != 2 || *d.Proposals[0].Replicas != 1 || *d.Proposals[1].Replicas != 7 {
		t.Errorf("got %d, %+v", d.To, d.Proposals)
	}
}

func TestAnUnknownMetricMayGrowByTheOthersButNotShrink(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.TargetCPUUtilization = 50
	for _, test := range []struct {
		rps  float64
		to   int
		code string
	}{{500, 10, headroom.CodeScaleUp}, {50, 4, headroom.CodeUnknown}, {200, 4, headroom.CodeHold}} {
		d, _ := Decide("d", policy, observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, reading(test.rps, 4))), wanted(4))
		if d.To != test.to || d.Code != test.code {
			t.Errorf("%v requests/s: got %d %s, want %d %s: %s", test.rps, d.To, d.Code, test.to, test.code, d.Reason)
		}
	}
	d, _ := Decide("d", policy, observe(counts(4, 0), nil), wanted(4))
	if d.To != 4 || d.Code != headroom.CodeUnknown {
		t.Errorf("nothing known: got %d %s: %s", d.To, d.Code, d.Reason)
	}
}

func TestStaleReadingsAreUnknown(t *testing.T) {
	policy := policyOf(targetRPS(50))
	stale := func(fast, stable time.Duration) map[headroom.Metric]headroom.Signal {
		f, s := reading(50, 4), reading(50, 4)
		f.Age, s.Age = headroom.Duration(fast), headroom.Duration(stable)
		return moving(headroom.MetricRequestsPerSecond, f, s)
	}
	for _, test := range []struct {
		fast, stable time.Duration
		to           int
	}{
		{5 * time.Second, 15 * time.Second, 1},
		{5*time.Second + 1, 15 * time.Second, 4},
		{5 * time.Second, 15*time.Second + 1, 4},
		{time.Hour, time.Hour, 4},
	} {
		if d, _ := Decide("d", policy, observe(counts(4, 0), stale(test.fast, test.stable)), wanted(4)); d.To != test.to {
			t.Errorf("ages %s and %s: got %d, want %d: %s", test.fast, test.stable, d.To, test.to, d.Reason)
		}
	}
}

func TestADecisionSurvivesJSONAndReplays(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.ScaleUpCooldown = headroom.Duration(3 * time.Minute)
	obs := observe(counts(2, 1), moving(headroom.MetricRequestsPerSecond, reading(1.0/3, 2), reading(1e9/7, 2)))
	obs.At = noon.Add(123456789 * time.Nanosecond).In(time.FixedZone("east", 3600))
	d, _ := Decide("d", policy, obs, headroom.ScalerState{Wanted: 3, LastUp: noon})
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var read headroom.Decision
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	if again, same := Replay(read); !same {
		t.Errorf("replayed differently:\n%+v\n%+v", read, again)
	}
	read.Observation.Signals[headroom.MetricRequestsPerSecond] = headroom.Signal{}
	if _, same := Replay(read); same {
		t.Error("a changed record replays as equal")
	}
}

func TestAPolicyWithoutTargetsHolds(t *testing.T) {
	d, _ := Decide("d", policyOf(func(*headroom.Scaling) {}), observe(counts(3, 0), nil), wanted(3))
	if d.To != 3 || d.Code != headroom.CodeHold || !strings.Contains(d.Reason, "no target and no policy") {
		t.Errorf("got %d %s %s", d.To, d.Code, d.Reason)
	}
}
