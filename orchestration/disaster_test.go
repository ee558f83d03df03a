package orchestration

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

// Azure throttled the reading of a scale set, its size was taken as -1, "add 4" wrote 3: 197 of 200 machines went.
func TestDisasterAutoscaler3240AnUnknownCountIsNotANumber(t *testing.T) {
	w := world(204)
	w.LastConfirmed, w.Inventory = 200, nil
	if step := expect(t, w, ""); step.Waiting == "" {
		t.Error("does not say what it waits for")
	}

	w.Inventory = &headroom.Inventory{Service: "shop", At: noon} // nothing could be read
	w.Capabilities = headroom.Capabilities{}
	step := expect(t, w, "grow")
	if op := step.Operations[0]; op.From != 200 || op.To != 204 {
		t.Errorf("%d -> %d", op.From, op.To)
	}
	w.Wish.Replicas = 10
	expect(t, w, "")
}

// The API said 0 for a group of 90, "+1" wrote 1: 89 GPU machines were destroyed.
func TestDisasterAutoscaler9452AGrowthNeverWritesLessThanTheLastConfirmedCount(t *testing.T) {
	w := world(2)
	w.LastConfirmed, w.Capabilities = 90, headroom.Capabilities{}
	step := expect(t, w, "grow")
	if op := step.Operations[0]; op.To != 90 {
		t.Errorf("wrote %d", op.To)
	}

	var names []string
	for _, r := range replicas(ready, 1, 2, 3) {
		names = append(names, r.Name)
	}
	history := History{Live: names, Count: 3, At: noon}
	for read := 1; read <= 3; read++ {
		var believed bool
		history, believed = Confirm(history, headroom.Inventory{At: noon.Add(time.Duration(read) * time.Second), Complete: true, Count: pointer(0)}, nil)
		if want := read == 3; believed != want {
			t.Errorf("reading %d: believed %v", read, believed)
		}
	}
	if history.Count != 0 {
		t.Errorf("%+v", history)
	}
}

// The same by another way: a growth to 8 was written, the wish fell, removals were planned, and then the group could be
// read with gaps only. The growth was taken for failed, the last count was still 1, and the next growth wrote 5 of 8.
func TestDisasterAutoscaler9452AWrittenNumberIsNotForgottenBeforeTheGroupWasReadAgain(t *testing.T) {
	later := noon.Add(2 * time.Second)
	for _, state := range []headroom.OperationState{headroom.OperationPlanned, headroom.OperationSent, headroom.OperationUnknown} {
		grow := open(headroom.OperationGrow, state)
		grow.From, grow.To = 1, 8
		if state == headroom.OperationPlanned {
			grow.SentAt = time.Time{} // carried out by a process that was killed before it could note that
		}
		shrink := open(headroom.OperationShrink, headroom.OperationPlanned, "shop-1")
		shrink.PlannedAt = noon.Add(time.Second)

		w := world(5, replicas(starting, 2))
		w.Now, w.LastConfirmed, w.Capabilities.NamesReplicas = later, 1, false
		stale := *w.Inventory // complete, and from before the number was written
		gaps := stale
		gaps.At, gaps.Complete, gaps.Count = later, false, nil
		for name, inventory := range map[string]headroom.Inventory{"gaps": gaps, "stale": stale} {
			w.Inventory = &inventory
			w.Open = []headroom.Operation{grow, shrink}
			after, text := Resolve(grow, w)
			if after != state {
				t.Errorf("%s, %s: became %s %q", name, state, after, text)
			}
			if after == headroom.OperationFailed {
				w.Open = w.Open[1:]
			}
			for _, op := range Plan(w).Operations {
				if op.Kind == headroom.OperationGrow && op.To < grow.To {
					t.Errorf("%s, %s: wrote %d", name, state, op.To)
				}
			}
		}

		full := stale
		full.At, full.Count = later, pointer(8)
		w.Inventory = &full
		if after, text := Resolve(grow, w); after != headroom.OperationFailed {
			t.Errorf("read again, %s: became %s %q", state, after, text)
		}
	}
}

// The wanted number was lowered by 32, and AWS picked busy instances.
func TestDisasterAutoscaler9182WhatGoesIsNamedAndDrained(t *testing.T) {
	step := Plan(world(2, replicas(ready, 1, 2, 3, 4)))
	for _, op := range step.Operations {
		if op.Kind != headroom.OperationDrain || len(op.Replicas) != 1 {
			t.Errorf("%+v", op)
		}
	}
	if len(step.Operations) != 2 {
		t.Errorf("%d operations", len(step.Operations))
	}
}

