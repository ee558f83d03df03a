package scaling

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestCooldownsEndToTheNanosecond(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.ScaleUpCooldown, policy.ScaleDownCooldown = headroom.Duration(3*time.Minute), headroom.Duration(5*time.Minute)
	at := func(before time.Duration) time.Time { return noon.Add(-before) }
	const never = time.Duration(-1)
	for _, test := range []struct {
		name     string
		up, down time.Duration
		total    float64
		want     int
	}{
		{"up, never before", never, never, 300, 6},
		{"up, 3m after a rise", 3 * time.Minute, never, 300, 6},
		{"up, just before that", 3*time.Minute - 1, never, 300, 4},
		{"up, right after a fall", never, 0, 300, 6},
		{"down, never before", never, never, 50, 1},
		{"down, 5m after a rise", 5 * time.Minute, never, 50, 1},
		{"down, just before that", 5*time.Minute - 1, never, 50, 4},
		{"down, 5m after a fall", never, 5 * time.Minute, 50, 1},
		{"down, just before that too", time.Hour, 5*time.Minute - 1, 50, 4},
		{"down, the clock was set back a day: as right after a change", -24 * time.Hour, never, 50, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := wanted(4)
			if test.up != never {
				state.LastUp = at(test.up)
			}
			if test.down != never {
				state.LastDown = at(test.down)
			}
			obs := observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, reading(test.total, 4)))
			d, next := Decide("d", policy, obs, state)
			if d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
			if next.LastUp.After(noon) {
				t.Errorf("the state keeps a time in the future: %s", next.LastUp)
			}
		})
	}
}

func TestBoundsWinOverCooldownsAndOverWhatIsUnknown(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.ScaleUpCooldown, policy.ScaleDownCooldown = headroom.Duration(time.Hour), headroom.Duration(time.Hour)
	state := headroom.ScalerState{Wanted: 4, LastUp: noon}
	policy.MinReplicas, policy.MaxReplicas = 6, 8
	if d, _ := Decide("d", policy, observe(headroom.ReplicaCounts{}, nil), state); d.To != 6 {
		t.Errorf("a raised minimum: got %d", d.To)
	}
	policy.MinReplicas, policy.MaxReplicas = 1, 3
	if d, _ := Decide("d", policy, observe(headroom.ReplicaCounts{}, nil), state); d.To != 3 {
		t.Errorf("a lowered maximum: got %d", d.To)
	}
}

func TestEachLimitContinuesWhereTheOneBeforeEnded(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.MaxReplicas, policy.TargetCPUUtilization = 5, 70
	policy.ScaleDownCooldown = headroom.Duration(time.Hour)
	obs := observe(headroom.ReplicaCounts{}, steady(headroom.MetricRequestsPerSecond, reading(400, 4)))
	d, _ := Decide("d", policy, obs, headroom.ScalerState{Wanted: 4, LastUp: noon})
	want := []headroom.Limit{
		{Rule: ruleUnknownMetric, Before: 8, After: 8}, {Rule: ruleUnknownReplicas, Before: 8, After: 8},
		{Rule: ruleNotSynced, Before: 8, After: 8}, {Rule: ruleScaleDownCooldown, Before: 8, After: 8},
		{Rule: ruleMaxReplicas, Before: 8, After: 5}, {Rule: ruleMinReplicas, Before: 5, After: 5},
	}
	if len(d.Limits) != len(want) {
		t.Fatalf("got %+v", d.Limits)
	}
	for i := range want {
		got := d.Limits[i]
		got.Note = ""
		if got != want[i] {
			t.Errorf("limit %d: got %+v, want %+v", i, got, want[i])
		}
	}
	if d.Unlimited != 8 || d.To != 5 || d.Code != headroom.CodeLimited {
		t.Errorf("got %d -> %d %s", d.Unlimited, d.To, d.Code)
	}
}
