package control_test

import (
	"slices"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// Most decisions are made without sentences; the one that a person looks at has them, and is the same.
func TestTheNewestDecisionIsExplainedAndCanBeMadeAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(38)
		for range 20 {
			w.pass(1100 * time.Millisecond)
			decision := w.status().LastDecision
			if decision == nil || decision.Reason == "" {
				t.Fatalf("the newest decision has no reason: %+v", decision)
			}
			if again, same := scaling.Replay(*decision); !same {
				t.Fatalf("made again it is %+v, and was %+v", again, *decision)
			}
		}
	})
}

// A policy that is changed leaves the newest decision explained as it was made, and decides the next one.
func TestAChangedPolicyDecidesAtTheNextSecond(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(12)
		w.pass(10 * time.Second)
		w.expectNames("shop-1", "shop-2")
		policy := headroom.Policy{Service: "shop", ScalingPolicy: headroom.ScalingPolicy{Name: "hot", Metric: headroom.MetricRequestsPerSecond,
			Threshold: 10, Action: headroom.ActionScaleUp, Step: 1}}
		if _, err := w.control.CreatePolicy(t.Context(), policy, headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		if decision := w.status().LastDecision; len(decision.Policy.Policies) != 0 || decision.Reason == "" {
			t.Errorf("the decision from before has the policies %v and the reason %q", decision.Policy.Policies, decision.Reason)
		}
		w.pass(1100 * time.Millisecond)
		named := func(p headroom.Proposal) bool { return p.Source == "policy hot" }
		if decision := w.status().LastDecision; !slices.ContainsFunc(decision.Proposals, named) {
			t.Errorf("the new policy proposes nothing: %+v", decision.Proposals)
		}
	})
}
