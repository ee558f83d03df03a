package orchestration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

var noon = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

func pointer[T any](value T) *T { return &value }

// replica is shop-n, created n seconds into a time an hour ago, so that higher numbers are younger.
func replica(n int, state headroom.ReplicaState) headroom.Replica {
	r := headroom.Replica{Name: fmt.Sprintf("shop-%d", n), Service: "shop", State: state, Revision: "r1",
		CreatedAt: noon.Add(-time.Hour + time.Duration(n)*time.Second)}
	if state != headroom.ReplicaStarting {
		r.ReadyAt = r.CreatedAt.Add(time.Second)
	}
	if state == headroom.ReplicaStarting {
		r.CreatedAt = noon.Add(-5*time.Second + time.Duration(n)*time.Millisecond)
	}
	if state == headroom.ReplicaExited {
		r.ExitedAt, r.Exit = noon, "killed by SIGKILL"
	}
	return r
}

func replicas(state headroom.ReplicaState, numbers ...int) []headroom.Replica {
	var list []headroom.Replica
	for _, n := range numbers {
		list = append(list, replica(n, state))
	}
	return list
}

func world(wish int, lists ...[]headroom.Replica) World {
	inventory := headroom.Inventory{Service: "shop", At: noon, Complete: true}
	held := 0
	for _, list := range lists {
		for _, r := range list {
			inventory.Replicas = append(inventory.Replicas, r)
			if r.State != headroom.ReplicaExited {
				held++
			}
		}
	}
	inventory.Count = &held
	return World{Now: noon, Service: "shop", Wish: Wish{Replicas: wish, Decision: "d-1", Reason: "because"},
		Inventory: &inventory, Synced: true, LastConfirmed: held, Traffic: map[string]Traffic{}, Draining: map[string]time.Time{},
		Random: 0.5, StartTimeout: time.Minute, DrainTimeout: 30 * time.Second, NextOrdinal: 1,
		Capabilities: headroom.Capabilities{NamesReplicas: true, NamesVictims: true}, Revision: "r1"}
}

// brief writes a step as "grow shop-3; drain shop-1; back shop-2".
func brief(step Step) string {
	var parts []string
	for _, op := range step.Operations {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %s", op.Kind, strings.Join(op.Replicas, ","))))
	}
	for _, c := range step.Cancel {
		parts = append(parts, "back "+c.Replica)
	}
	return strings.Join(parts, "; ")
}

func expect(t *testing.T, w World, want string) Step {
	t.Helper()
	step := Plan(w)
	if got := brief(step); got != want {
		t.Errorf("got  %q\nwant %q (waiting: %s)", got, want, step.Waiting)
	}
	return step
}

func open(kind headroom.OperationKind, state headroom.OperationState, names ...string) headroom.Operation {
	return headroom.Operation{ID: "op-" + strings.Join(names, "-"), Service: "shop", Kind: kind, State: state, Replicas: names, PlannedAt: noon, SentAt: noon}
}

const (
	ready    = headroom.ReplicaReady
	starting = headroom.ReplicaStarting
	stopping = headroom.ReplicaStopping
	exited   = headroom.ReplicaExited
)

func TestPlanDoesWhatIsMissingAndNothingElse(t *testing.T) {
	for _, test := range []struct {
		name  string
		world World
		want  string
	}{
		{"nothing wished", world(0, replicas(ready, 1)), ""},
		{"as wished", world(2, replicas(ready, 1, 2)), ""},
		{"from nothing", world(2), "grow shop-1; grow shop-2"},
		{"names are not used again", world(3, replicas(ready, 1, 7)), "grow shop-8"},
		{"those that start count", world(2, replicas(ready, 1), replicas(starting, 2)), ""},
		{"those that stop do not", world(2, replicas(ready, 1), replicas(stopping, 2)), "grow shop-3"},
		{"a dead one is forgotten and replaced", world(2, replicas(ready, 1), replicas(exited, 2)), "shrink shop-2; grow shop-3"},
		{"a dead one that is too much anyway", world(1, replicas(ready, 1), replicas(exited, 2)), "shrink shop-2"},
		{"too many: the youngest is drained", world(2, replicas(ready, 1, 2, 3)), "drain shop-3"},
		{"too many: not ready goes first and at once", world(2, replicas(ready, 1, 2), replicas(starting, 3)), "shrink shop-3"},
		{"too many: of those that start the youngest", world(3, replicas(ready, 1, 2), replicas(starting, 3, 4)), "shrink shop-4"},
		{"ready ones stay while others start", world(2, replicas(ready, 1), replicas(starting, 2, 3)), "shrink shop-3"},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, test.world, test.want) })
	}
}

