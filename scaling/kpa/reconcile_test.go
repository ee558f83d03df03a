package kpa

import (
	"testing"
	"time"
)

// The cases are those of Knative's TestScaler (pkg/reconciler/autoscaling/kpa/scaler_test.go), where ours knows the same: a stable
// window and a grace of 60 and 30 s, and what had gone by since the activity changed.
func TestWhatIsWantedAndWhetherItIsAskedForNow(t *testing.T) {
	const wait = -100 // replicas stay
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	active := func(d time.Duration) Life { return Life{Activity: Active, Since: ago(d), Initialized: true} }
	inactive := func(d, proxied time.Duration) Life {
		return Life{Activity: Inactive, Since: ago(d), Initialized: true, ProxiedSince: ago(proxied)}
	}
	activating := func(d time.Duration) Life { return Life{Activity: Activating, Since: ago(d), ProxiedSince: ago(d)} }
	const window, grace, deadline = 60 * time.Second, 30 * time.Second, 630 * time.Second
	tests := []struct {
		name     string
		life     Life
		change   func(*Policy)
		desired  int
		want     int
		replicas int
		bound    Bound
	}{
		{"scales up", active(window), nil, 10, 10, 10, BoundNone},
		{"up to min", active(window), func(p *Policy) { p.MinScale = 2 }, 1, 2, 2, BoundMinScale},
		{"down to max", active(window), func(p *Policy) { p.MaxScale = 4 }, 9, 4, 4, BoundMaxScale},
		{"min holds from zero", inactive(window, window), func(p *Policy) { p.MinScale = 2 }, 0, 2, 2, BoundMinScale},
		{"unreachable has no min", inactive(window, window), func(p *Policy) { p.MinScale, p.Unreachable = 2, true }, 0, 0, 0, BoundNone},
		{"initial scale until it was reached", activating(time.Second), func(p *Policy) { p.InitialScale = 5 }, 1, 5, 5, BoundInitialScale},
		{"initial scale also before the first decision", activating(time.Second), func(p *Policy) { p.InitialScale = 5 }, -1, 5, 5, BoundInitialScale},
		{"initial scale below min", activating(time.Second), func(p *Policy) { p.InitialScale, p.MinScale = 5, 6 }, 1, 6, 6, BoundMinScale},
		{"no initial scale once it was reached", active(window), func(p *Policy) { p.InitialScale = 5 }, 1, 1, 1, BoundNone},
		{"no initial scale where unreachable", activating(time.Second), func(p *Policy) { p.InitialScale, p.Unreachable = 5, true }, 1, 1, 1, BoundNone},
		{"the last pod is kept", inactive(window, window), func(p *Policy) { p.KeepLastPod = true }, 0, 1, 1, BoundKeepLastPod},
		{"nothing is known", active(window), nil, -1, -1, wait, BoundNoLoad},
		{"active for less than a window: down to one", active(window - time.Second), nil, 0, 1, 1, BoundStableWindow},
		{"active for a window: inactive first", active(window), nil, 0, 0, wait, BoundInactive},
		{"inactive for the grace", inactive(grace, grace), nil, 0, 0, 0, BoundNone},
		{"inactive for less", inactive(grace-time.Second, grace-time.Second), nil, 0, 0, wait, BoundGrace},
		{"inactive for less, behind the activator for the grace", inactive(time.Second, grace), nil, 0, 0, 0, BoundNone},
		{"retention holds though the grace is over", inactive(grace, grace), func(p *Policy) { p.LastPodRetention = 2 * grace }, 0, 0, wait, BoundRetention},
		{"retention is over", inactive(2*grace, grace), func(p *Policy) { p.LastPodRetention = 2 * grace }, 0, 0, 0, BoundNone},
		{"a short retention over, the proxy for the grace", inactive(time.Second, grace), func(p *Policy) { p.LastPodRetention = time.Second }, 0, 0, 0, BoundNone},
		{"no retention where unreachable", inactive(grace, grace), func(p *Policy) { p.LastPodRetention, p.Unreachable = time.Hour, true }, 0, 0, 0, BoundNone},
		{"activating", activating(deadline), nil, 0, -1, wait, BoundActivating},
		{"activating for too long", activating(deadline + time.Second), nil, 0, 0, 0, BoundNone},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := Default()
			if test.change != nil {
				test.change(&p)
			}
			life := test.life
			out := Reconcile(p, Pods{Now: noon, Ready: 1, Replicas: wait, ActivatorReady: true}, Decision{Desired: test.desired}, &life)
			if out.Want != test.want || out.Replicas != test.replicas || out.Bound != test.bound {
				t.Errorf("want %d, replicas %d, bound %q; expected %d, %d, %q", out.Want, out.Replicas, out.Bound, test.want, test.replicas, test.bound)
			}
		})
	}
}

