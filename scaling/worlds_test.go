package scaling

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

// drawComposed draws policies of every kind, with everything that limits them.
func drawComposed(t *rapid.T) headroom.Scaling {
	p := drawPolicy(t)
	if rapid.Bool().Draw(t, "zero") {
		p.MinReplicas = 0
	}
	p.Signals = map[headroom.Metric]headroom.SignalFrom{"queue": {StaleAfter: seconds(60),
		Fallback: headroom.SignalFallback{Behavior: rapid.SampledFrom([]string{"", "static", "current", "current-if-lower"}).Draw(t, "fallback"), Replicas: 3, After: 2}}}
	always := headroom.Window{From: "0 0 * * *", Until: "0 0 * * *"}
	all := []headroom.ScalingPolicy{
		{Target: &headroom.TargetPolicy{Metric: "queue", AverageValue: 30, Tolerance: pointer(0.0)}}, {Target: &headroom.TargetPolicy{Metric: headroom.MetricLatency, Value: 200}},
		{Steps: &headroom.StepPolicy{Metric: "cpu", Steps: []headroom.Step{{From: pointer(70.0), AddPercent: 50}, {Until: pointer(30.0), Add: -1}}}},
		{Schedule: &headroom.SchedulePolicy{Window: always, Replicas: 3}}, concurrencyPolicy(),
		{Rule: &headroom.RulePolicy{When: "signal.queue.total > 100", Replicas: "current + 1"}},
		{Formula: &headroom.FormulaPolicy{Value: "signal.queue.total * 2", Target: 30, Type: "averageValue"}},
		kubernetesPolicy(nil, headroom.KubernetesMetric{Type: "Resource", Name: "cpu", TargetType: "Utilization", Target: 60}),
		kubernetesPolicy(&headroom.Behavior{}, headroom.KubernetesMetric{Type: "External", Name: "queue", TargetType: "Value", Target: 60}),
	}
	for i, policy := range all {
		if rapid.IntRange(0, 2).Draw(t, "take") == 0 {
			policy.Name, policy.Shadow = string(rune('a'+i)), rapid.IntRange(0, 4).Draw(t, "shadow") == 0
			p.Policies = append(p.Policies, policy)
		}
	}
	p.Combine = rapid.SampledFrom([]headroom.Combination{"", "max", "min", "all", "weighted", "first"}).Draw(t, "combine")
	p.Headroom = headroom.Spare{Replicas: rapid.IntRange(0, 2).Draw(t, "spare"), Percent: rapid.SampledFrom([]float64{0, 20}).Draw(t, "percent")}
	p.FlapBudget = rapid.SampledFrom([]int{0, 0, 5}).Draw(t, "budget")
	p.Pause = rapid.SampledFrom([]headroom.PauseDirection{"", "", "up", "down"}).Draw(t, "pause")
	if rapid.Bool().Draw(t, "behavior") {
		p.Behavior.ScaleDown = headroom.BehaviorRules{StabilizationWindow: lasting(20), Policies: []headroom.RatePolicy{rate("percent", 50, 10)}}
		p.Behavior.ScaleUp = headroom.BehaviorRules{Policies: []headroom.RatePolicy{rate("replicas", 4, 5)}}
	}
	return p
}

// A world is what is observed each second, of a platform that does at once what it is told.
func drawWorld(t *rapid.T, seconds int) []headroom.Observation {
	world := make([]headroom.Observation, seconds)
	for i := range world {
		world[i] = drawObservation(t)
		world[i].At = noon.Add(time.Duration(i) * time.Second)
		r := drawReading(t, 3)
		world[i].Signals["queue"] = headroom.Signal{Metric: "queue", Fast: r, Stable: r, Failures: rapid.IntRange(0, 3).Draw(t, "failures")}
		if rapid.IntRange(0, 3).Draw(t, "damaged") == 0 {
			drawDamage(t, &world[i], rapid.SampledFrom([]headroom.Metric{"queue", "cpu", "in-flight"}).Draw(t, "damagedMetric"))
		}
	}
	return world
}