func TestOperationsSayWhoWhyAndHowMany(t *testing.T) {
	step := expect(t, world(3, replicas(ready, 1)), "grow shop-2; grow shop-3")
	op := step.Operations[1]
	if op.From != 2 || op.To != 3 || op.Decision != "d-1" || op.Reason != "because" || op.State != headroom.OperationPlanned || !op.PlannedAt.Equal(noon) {
		t.Errorf("%+v", op)
	}
	if step.Operations[0].ID == op.ID || step.NextOrdinal != 4 {
		t.Errorf("IDs %q %q, next %d", step.Operations[0].ID, op.ID, step.NextOrdinal)
	}
	step = Plan(world(1, replicas(ready, 1), replicas(exited, 2)))
	if op := step.Operations[0]; op.Reason != "shop-2 ended: killed by SIGKILL" || op.From != 1 || op.To != 1 {
		t.Errorf("%+v", op)
	}
}

func TestVictimsAreTheYoungestThenTheLeastBusyAndOlderRevisionsFirst(t *testing.T) {
	same := replicas(ready, 1, 2, 3)
	for i := range same {
		same[i].CreatedAt = noon.Add(-time.Hour)
	}
	w := world(2, same)
	w.Traffic = map[string]Traffic{"shop-1": {InFlight: pointer(int64(5))}, "shop-2": {InFlight: pointer(int64(1))}}
	expect(t, w, "drain shop-2") // shop-3 is not known, which counts as busiest

	old := replicas(ready, 1, 2, 3)
	old[0].Revision = "r0"
	expect(t, world(2, old), "drain shop-1")
}

func TestNothingIsOrderedTwice(t *testing.T) {
	for _, state := range []headroom.OperationState{headroom.OperationPlanned, headroom.OperationSent, headroom.OperationUnknown} {
		w := world(3, replicas(ready, 1))
		w.Open = []headroom.Operation{open(headroom.OperationGrow, state, "shop-2")}
		expect(t, w, "grow shop-3")

		w = world(1, replicas(ready, 1, 2, 3))
		w.Open = []headroom.Operation{open(headroom.OperationShrink, state, "shop-2"), open(headroom.OperationDrain, state, "shop-3")}
		expect(t, w, "")

		w = world(1, replicas(ready, 1), replicas(exited, 2))
		w.Open = []headroom.Operation{open(headroom.OperationShrink, state, "shop-2")}
		expect(t, w, "")
	}
}

func TestReadyReplicasAreNotDrainedForOnesThatMayNeverCome(t *testing.T) {
	w := world(2, replicas(ready, 1, 2))
	w.Open = []headroom.Operation{open(headroom.OperationGrow, headroom.OperationSent, "shop-3"), open(headroom.OperationGrow, headroom.OperationSent, "shop-4")}
	expect(t, w, "")
}

func TestAReplicaIsRemovedWhenItIsDrainedOrItsTimeIsOver(t *testing.T) {
	w := world(1, replicas(ready, 1, 2))
	w.Open = []headroom.Operation{open(headroom.OperationDrain, headroom.OperationSent, "shop-2")}
	w.Draining["shop-2"] = noon.Add(-30*time.Second + 1)
	w.Traffic["shop-2"] = Traffic{InFlight: pointer(int64(2))}
	expect(t, w, "")

	w.Traffic["shop-2"] = Traffic{InFlight: pointer(int64(0)), Drained: true}
	if step := expect(t, w, "shrink shop-2"); step.Operations[0].From != 2 || step.Operations[0].To != 1 {
		t.Errorf("%+v", step.Operations[0])
	}

	w.Draining["shop-2"] = noon.Add(-30 * time.Second)
	w.Traffic["shop-2"] = Traffic{InFlight: pointer(int64(2))}
	step := expect(t, w, "shrink shop-2")
	if want := "shop-2 still had 2 in flight after 30s"; step.Operations[0].Reason != want {
		t.Errorf("got %q, want %q", step.Operations[0].Reason, want)
	}
	w.Traffic = nil
	expect(t, w, "shrink shop-2")

	w.Draining = nil // the drain is planned, and no balancer knows
	w.Open[0].State = headroom.OperationPlanned
	expect(t, w, "")
}

func TestADrainingReplicaComesBackBeforeAnotherIsStarted(t *testing.T) {
	w := world(4, replicas(ready, 1, 2, 3))
	w.Draining["shop-2"], w.Draining["shop-3"] = noon, noon
	w.Traffic["shop-3"] = Traffic{Drained: true}
	w.Open = []headroom.Operation{open(headroom.OperationDrain, headroom.OperationSent, "shop-2")}
	step := expect(t, w, "grow shop-4; back shop-2; back shop-3")
	if step.Cancel[0].Operation != "op-shop-2" || step.Cancel[1].Operation != "" {
		t.Errorf("%+v", step.Cancel)
	}
	w.Wish.Replicas = 2
	expect(t, w, "shrink shop-3; back shop-2") // the oldest comes back
}

