package control_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestAPolicyThatIsRemovedLeavesThatOfTheConfigFile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		shop := w.config.Services["shop"]
		shop.Scaling.Policies = []headroom.ScalingPolicy{{Name: "configured", Metric: headroom.MetricCPU, Threshold: 70, Action: headroom.ActionScaleUp, Step: 1}}
		w.config.Services["shop"] = shop
		w.start()
		w.pass(time.Second)
		made := headroom.Policy{Service: "shop", ScalingPolicy: headroom.ScalingPolicy{
			Name: "ahead", Shadow: true, Target: &headroom.TargetPolicy{Metric: headroom.MetricInFlight, AverageValue: 4}}}
		if _, err := w.control.CreatePolicy(t.Context(), made, headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		shadow := headroom.ScalingPolicy{Shadow: true, Rule: &headroom.RulePolicy{When: "true", Replicas: "9"}}
		if _, err := w.control.UpdatePolicy(t.Context(), "shop.configured", shadow, headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Second)
		// Both are shadows: they are asked, and the 2 replicas of minReplicas stay.
		decision := w.status().LastDecision
		if decision.To != 2 || len(decision.Policy.Policies) != 2 || !decision.Policy.Policies[0].Shadow || !decision.Policy.Policies[1].Shadow {
			t.Errorf("decided %s", encoded(t, decision))
		}
		for _, id := range []string{"shop.configured", "shop.ahead"} {
			if err := w.control.RemovePolicy(t.Context(), id, dryRun(t)); err != nil {
				t.Errorf("the dry run for %s: %v", id, err)
			}
			if err := w.control.RemovePolicy(t.Context(), id, headroom.Change{}); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		var conflict *headroom.ConflictError
		if err := w.control.RemovePolicy(t.Context(), "shop.configured", headroom.Change{}); !errors.As(err, &conflict) {
			t.Errorf("that of the file: %v", err)
		}
		var unknown *headroom.UnknownNameError
		if err := w.control.RemovePolicy(t.Context(), "shop.ahead", headroom.Change{}); !errors.As(err, &unknown) || !slices.Contains(unknown.Known, "shop.configured") {
			t.Errorf("one that is gone: %v", err)
		}
		w.restart()
		w.pass(2 * time.Second)
		if got := w.status().LastDecision.Policy.Policies; len(got) != 1 || got[0].Threshold != 70 || got[0].Rule != nil {
			t.Errorf("after a restart the policies are %s", encoded(t, got))
		}
	})
}

func TestAPolicyThatCannotBeReadIsRefusedByItsField(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(time.Second)
		made := headroom.Policy{Service: "shop", ScalingPolicy: headroom.ScalingPolicy{Name: "a", Rule: &headroom.RulePolicy{When: "true &&", Replicas: "9"}}}
		_, err := w.control.CreatePolicy(t.Context(), made, headroom.Change{})
		var invalid *headroom.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "rule.when" {
			t.Errorf("refused with %v", err)
		}
	})
}

func TestAPolicyIsChangedOnlyWhereWhatItExpectsIsStillInForce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(time.Second)
		settings, err := w.control.Settings("shop")
		if err != nil {
			t.Fatal(err)
		}
		change := headroom.Change{Expect: &settings.Scaling}
		policy := func(name string) headroom.Policy {
			return headroom.Policy{Service: "shop", ScalingPolicy: headroom.ScalingPolicy{Name: name, Rule: &headroom.RulePolicy{When: "true", Replicas: "2"}}}
		}
		if _, err := w.control.CreatePolicy(t.Context(), policy("first"), change); err != nil {
			t.Fatalf("nothing has changed yet: %v", err)
		}
		var conflict *headroom.ConflictError
		if _, err := w.control.CreatePolicy(t.Context(), policy("second"), change); !errors.As(err, &conflict) {
			t.Errorf("after another change: %v, want a conflict", err)
		}
		if _, err := w.control.UpdatePolicy(t.Context(), "shop.first", policy("first").ScalingPolicy, change); !errors.As(err, &conflict) {
			t.Errorf("after another change: %v, want a conflict", err)
		}
		if _, err := w.control.Settings("none"); err == nil {
			t.Error("a service that is not there has settings")
		}
	})
}