func text(t *rapid.T, value any) []byte {
	written, err := json.Marshal(value)
	if err != nil {
		t.Skip("not a number cannot be written") // impossible readings
	}
	return written
}

// Every decision of every policy: within its bounds, the same each way it is made, recomputable from its record, and with nothing changed that it was given.
func TestPropertyEveryKindOfPolicyDecidesTheSameEachWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := drawComposed(t)
		c, err := Compile(policy)
		if err != nil {
			t.Fatal(err)
		}
		state := headroom.ScalerState{}
		for i, obs := range drawWorld(t, 8) {
			stateBefore, policyBefore := text(t, state), text(t, policy)
			d, next := c.Decide("d", obs, state)
			if i > 0 && state.Decided() && (d.To < policy.MinReplicas || d.To > max(policy.MaxReplicas, policy.MinReplicas)) {
				t.Fatalf("%d is outside %d..%d", d.To, policy.MinReplicas, policy.MaxReplicas)
			}
			quiet, quietNext := c.DecideQuietly("d", obs, state)
			if quiet.To != d.To || quiet.Unlimited != d.Unlimited || quiet.Code != d.Code || !bytes.Equal(text(t, next), text(t, quietNext)) {
				t.Fatalf("quietly %d of %d (%s), aloud %d of %d (%s)", quiet.To, quiet.Unlimited, quiet.Code, d.To, d.Unlimited, d.Code)
			}
			if _, same := Replay(d); !same {
				t.Fatal("replayed differently")
			}
			var stored headroom.ScalerState
			if err := json.Unmarshal(stateBefore, &stored); err != nil {
				t.Fatal(err)
			}
			if again, againNext := c.Decide("d", obs, stored); !equal(d, again) || !bytes.Equal(text(t, next), text(t, againNext)) {
				t.Fatalf("after a restart %d, before %d:\n%s\n%s\n%s\n%s", again.To, d.To, again.Reason, d.Reason, text(t, againNext), text(t, next))
			}
			if !bytes.Equal(stateBefore, text(t, state)) || !bytes.Equal(policyBefore, text(t, policy)) {
				t.Fatal("an argument was changed")
			}
			if d.State.Decided() {
				recompute(t, c, d)
			}
			state = next
		}
	})
}

// recompute checks what an explanation says: the proposals give Unlimited, the limits lead from there to the decision, and without each it is what is said.
func recompute(t *rapid.T, c *Compiled, d headroom.Decision) {
	s := newSituation(&c.policy, d.Observation, d.State)
	c.bind(&s)
	s.live(&headroom.ScalerState{})
	if c.spared {
		s.from = base(s.from, c.policy.Headroom)
	}
	if needed, _ := s.combine(c.policy.Combine, d.Proposals); needed != d.Unlimited {
		t.Fatalf("the proposals give %d, the record says %d", needed, d.Unlimited)
	}
	number := d.Unlimited
	for _, limit := range d.Limits {
		if limit.Before != number {
			t.Fatalf("the chain breaks at %+v, after %d", limit, number)
		}
		number = limit.After
	}
	if number != d.To || withoutLimit(d, "") != d.To {
		t.Fatalf("the limits end at %d, the decision is %d", number, d.To)
	}
}

func TestPropertyATurnIsWhereTheDecisionTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy, obs := drawPolicy(t), drawObservation(t)
		policy.Policies, policy.TargetLatency = nil, 0
		d, _ := Decide("d", policy, obs, drawState(t, policy))
		at := func(factor float64) int {
			again, _ := Decide("d", policy, scaled(obs, factor), d.State)
			return again.To
		}
		if turn, found := More(d); found && (at(turn.Factor) != turn.To || turn.To <= d.To || turn.Factor < 1 || at(turn.Factor*0.998) > d.To) {
			t.Fatalf("more: %+v, from %d; just before %d", turn, d.To, at(turn.Factor*0.998))
		}
		if turn, found := Fewer(d); found && (at(turn.Factor) != turn.To || turn.To >= d.To || turn.Factor > 1 || at(turn.Factor*1.002) < d.To) {
			t.Fatalf("fewer: %+v, from %d; just before %d", turn, d.To, at(turn.Factor*1.002))
		}
	})
}

