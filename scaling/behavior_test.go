package scaling

import (
	"fmt"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// moment is one decision of a story: what is asked for at a second, and what comes of it.
type moment struct{ second, asked, want int }

// tell decides each moment with the state of the one before, and fails where another number comes.
func tell(t *testing.T, policy headroom.Scaling, from int, story []moment) headroom.ScalerState {
	t.Helper()
	state := wanted(from)
	for _, m := range story {
		obs := observe(counts(state.Wanted, 0), steady(headroom.MetricRequestsPerSecond, reading(float64(50*m.asked), state.Wanted)))
		obs.At = noon.Add(time.Duration(m.second) * time.Second)
		d, next := Decide(fmt.Sprint("d-", m.second), policy, obs, state)
		if d.To != m.want {
			t.Fatalf("second %d: got %d, want %d: %s\n%+v", m.second, d.To, m.want, d.Reason, d.Limits)
		}
		state = next
	}
	return state
}

func seconds(n int) headroom.Duration { return headroom.Duration(n) * headroom.Duration(time.Second) }

func lasting(n int) *headroom.Duration { d := seconds(n); return &d }

func rate(kind string, value, period int) headroom.RatePolicy {
	return headroom.RatePolicy{Type: kind, Value: value, Period: seconds(period)}
}

func TestBehaviorLimitsHowFastTheNumberChanges(t *testing.T) {
	for _, test := range []struct {
		name     string
		behavior headroom.Behavior
		more     func(*headroom.Scaling)
		from     int
		story    []moment
	}{
		{"no rules, no limit", headroom.Behavior{}, nil, 10, []moment{{0, 90, 90}, {1, 2, 2}}},
		{"a window of 0 is none", headroom.Behavior{ScaleDown: headroom.BehaviorRules{StabilizationWindow: lasting(0)}}, nil, 10, []moment{{0, 2, 2}}},
		{"the highest of the window down holds", headroom.Behavior{ScaleDown: headroom.BehaviorRules{StabilizationWindow: lasting(60)}}, nil, 10,
			// The 10 that there were first is a recommendation as well, of second 0.
			[]moment{{0, 4, 10}, {30, 6, 10}, {59, 4, 10}, {60, 4, 6}, {89, 4, 6}, {90, 3, 4}}},
		{"the lowest of the window up holds", headroom.Behavior{ScaleUp: headroom.BehaviorRules{StabilizationWindow: lasting(30)}}, nil, 10,
			[]moment{{0, 20, 10}, {10, 15, 10}, {29, 20, 10}, {30, 20, 15}, {40, 20, 20}}},
		{"replicas in a period", headroom.Behavior{ScaleUp: headroom.BehaviorRules{Policies: []headroom.RatePolicy{rate("replicas", 4, 60)}}}, nil, 10,
			[]moment{{0, 30, 14}, {1, 30, 14}, {59, 30, 14}, {60, 30, 18}}},
		{"percent of those when the period began", headroom.Behavior{ScaleUp: headroom.BehaviorRules{Policies: []headroom.RatePolicy{rate("percent", 50, 60)}}}, nil, 10,
			[]moment{{0, 90, 15}, {30, 90, 15}, {60, 90, 23}}},
		{"of several the one that allows the most", headroom.Behavior{ScaleUp: headroom.BehaviorRules{Policies: []headroom.RatePolicy{rate("replicas", 4, 60), rate("percent", 100, 60)}}}, nil, 10,
			[]moment{{0, 90, 20}}},
		{"or the least", headroom.Behavior{ScaleUp: headroom.BehaviorRules{Select: "min", Policies: []headroom.RatePolicy{rate("replicas", 4, 60), rate("percent", 100, 60)}}}, nil, 10,
			[]moment{{0, 90, 14}}},
		{"down by percent, rounded towards fewer", headroom.Behavior{ScaleDown: headroom.BehaviorRules{Policies: []headroom.RatePolicy{rate("percent", 10, 60)}}}, nil, 15,
			[]moment{{0, 2, 13}, {30, 2, 13}, {60, 2, 11}}},
		{"a direction without rules is free", headroom.Behavior{ScaleDown: headroom.BehaviorRules{Policies: []headroom.RatePolicy{rate("replicas", 1, 60)}}}, nil, 10,
			[]moment{{0, 90, 90}, {1, 2, 9}}}, // one less than the 10 when the period began
		{"disabled down", headroom.Behavior{ScaleDown: headroom.BehaviorRules{Select: "disabled"}}, nil, 10, []moment{{0, 2, 10}, {3600, 2, 10}, {3601, 12, 12}}},
		{"disabled up", headroom.Behavior{ScaleUp: headroom.BehaviorRules{Select: "disabled"}}, nil, 10, []moment{{0, 20, 10}, {1, 2, 2}}},
		{"disabled does not lift the bounds", headroom.Behavior{ScaleDown: headroom.BehaviorRules{Select: "disabled"}},
			func(p *headroom.Scaling) { p.MaxReplicas = 8 }, 10, []moment{{0, 2, 8}}},
		{"a rate that the maximum cuts off counts what was really added", headroom.Behavior{ScaleUp: headroom.BehaviorRules{Policies: []headroom.RatePolicy{rate("replicas", 4, 60)}}},
			func(p *headroom.Scaling) { p.MaxReplicas = 12 }, 10, []moment{{0, 30, 12}}},
		{"a cooldown holds what the window has let go", headroom.Behavior{ScaleDown: headroom.BehaviorRules{StabilizationWindow: lasting(30)}},
			func(p *headroom.Scaling) { p.ScaleDownCooldown = seconds(60) }, 10, []moment{{0, 20, 20}, {10, 5, 20}, {40, 5, 20}, {60, 5, 5}}},
		{"the window looks at what was asked for during a cooldown", headroom.Behavior{ScaleUp: headroom.BehaviorRules{StabilizationWindow: lasting(30)}},
			func(p *headroom.Scaling) { p.ScaleUpCooldown = seconds(60) }, 4,
			[]moment{{0, 8, 4}, {30, 8, 8}, {50, 16, 8}, {80, 16, 8}, {90, 16, 16}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := policyOf(targetRPS(50))
			policy.Behavior = test.behavior
			if test.more != nil {
				test.more(&policy)
			}
			tell(t, policy, test.from, test.story)
		})
	}
}

func TestWithoutAWindowTheRateStillLimits(t *testing.T) {
	policy := policyOf(targetRPS(50))
	policy.Behavior.ScaleDown = headroom.BehaviorRules{StabilizationWindow: lasting(60), Policies: []headroom.RatePolicy{rate("replicas", 1, 60)}}
	obs := observe(counts(10, 0), steady(headroom.MetricRequestsPerSecond, reading(100, 10)))
	d, _ := Decide("d", policy, obs, wanted(10))
	if d.To != 10 {
		t.Fatalf("got %d: %s", d.To, d.Reason)
	}
	if got := withoutLimit(d, ruleStabilization); got != 9 {
		t.Errorf("without the window: %d", got)
	}
}

func TestTheToleranceIsOfThePolicyThenOfTheDirectionThenOfTheService(t *testing.T) {
	up := headroom.Behavior{ScaleUp: headroom.BehaviorRules{Tolerance: pointer(0.5)}, ScaleDown: headroom.BehaviorRules{Tolerance: pointer(0.0)}}
	for _, test := range []struct {
		name     string
		behavior headroom.Behavior
		own      *float64
		load     float64 // in replicas, of 10
		want     int
	}{
		{"of the service, within", headroom.Behavior{}, nil, 11, 10},
		{"of the service, beyond", headroom.Behavior{}, nil, 11.1, 12},
		{"of the service, within, down", headroom.Behavior{}, nil, 9, 10},
		{"of the service, beyond, down", headroom.Behavior{}, nil, 8.9, 9},
		{"of the direction up", up, nil, 15, 10},
		{"of the direction up, beyond", up, nil, 15.1, 16},
		{"none down", up, nil, 8.9, 9},
		{"of the policy", up, pointer(0.2), 12, 10},
		{"of the policy, beyond", up, pointer(0.2), 12.1, 13},
		{"of the policy, down", up, pointer(0.2), 8, 10},
		{"a policy without any", headroom.Behavior{}, pointer(0.0), 10.1, 11},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := policyOf(func(p *headroom.Scaling) {
				p.Behavior = test.behavior
				p.Policies = []headroom.ScalingPolicy{{Name: "t", Target: &headroom.TargetPolicy{Metric: headroom.MetricRequestsPerSecond, AverageValue: 50, Tolerance: test.own}}}
			})
			obs := observe(counts(10, 0), steady(headroom.MetricRequestsPerSecond, reading(50*test.load, 10)))
			if d, _ := Decide("d", policy, obs, wanted(10)); d.To != test.want {
				t.Errorf("got %d, want %d: %s", d.To, test.want, d.Reason)
			}
		})
	}
}
