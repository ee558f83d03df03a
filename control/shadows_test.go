package control_test

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

// shadowed is the shop with 2 replicas, beside a shadow that always wants so many.
func (w *world) shadowed(replicas string) {
	shop := w.config.Services["shop"]
	shop.Scaling.Policies = []headroom.ScalingPolicy{{Name: "more", Shadow: true, Rule: &headroom.RulePolicy{When: "true", Replicas: replicas}}}
	w.config.Services["shop"] = shop
}

func TestAShadowIsComparedWithWhatIsDecided(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.shadowed("6")
		w.start()
		w.pass(30*time.Minute + 2*time.Second)
		shadows := w.status().Shadows
		if len(shadows) != 1 || shadows[0].Policy != "more" || shadows[0].Live != 2 || shadows[0].Wants == nil || *shadows[0].Wants != 6 {
			t.Fatalf("compared %s, want 6 beside 2", encoded(t, shadows))
		}
		// Half an hour, in which 4 more are 2 replica-hours; the first decisions of a life are not compared.
		got := shadows[0]
		if got.Compared < headroom.Duration(29*time.Minute+30*time.Second) || got.Compared > headroom.Duration(30*time.Minute+2*time.Second) || got.Differed != got.Compared {
			t.Errorf("compared for %s, of which %s differed; want half an hour", got.Compared, got.Differed)
		}
		if got.MoreReplicaHours < 1.96 || got.MoreReplicaHours > 2.01 || got.FewerReplicaHours != 0 {
			t.Errorf("%v replica-hours more and %v fewer; want 2 and 0", got.MoreReplicaHours, got.FewerReplicaHours)
		}
		if age := time.Since(got.Since); age < 29*time.Minute || age > 31*time.Minute {
			t.Errorf("it wants that for %s, want half an hour", age)
		}
		w.pass(90 * time.Minute)
		if got := w.status().Shadows[0].Compared; got < headroom.Duration(59*time.Minute) || got > headroom.Duration(time.Hour) {
			t.Errorf("after two hours %s are compared, want the last one", got)
		}
	})
}

func TestWhatAShadowWantsIsWithinTheBoundsAndMayBeNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.shadowed("current > 1 ? 400 : 1")
		w.start()
		w.pass(10 * time.Second)
		if got := w.status().Shadows[0].Wants; got == nil || *got != 10 {
			t.Errorf("it wants %v, want maxReplicas 10", got)
		}
		abstains := headroom.ScalingPolicy{Shadow: true, Rule: &headroom.RulePolicy{When: "false", Replicas: "9"}}
		if _, err := w.control.UpdatePolicy(t.Context(), "shop.more", abstains, headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		w.pass(10 * time.Second)
		got := w.status().Shadows[0]
		if got.Wants != nil || got.Compared != 0 || got.Since.IsZero() {
			t.Errorf("a changed shadow that abstains is %s; want nothing of the one before", encoded(t, got))
		}
	})
}

func TestAServiceWithoutShadowsComparesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(5 * time.Second)
		if got := w.status().Shadows; got != nil {
			t.Errorf("compared %s", encoded(t, got))
		}
	})
}
