package scaling

import (
	"fmt"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// asking is a policy that asks for so many replicas; a negative number abstains.
func asking(name string, replicas int) headroom.ScalingPolicy {
	return headroom.ScalingPolicy{Name: name, Rule: &headroom.RulePolicy{When: fmt.Sprint(replicas >= 0), Replicas: fmt.Sprint(max(replicas, 0))}}
}

func TestProposalsAreCombinedAsTheUserSays(t *testing.T) {
	const none = -1
	for _, test := range []struct {
		how   headroom.Combination
		asked []int
		want  int // from 5
	}{
		{headroom.CombineMax, []int{3, 8, 6}, 8},
		{"", []int{3, 8, 6}, 8},
		{headroom.CombineMax, []int{3, none, 4}, 4},
		{headroom.CombineMax, []int{none, none}, 5},
		{headroom.CombineMax, nil, 5},
		{headroom.CombineMin, []int{3, 8, 6}, 3},
		{headroom.CombineMin, []int{none, 8}, 8},
		{headroom.CombineMin, []int{none}, 5},
		{headroom.CombineFirst, []int{none, 6, 9}, 6},
		{headroom.CombineFirst, []int{2, 6, 9}, 2},
		{headroom.CombineFirst, []int{none, none}, 5},
		{headroom.CombineAll, []int{8, 6, 9}, 6},
		{headroom.CombineAll, []int{8, 5, 9}, 5},
		{headroom.CombineAll, []int{8, 4}, 5},
		{headroom.CombineAll, []int{2, 4, 3}, 4},
		{headroom.CombineAll, []int{2, none, 3}, 3},
		{headroom.CombineAll, []int{none, none}, 5},
		{headroom.CombineAll, []int{5, 5}, 5},
		{headroom.CombineWeighted, []int{4, 8}, 6},
		{headroom.CombineWeighted, []int{4, 7}, 6}, // 5.5
		{headroom.CombineWeighted, []int{none, 7}, 7},
		{headroom.CombineWeighted, []int{none}, 5},
	} {
		t.Run(fmt.Sprintf("%s of %v", test.how, test.asked), func(t *testing.T) {
			policy := policyOf(func(p *headroom.Scaling) { p.Combine = test.how })
			for i, asked := range test.asked {
				policy.Policies = append(policy.Policies, asking(fmt.Sprint("p", i), asked))
			}
			// One in the shadow that would change each of them.
			shadow := asking("shadow", 1)
			shadow.Shadow = true
			policy.Policies = append([]headroom.ScalingPolicy{shadow}, policy.Policies...)
			d, _ := Decide("d", policy, observe(counts(5, 0), nil), wanted(5))
			if d.Unlimited != test.want || d.To != test.want {
				t.Errorf("got %d, then %d, want %d: %s", d.Unlimited, d.To, test.want, d.Reason)
			}
		})
	}
}

func TestWeightsCount(t *testing.T) {
	policy := policyOf(func(p *headroom.Scaling) { p.Combine = headroom.CombineWeighted })
	few, many := asking("few", 2), asking("many", 10)
	few.Weight, many.Weight = 3, 1
	policy.Policies = []headroom.ScalingPolicy{few, many, asking("plain", 7)} // (3×2 + 10 + 7) / 5 = 4.6
	d, _ := Decide("d", policy, observe(counts(5, 0), nil), wanted(4))
	want := `"true" holds, so "2" gives 2 replicas; with the others by their weights that makes 5; 4 are wanted now.`
	if d.To != 5 || d.Reason != want {
		t.Errorf("got %d: %s", d.To, d.Reason)
	}
}

func TestAShadowThatKnowsNothingHoldsNothing(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.Policies = []headroom.ScalingPolicy{
		{Name: "unknown", Shadow: true, Target: &headroom.TargetPolicy{Metric: "queue", AverageValue: 5}},
		{Name: "broken", Shadow: true, Rule: &headroom.RulePolicy{When: "((", Replicas: "1"}},
	}
	obs := observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, reading(50, 4)))
	if d, _ := Decide("d", policy, obs, wanted(4)); d.To != 1 {
		t.Errorf("in the shadow: %d: %s", d.To, d.Reason)
	}
	for i := range policy.Policies {
		live := policy
		live.Policies = []headroom.ScalingPolicy{policy.Policies[i]}
		live.Policies[0].Shadow = false
		if d, _ := Decide("d", live, obs, wanted(4)); d.To != 4 {
			t.Errorf("%s, live: %d: %s", live.Policies[0].Name, d.To, d.Reason)
		}
	}
}

