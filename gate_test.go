package headroom

import (
	"strings"
	"testing"
	"time"
)

func TestAGateLetsThroughWhatIsNotWorseThanItAllows(t *testing.T) {
	t.Parallel()
	// In force: 100 replica-hours, 10 of 100,000 requests outside the objective, 0.01 %.
	current := GateResult{ReplicaHours: 100, Requests: 100_000, Outside: 10}
	for _, one := range []struct {
		what                  string
		hours, outside        float64
		moreOutside, moreCost float64
		reasons               []string
	}{
		{"the same", 100, 10, 0, 0, nil},
		{"better in both", 90, 5, 0, 0, nil},
		{"1 % more hours, as allowed", 101, 10, 0, 1, nil},
		{"2 % more hours where 1 is allowed", 102, 10, 0, 1, []string{"102 replica-hours would be used, and 100 are with what is in force, 2 % more: moreCost allows 1 %"}},
		{"0.01 % more outside, as allowed", 100, 20, 0.01, 0, nil},
		{"0.02 % more outside where 0.01 is allowed", 100, 30, 0.01, 0, []string{"0.03 % of the requests would be outside the objective, and 0.01 % are with what is in force: moreOutside allows 0.01 more"}},
		{"cheaper, and worse for clients", 50, 1000, 0.01, 1, []string{"1 % of the requests"}},
		{"worse in both", 200, 1000, 0.01, 1, []string{"1 % of the requests", "200 replica-hours"}},
	} {
		r := GateReport{MoreOutside: one.moreOutside, MoreCost: one.moreCost, Current: current,
			Proposed: GateResult{ReplicaHours: one.hours, Requests: 100_000, Outside: one.outside}}
		r.Judge()
		if r.Passed != (len(one.reasons) == 0) || len(r.Reasons) != len(one.reasons) {
			t.Errorf("%s: passed is %v, for %q; want %q", one.what, r.Passed, r.Reasons, one.reasons)
			continue
		}
		for i, reason := range one.reasons {
			if !strings.HasPrefix(r.Reasons[i], reason) {
				t.Errorf("%s: %q, want %q", one.what, r.Reasons[i], reason)
			}
		}
	}
}

func TestAGateWithoutAnyRequestOrReplicaIsJudgedToo(t *testing.T) {
	t.Parallel()
	r := GateReport{Proposed: GateResult{ReplicaHours: 1}}
	if r.Judge(); r.Passed || len(r.Reasons) != 1 {
		t.Errorf("an hour more than none: %v, %q", r.Passed, r.Reasons)
	}
}

func TestAGateIsHeldToItsFields(t *testing.T) {
	t.Parallel()
	day := Duration(24 * time.Hour)
	for field, gate := range map[string]Gate{
		"":                  {History: day, MoreOutside: 0.01, MoreCost: 5},
		"gate.history":      {},
		"gate.moreOutside":  {History: day, MoreOutside: 101},
		"gate.moreCost":     {Load: "0,1\n100,1", MoreCost: -1},
		"gate.capacity":     {History: day, Capacity: -5},
		"gate.history both": {History: day, Load: "0,1\n100,1"},
		"gate.history 59s":  {History: Duration(59 * time.Second)},
		"gate.history 32d":  {History: 32 * day},
	} {
		errs := gate.Validate("gate")
		want, _, _ := strings.Cut(field, " ")
		if want == "" && len(errs) > 0 || want != "" && (len(errs) != 1 || errs[0].(*InvalidError).Field != want) {
			t.Errorf("%q: %v", field, errs)
		}
	}
}