// The table is that of computeActiveCondition in Knative's kpa.go, with a threshold of 2 ready pods.
func TestActivityFollowsWhatIsWantedAndReady(t *testing.T) {
	tests := []struct {
		want, ready int
		before      Activity
		after       Activity
	}{
		{0, 5, Active, Inactive},
		{0, 0, Activating, Inactive},
		{3, 1, Inactive, Activating},
		{3, 1, Active, Activating},
		{3, 2, Activating, Active},
		{3, 2, Inactive, Active},
		{-1, 1, Inactive, Inactive},
		{-1, 1, Activating, Activating},
		{-1, 1, Active, Activating},
		{-1, 2, Inactive, Inactive},
		{-1, 2, Activating, Active},
		{-1, 2, Active, Active},
	}
	for _, test := range tests {
		p := Default()
		p.MinScale = 2
		before := noon.Add(-time.Hour)
		life := Life{Activity: test.before, Since: before}
		life.next(&p, test.want, Pods{Now: noon, Ready: test.ready})
		since := before
		if test.before != test.after {
			since = noon
		}
		if life.Activity != test.after || life.Since != since || life.Initialized != (test.ready >= 2) {
			t.Errorf("want %d, ready %d, %s: %+v, expected %s since %s", test.want, test.ready, test.before, life, test.after, since)
		}
	}
}

func TestRequestsPassTheActivatorWhereBurstsDoNotFit(t *testing.T) {
	for excess, proxied := range map[int]bool{-1: true, 0: false, 40: false} {
		life := Life{Activity: Active, Since: noon, Initialized: true}
		out := Reconcile(Default(), Pods{Now: noon, Ready: 3, Replicas: 3}, Decision{Desired: 3, ExcessBurst: excess}, &life)
		if out.Proxied != proxied || life.ProxiedSince.IsZero() == proxied {
			t.Errorf("with an excess burst of %d requests pass the activator: %v, want %v", excess, out.Proxied, proxied)
		}
	}
}

func TestTheLastPodWaitsForTheActivator(t *testing.T) {
	life := Life{Activity: Inactive, Since: noon.Add(-time.Hour), ProxiedSince: noon.Add(-time.Hour), Initialized: true}
	pods := Pods{Now: noon, Ready: 1, Replicas: 1}
	if out := Reconcile(Default(), pods, Decision{}, &life); out.Replicas != 1 || out.Bound != BoundActivator {
		t.Errorf("the activator does not answer: %+v", out)
	}
	always := Default()
	always.TargetBurstCapacity = -1 // it is in the path already
	if out := Reconcile(always, pods, Decision{ExcessBurst: -1}, &life); out.Replicas != 0 {
		t.Errorf("the activator is always there: %+v", out)
	}
}

// A day in the life: one pod starts and gets a request a second for two minutes, then nothing more. The last second with load is 119. From
// second 179 on the stable window has no load (decided at 180, on the grid of 2 s), and the service becomes inactive. It was behind the
// activator all the time, since one pod of 100 does not hold a burst of 211, so the grace of 30 s has long passed, and the pod goes at 181.
func TestFromFirstRequestToZero(t *testing.T) {
	p := Default()
	var s State
	var life Life
	replicas, inactiveAt, zeroAt := 1, -1, -1
	for i := range 400 {
		now := noon.Add(time.Duration(i) * time.Second)
		load := 0.0
		if i < 120 {
			load = 1
		}
		d := Step(p, Input{Now: now, Load: load, Measured: true, Ready: replicas}, &s)
		out := Reconcile(p, Pods{Now: now, Ready: replicas, Replicas: replicas, ActivatorReady: true}, d, &life)
		replicas = out.Replicas
		if inactiveAt < 0 && out.Activity == Inactive {
			inactiveAt = i
		}
		if zeroAt < 0 && replicas == 0 {
			zeroAt = i
		}
	}
	if inactiveAt != 180 || zeroAt != 181 {
		t.Errorf("inactive at second %d and gone at %d, want 180 and 181", inactiveAt, zeroAt)
	}
}
