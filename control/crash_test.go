package control_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
)

// story takes a service through all that it can live through: start, surge, a crash, a person's order, calm.
func (w *world) story(each func()) {
	second := func(n int) {
		for range 4 * n {
			w.pass(250 * time.Millisecond)
			each()
		}
	}
	w.balancer.set(18)
	second(4)
	w.balancer.set(48)
	second(4)
	for _, name := range w.names()[:1] {
		w.platform.Crash("shop", name, "killed by SIGKILL")
	}
	second(4)
	_, _ = w.control.Scale(w.t.Context(), headroom.ScaleOrder{Service: "shop", Replicas: 7, For: headroom.Duration(4 * time.Second)}, headroom.Change{})
	second(6)
	w.balancer.set(18)
	second(45)
}

// The process is killed before each of its effects on the world, one after the other, and started again half a second
// later on what it had stored. Whatever the instant: no replica twice, none forgotten, nobody out of traffic for no
// reason, and the same end.
func TestAKillAtAnyInstantDoublesNothingAndForgetsNothing(t *testing.T) {
	steps := 0
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.death.setAt(0)
		w.story(func() {})
		w.expectTwo(t)
		w.kill()
		steps = w.death.steps
	})
	if steps < 40 {
		t.Fatalf("the story has only %d steps", steps)
	}
	deaths := 0
	for at := 1; at <= steps; at++ {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.kill()
				w.balancer.slow = time.Second
				w.start()
				w.death.setAt(at)
				w.story(func() {
					if w.death.dead() {
						deaths++
						w.kill()
						w.pass(500 * time.Millisecond)
						w.start()
					}
					if got := len(w.names()); got > 8 { // 7 are the most that are ever wanted; one may be on its way out
						t.Fatalf("there are %d replicas: %v", got, w.names())
					}
				})
				w.expectTwo(t)
				w.expectQuiet()
				w.expectReplays()
				w.expectTables()
				w.expectOutcomes()
			})
		})
	}
	if deaths < steps-5 { // two lives differ by some steps in how often they are woken
		t.Errorf("of %d deaths that were planned only %d came", steps, deaths)
	}
}

// expectTwo expects that two replicas are left, whatever their names.
func (w *world) expectTwo(t *testing.T) {
	t.Helper()
	if got := w.names(); len(got) != 2 {
		t.Fatalf("the replicas are %v, want two; %v", got, w.status().Problems)
	}
}

// expectTables expects that the versions of the endpoints never went back, and that nobody was left without a backend.
func (w *world) expectTables() {
	w.t.Helper()
	var last headroom.Endpoints
	for _, table := range w.balancer.tables() {
		if table.Version < last.Version || (len(table.Backends) == 0 && len(last.Backends) > 0) {
			w.t.Errorf("after %s came %s", encoded(w.t, last), encoded(w.t, table))
		}
		last = table
	}
}

// expectOutcomes expects exactly one outcome of each decision that changed the number.
func (w *world) expectOutcomes() {
	w.t.Helper()
	outcomes := map[string]int{}
	for _, outcome := range entries[headroom.Outcome](w.store, headroom.EntryOutcome) {
		outcomes[outcome.Decision]++
	}
	for _, decision := range entries[headroom.Decision](w.store, headroom.EntryDecision) {
		if decision.From != decision.To && outcomes[decision.ID] != 1 {
			w.t.Errorf("the decision %s (%d to %d) has %d outcomes, want one", decision.ID, decision.From, decision.To, outcomes[decision.ID])
		}
	}
}

func (d *death) setAt(step int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = step
	d.steps = 0
}