// The controller started before its cache had synced, and everything looked empty.
func TestDisasterAutoscaler446NothingGoesBeforeTheFirstFullReading(t *testing.T) {
	w := world(1, replicas(ready, 1, 2, 3), replicas(exited, 4))
	w.Synced = false
	expect(t, w, "")
	w.Synced, w.Inventory.Complete = true, false
	expect(t, w, "")
	w.Inventory.Complete, w.Inventory.Count = true, pointer(5) // holds five, lists three
	expect(t, w, "")

	w = world(3, replicas(ready, 1)) // lists one, had three
	w.Synced, w.LastConfirmed = false, 3
	expect(t, w, "")
}

// Nodes were drained, then AWS refused to remove them. A drain that is not followed by a removal is taken back.
func TestDisasterNomad911ADrainIsUndoneWhenTheWishComesBack(t *testing.T) {
	w := world(2, replicas(ready, 1, 2))
	w.Draining["shop-2"] = noon.Add(-time.Hour) // its shrink operation failed
	expect(t, w, "back shop-2")
}

// The same while the platform goes on refusing: its removal stays open, to be tried again, and is given up when the replica is needed.
func TestDisasterNomad911ARemovalThatIsRefusedIsGivenUpWhenTheWishComesBack(t *testing.T) {
	refused := open(headroom.OperationShrink, headroom.OperationPlanned, "shop-2")
	w := world(2, replicas(ready, 1, 2))
	w.Draining["shop-2"], w.Traffic["shop-2"] = noon.Add(-time.Hour), Traffic{Drained: true}
	w.Open = []headroom.Operation{refused}
	expect(t, w, "grow shop-3") // it may be under way

	w.Refused = map[string]bool{refused.ID: true}
	step := expect(t, w, "back shop-2")
	if step.Cancel[0].Operation != refused.ID {
		t.Errorf("gives up %q, not the removal", step.Cancel[0].Operation)
	}
	w.Wish.Replicas = 1
	expect(t, w, "") // it is tried again, and not ordered twice
	w.Wish.Replicas, w.Sick = 2, map[string]bool{"shop-2": true}
	expect(t, w, "grow shop-3")
}

// One draining or unready node held up all scaling for hours.
func TestDisasterNomad672WhatIsNotReadyHoldsUpOnlyItself(t *testing.T) {
	w := world(5, replicas(ready, 1, 2, 3), replicas(starting, 4))
	w.Open = []headroom.Operation{open(headroom.OperationShrink, headroom.OperationSent, "shop-3")}
	expect(t, w, "grow shop-5; grow shop-6") // up while one is on its way out and one never gets ready

	w = world(1, replicas(ready, 1, 2), replicas(starting, 3))
	w.Open = []headroom.Operation{open(headroom.OperationGrow, headroom.OperationSent, "shop-4")}
	expect(t, w, "shrink shop-3; drain shop-2") // down while others start

	w = world(1, replicas(ready, 1, 2, 3))
	w.Draining["shop-3"] = noon
	w.Traffic["shop-3"] = Traffic{InFlight: pointer(int64(1))}
	expect(t, w, "drain shop-2")
}

// "Rollback" killed the good container too: what carries traffic stays until what replaces it does.
func TestDisasterMoby37972GoodReplicasStayWhileNewOnesAreNotReady(t *testing.T) {
	old := replicas(ready, 1, 2)
	old[0].Revision, old[1].Revision = "r0", "r0"
	expect(t, world(2, old, replicas(starting, 3, 4)), "shrink shop-4; shrink shop-3")
	expect(t, world(3, old, replicas(starting, 3, 4)), "shrink shop-4")
}

// One nomad job was scaled twice on a stale reading.
func TestDisasterNomad610AStaleReadingDoesNotScaleTwice(t *testing.T) {
	w := world(3, replicas(ready, 1))
	first := Plan(w)
	w.Open, w.NextOrdinal = first.Operations, first.NextOrdinal
	w.Now = noon.Add(time.Second) // the reading is still the one from before
	expect(t, w, "")
	w.NextOrdinal = 1 // nor after a crash that lost the counter
	w.Wish.Replicas = 4
	expect(t, w, "grow shop-4")
}