func TestReplicasThatNeverGetReadyAreGivenUpAndReplacedLater(t *testing.T) {
	slow := replica(2, starting)
	slow.CreatedAt, slow.Detail = noon.Add(-time.Minute), "connection refused"
	expect(t, world(2, replicas(ready, 1), []headroom.Replica{slow}), "")
	slow.CreatedAt = noon.Add(-time.Minute - 1)
	w := world(2, replicas(ready, 1), []headroom.Replica{slow})
	step := expect(t, w, "shrink shop-2")
	if want := "shop-2 did not get ready within 1m: connection refused"; step.Operations[0].Reason != want {
		t.Errorf("got %q, want %q", step.Operations[0].Reason, want)
	}
	if step.Backoff.Failures != 1 || !step.Backoff.NotBefore.Equal(noon.Add(time.Second)) || step.Waiting == "" {
		t.Errorf("%+v %q", step.Backoff, step.Waiting)
	}

	w.Open, w.Backoff = []headroom.Operation{open(headroom.OperationShrink, headroom.OperationSent, "shop-2")}, step.Backoff
	w.Now = noon.Add(time.Second - 1)
	expect(t, w, "")
	w.Now = noon.Add(time.Second)
	expect(t, w, "grow shop-3")
}

func TestACrashLoopIsSlowedDownAndAHealthyReplicaIsReplacedAtOnce(t *testing.T) {
	crashed := replica(2, exited)
	crashed.ReadyAt, crashed.ExitedAt = noon.Add(-10*time.Second+1), noon
	w := world(2, replicas(ready, 1), []headroom.Replica{crashed})
	expect(t, w, "shrink shop-2")

	crashed.ReadyAt = noon.Add(-10 * time.Second)
	w = world(2, replicas(ready, 1), []headroom.Replica{crashed})
	w.Backoff = Backoff{Failures: 4, NotBefore: noon.Add(8 * time.Second), LastFailure: noon.Add(-time.Second)}
	if step := expect(t, w, "shrink shop-2; grow shop-3"); step.Backoff != w.Backoff {
		t.Errorf("%+v", step.Backoff)
	}

	// Ten that crash together are one failure.
	var all []headroom.Replica
	for n := 1; n <= 10; n++ {
		r := replica(n, exited)
		r.ReadyAt = time.Time{}
		all = append(all, r)
	}
	if step := Plan(world(10, all)); step.Backoff.Failures != 1 || len(step.Operations) != 10 {
		t.Errorf("%+v, %d operations", step.Backoff, len(step.Operations))
	}
}

func TestNoMoreStartAtOnceThanAllowed(t *testing.T) {
	w := world(6, replicas(ready, 1), replicas(starting, 2))
	w.MaxStarting = 3
	w.Open = []headroom.Operation{open(headroom.OperationGrow, headroom.OperationSent, "shop-3")}
	if step := expect(t, w, "grow shop-4"); step.Waiting == "" {
		t.Error("does not say what it waits for")
	}
}

func TestAPlatformThatChoosesTheNamesGetsANumber(t *testing.T) {
	w := world(5, replicas(ready, 1, 2), replicas(stopping, 3))
	w.Capabilities = headroom.Capabilities{}
	step := expect(t, w, "grow")
	if op := step.Operations[0]; op.From != 2 || op.To != 5 || len(op.Replicas) != 0 {
		t.Errorf("%+v", op)
	}
	// Ordered once.
	w.Open = step.Operations
	expect(t, w, "")
	// One that is still to be removed is counted, since the platform lowers its number itself when it goes.
	w = world(5, replicas(ready, 1, 2, 3))
	w.Capabilities = headroom.Capabilities{}
	w.Open = []headroom.Operation{open(headroom.OperationShrink, headroom.OperationSent, "shop-3")}
	step = expect(t, w, "grow")
	if op := step.Operations[0]; op.To != 6 {
		t.Errorf("%+v", op)
	}
}

func TestStartingReplicasOfAConfigurationThatWasMendedAreReplacedAtOnce(t *testing.T) {
	outdated := replicas(starting, 2, 3)
	for i := range outdated {
		outdated[i].Revision = "r0"
	}
	w := world(2, replicas(ready, 1), outdated)
	step := expect(t, w, "shrink shop-2; shrink shop-3; grow shop-4")
	if step.Backoff.Failures != 0 {
		t.Errorf("failures are %d; expected 0: the present command has not been tried yet", step.Backoff.Failures)
	}

	w.StartTimeout = time.Second // they are late as well, which says nothing of the present command
	if step := expect(t, w, "shrink shop-2; shrink shop-3; grow shop-4"); step.Backoff.Failures != 0 {
		t.Errorf("failures are %d; expected 0", step.Backoff.Failures)
	}

	w.Synced = false
	if step := Plan(w); strings.Contains(brief(step), "shrink") {
		t.Errorf("got %q; expected nothing to go before the platform was read", brief(step))
	}
}
