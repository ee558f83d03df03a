package fake

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/platform/conformance"
)

// clock is moved by the test.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.nanos.Load()))
}

func (c *clock) move(d time.Duration) { c.nanos.Add(int64(d)) }

var workload = headroom.Workload{Revision: "r1", Run: headroom.Run{Command: headroom.Command{"shop"}}}

func TestTheFakeConformsInEveryMode(t *testing.T) {
	for _, mode := range []headroom.Capabilities{
		{NamesReplicas: true, NamesVictims: true}, {NamesReplicas: true}, {NamesVictims: true}, {},
	} {
		t.Run(fmt.Sprintf("%+v", mode), func(t *testing.T) {
			conformance.Test(t, func(t *testing.T) conformance.World {
				c := &clock{}
				p := New(mode, c.now)
				p.SetFaults(Faults{StartDelay: 3 * time.Second, StopDelay: 2 * time.Second})
				return conformance.World{
					Platform: p, Workload: workload,
					Crash:  func(_ testing.TB, r headroom.Replica) { p.Crash(r.Service, r.Name, "exit status 1") },
					Reopen: func(testing.TB) headroom.Platform { return p.Reopen() },
					Elapse: func() { c.move(time.Second); p.Tick() },
				}
			})
		})
	}
}

func newNamed(t *testing.T) (*Platform, *clock) {
	t.Helper()
	c := &clock{}
	p := New(headroom.Capabilities{NamesReplicas: true, NamesVictims: true}, c.now)
	return p, c
}

func order(to int, names ...string) headroom.Growth {
	return headroom.Growth{Service: "shop", Names: names, To: to, Workload: workload}
}

func TestItThrottlesWithoutAnyEffect(t *testing.T) {
	p, _ := newNamed(t)
	p.SetFaults(Faults{Throttled: true})
	if err := p.Grow(t.Context(), order(1, "a")); !errors.Is(err, headroom.ErrThrottled) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Inventory(t.Context(), "shop"); !errors.Is(err, headroom.ErrThrottled) {
		t.Errorf("got %v", err)
	}
	if truth := p.Truth("shop"); len(truth) != 0 || len(p.Growths()) != 1 {
		t.Errorf("truth %v, growths %v", truth, p.Growths())
	}
}

func TestItLiesAboutWhatThereIs(t *testing.T) {
	p, c := newNamed(t)
	if err := p.Grow(t.Context(), order(3, "a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	c.move(time.Minute)
	if err := p.Grow(t.Context(), order(4, "d")); err != nil {
		t.Fatal(err)
	}
	three := 3
	four, none := 4, 0
	for name, test := range map[string]struct {
		faults   Faults
		count    *int
		listed   int
		complete bool
	}{
		"honest":        {Faults{}, &four, 4, true},
		"empty":         {Faults{Empty: true}, &none, 0, true},
		"unknown count": {Faults{UnknownCount: true}, nil, 4, true},
		"partial":       {Faults{Hidden: 3}, &four, 1, false},
		"stale":         {Faults{Stale: 30 * time.Second}, &three, 3, true},
	} {
		p.SetFaults(test.faults)
		inventory, err := p.Inventory(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		sameCount := (inventory.Count == nil) == (test.count == nil) && (test.count == nil || *inventory.Count == *test.count)
		if !sameCount || len(inventory.Replicas) != test.listed || inventory.Complete != test.complete {
			t.Errorf("%s: got %+v", name, inventory)
		}
	}
	p.SetFaults(Faults{Blind: true})
	if _, err := p.Inventory(t.Context(), "shop"); err == nil {
		t.Error("a blind platform has an inventory")
	}
	if truth := p.Truth("shop"); len(truth) != 4 {
		t.Errorf("truth is %v", truth)
	}
}

func TestItDelaysWhatItDoes(t *testing.T) {
	p, c := newNamed(t)
	p.SetFaults(Faults{StartDelay: 4 * time.Minute, StopDelay: time.Minute})
	if err := p.Grow(t.Context(), order(1, "a")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  headroom.ReplicaState
	}{{0, headroom.ReplicaStarting}, {4*time.Minute - 1, headroom.ReplicaStarting}, {1, headroom.ReplicaReady}} {
		c.move(step.after)
		if got := p.Truth("shop")[0].State; got != step.want {
			t.Errorf("state is %s, want %s", got, step.want)
		}
	}
	if err := p.Shrink(t.Context(), headroom.Removal{Service: "shop", Names: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	c.move(time.Minute - 1)
	if truth := p.Truth("shop"); len(truth) != 1 || truth[0].State != headroom.ReplicaStopping {
		t.Errorf("truth %v, want stopping", truth)
	}
	c.move(1)
	if truth := p.Truth("shop"); len(truth) != 0 {
		t.Errorf("truth %v, want none", truth)
	}
}

func TestItLosesOrdersAndAnswers(t *testing.T) {
	p, _ := newNamed(t)
	p.SetFaults(Faults{LosesOrders: true})
	if err := p.Grow(t.Context(), order(1, "a")); err != nil || len(p.Truth("shop")) != 0 {
		t.Errorf("a lost order: %v, %v", err, p.Truth("shop"))
	}
	p.SetFaults(Faults{LosesAnswers: true})
	if err := p.Grow(t.Context(), order(1, "a")); err == nil || errors.Is(err, headroom.ErrThrottled) || len(p.Truth("shop")) != 1 {
		t.Errorf("a lost answer: %v, %v", err, p.Truth("shop"))
	}
}

func TestItRunsOutOfCapacity(t *testing.T) {
	p, _ := newNamed(t)
	p.SetFaults(Faults{Capacity: 2})
	if err := p.Grow(t.Context(), order(3, "a", "b", "c")); !errors.Is(err, headroom.ErrNoCapacity) || len(p.Truth("shop")) != 2 {
		t.Errorf("got %v, %v; want two of three", err, p.Truth("shop"))
	}
}

func TestAPlatformThatChoosesVictimsTakesTheOldest(t *testing.T) {
	c := &clock{}
	p := New(headroom.Capabilities{NamesReplicas: true}, c.now)
	if err := p.Grow(t.Context(), order(3, "a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	if err := p.Shrink(t.Context(), headroom.Removal{Service: "shop", Names: []string{"c"}, To: 2}); err != nil {
		t.Fatal(err)
	}
	if truth := p.Truth("shop"); len(truth) != 2 || truth[0].Name != "b" || truth[1].Name != "c" {
		t.Errorf("truth %v, want b and c", truth)
	}
}

func TestUsageFollowsTheLoad(t *testing.T) {
	p, c := newNamed(t)
	if err := p.Grow(t.Context(), order(1, "a")); err != nil {
		t.Fatal(err)
	}
	p.SetLoad("shop", 0.5, 1<<20)
	c.move(10 * time.Second)
	p.SetLoad("shop", 2, 2<<20)
	c.move(time.Second)
	usage, err := p.Usage(t.Context(), "shop")
	// 10 s at half a core and 1 s at two.
	if err != nil || len(usage) != 1 || *usage[0].CPUSeconds != 7 || *usage[0].Memory != 2<<20 {
		t.Errorf("got %+v, %v; want 7 s and 2 MiB", usage, err)
	}
	p.SetFaults(Faults{NoUsage: true})
	if usage, err := p.Usage(t.Context(), "shop"); err != nil || usage[0].CPUSeconds != nil || usage[0].Memory != nil {
		t.Errorf("got %+v, %v; want unknown", usage, err)
	}
}