func TestSpareReplicasAreAddedToWhatIsNeeded(t *testing.T) {
	for _, test := range []struct {
		name  string
		spare headroom.Spare
		from  int
		load  float64 // in replicas
		want  int
	}{
		{"one more", headroom.Spare{Replicas: 1}, 4, 8, 9},
		{"20 % of 8 is 1.6, so 2", headroom.Spare{Percent: 20}, 4, 8, 10},
		{"the larger of both", headroom.Spare{Percent: 20, Replicas: 3}, 4, 8, 11},
		{"those that are there are spare already", headroom.Spare{Replicas: 1}, 9, 8, 9},
		{"a load within the tolerance", headroom.Spare{Replicas: 1}, 9, 8.5, 9},
		{"a load beyond it", headroom.Spare{Replicas: 1}, 9, 8.9, 10},
		{"fewer", headroom.Spare{Replicas: 1}, 9, 4, 5},
		{"one alone gets its spare", headroom.Spare{Replicas: 1}, 1, 1, 2},
		{"one alone gets its spare in percent", headroom.Spare{Percent: 10}, 1, 1, 2},
		{"of a load of nothing none is spare", headroom.Spare{Replicas: 3}, 4, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := policyOf(targetRPS(50))
			policy.Headroom = test.spare
			obs := observe(counts(test.from, 0), steady(headroom.MetricRequestsPerSecond, reading(50*test.load, test.from)))
			if d, _ := Decide("d", policy, obs, wanted(test.from)); d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
	policy := policyOf(func(p *headroom.Scaling) { p.Headroom.Replicas = 2 })
	policy.TargetRequestsPerSecond = 50
	if d, _ := Decide("d", policy, observe(counts(1, 0), nil), wanted(1)); d.To != 1 {
		t.Errorf("nothing known: %d: %s", d.To, d.Reason)
	}
	obs := observe(counts(3, 0), steady(headroom.MetricRequestsPerSecond, reading(400, 3)))
	want := "shop gets 400 requests/s, 133 per replica where 50 is the target, so 8 replicas are needed; 3 are wanted now; headroom of 2 replicas makes it 10."
	if d, _ := Decide("d", policy, obs, wanted(3)); d.Reason != want || d.Code != headroom.CodeScaleUp {
		t.Errorf("got %s: %s", d.Code, d.Reason)
	}
}

func TestThePauseHoldsOneDirection(t *testing.T) {
	for _, test := range []struct {
		pause    headroom.PauseDirection
		up, down int
	}{{"", 8, 2}, {headroom.PauseNone, 8, 2}, {headroom.PauseUp, 4, 2}, {headroom.PauseDown, 8, 4}, {headroom.PauseBoth, 4, 4}} {
		policy := policyOf(targetRPS(50))
		policy.Pause = test.pause
		for load, want := range map[float64]int{400: test.up, 100: test.down} {
			obs := observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, reading(load, 4)))
			if d, _ := Decide("d", policy, obs, wanted(4)); d.To != want {
				t.Errorf("pause %q under %v: got %d, want %d", test.pause, load, d.To, want)
			}
		}
		policy.MaxReplicas = 3
		obs := observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, reading(400, 4)))
		if d, _ := Decide("d", policy, obs, wanted(4)); d.To != 3 {
			t.Errorf("pause %q does not lift the bounds: got %d", test.pause, d.To)
		}
	}
}

func TestTheFlapBudgetHoldsWhatWouldStopAndNothingElse(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.FlapBudget = 10
	ago := func(d time.Duration, n int) headroom.ReplicaChange {
		return headroom.ReplicaChange{At: noon.Add(-d), Replicas: n}
	}
	for _, test := range []struct {
		name  string
		flaps []headroom.ReplicaChange
		load  float64
		want  int
	}{
		{"spent", []headroom.ReplicaChange{ago(59*time.Minute, 4), ago(time.Minute, 6)}, 100, 4},
		{"one left", []headroom.ReplicaChange{ago(59*time.Minute, 4), ago(time.Minute, 5)}, 100, 2},
		{"spent an hour ago", []headroom.ReplicaChange{ago(time.Hour, 4), ago(time.Minute, 6)}, 100, 2},
		{"spent, and more is needed", []headroom.ReplicaChange{ago(time.Minute, 50)}, 400, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := wanted(4)
			state.Flaps = test.flaps
			obs := observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, reading(test.load, 4)))
			d, next := Decide("d", policy, obs, state)
			if d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
			if last := next.Flaps[len(next.Flaps)-1]; d.To != 4 && (last.Replicas != max(d.To-4, 4-d.To) || !last.At.Equal(noon)) {
				t.Errorf("flaps %+v", next.Flaps)
			}
		})
	}
}