// Under any steady load the number settles within two decisions, has its spare ones, and is not more than what the tolerance allows.
func TestPropertySpareReplicasDoNotFeedOnThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := policyOf(targetRPS(50))
		policy.MaxReplicas = 1000
		policy.Tolerance = rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "tolerance")
		policy.Headroom = headroom.Spare{Replicas: rapid.IntRange(0, 5).Draw(t, "replicas"), Percent: rapid.Float64Range(0, 200).Draw(t, "percent")}
		load := rapid.Float64Range(0.1, 200).Draw(t, "load") // in replicas
		state := wanted(rapid.IntRange(1, 600).Draw(t, "from"))
		settled := 0
		for i := range 30 {
			obs := observe(counts(state.Wanted, 0), steady(headroom.MetricRequestsPerSecond, reading(50*load, state.Wanted)))
			obs.At = noon.Add(time.Duration(i) * time.Minute)
			d, next := Decide("d", policy, obs, state)
			if state = next; i == 1 {
				settled = d.To
			} else if i > 1 && d.To != settled {
				t.Fatalf("it drifts from %d to %d: %s", settled, d.To, d.Reason)
			}
		}
		needed := base(settled, policy.Headroom)
		if float64(needed)*(1+policy.Tolerance) < load-0.001 || float64(needed)*(1-policy.Tolerance) > load+1.001 {
			t.Fatalf("%d with the spare ones of %+v under a load for %v", settled, policy.Headroom, load)
		}
	})
}

func TestDecidingLeavesTheStateOfBeforeUsable(t *testing.T) {
	policy := own(concurrencyPolicy(), func(p *headroom.Scaling) {
		p.FlapBudget = 5
		p.Behavior.ScaleDown.StabilizationWindow = lasting(30)
	})
	state := wanted(1)
	var states []headroom.ScalerState
	var results []headroom.Decision
	decide := func(i int, s headroom.ScalerState) (headroom.Decision, headroom.ScalerState) {
		obs := observe(counts(s.Wanted, 0), steady(headroom.MetricInFlight, reading(float64(i%7*10), s.Wanted)))
		obs.At = noon.Add(time.Duration(i) * time.Second)
		return Decide("d", policy, obs, s)
	}
	for i := range 100 {
		d, next := decide(i, state)
		states, results, state = append(states, state), append(results, d), next
	}
	done := make(chan bool)
	for range 2 { // by two at once: a race would be found
		go func() {
			same := true
			for i, old := range states {
				d, _ := decide(i, old)
				same = same && reflect.DeepEqual(d.Limits, results[i].Limits) && d.To == results[i].To
			}
			done <- same
		}()
	}
	for range 2 {
		if !<-done {
			t.Error("an old state decides otherwise than it did")
		}
	}
}

// What is remembered is part of each record. A window of 60 s has 66 numbers, of up to eight digits with their commas, and the rest are a few hundred bytes.
func TestWhatAPolicyRemembersIsSmall(t *testing.T) {
	policy, state := own(concurrencyPolicy(), nil), wanted(3)
	for i := range 120 {
		obs := observe(counts(3, 0), steady(headroom.MetricInFlight, reading(20+float64(i%11)/7, 3)))
		obs.At = noon.Add(time.Duration(i) * time.Second)
		_, state = Decide("d", policy, obs, state)
	}
	written, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d bytes", len(written)); len(written) > 66*8+700 {
		t.Errorf("%d bytes: %s", len(written), written)
	}
}
