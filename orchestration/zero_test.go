package orchestration

import (
	"testing"
	"time"
)

// none is a world in which it was decided that no replica is wanted.
func none(w World) World {
	w.Wish.None = true
	return w
}

func TestADecidedZeroDrainsTheLastReplicaAndThenStopsIt(t *testing.T) {
	expect(t, none(world(0, replicas(ready, 1))), "drain shop-1")

	draining := none(world(0, replicas(ready, 1)))
	draining.Draining["shop-1"] = noon.Add(-time.Second)
	expect(t, draining, "")
	draining.Traffic["shop-1"] = Traffic{Drained: true}
	expect(t, draining, "shrink shop-1")
}

func TestADecidedZeroStopsWhatHasNotGotReady(t *testing.T) {
	expect(t, none(world(0, replicas(starting, 1, 2))), "shrink shop-2; shrink shop-1")
}

func TestAtZeroADeadReplicaIsForgottenAndNotReplaced(t *testing.T) {
	expect(t, none(world(0, replicas(exited, 1))), "shrink shop-1")
}

// Nothing is known to be too much before all has been read.
func TestADecidedZeroWaitsUntilThePlatformHasBeenRead(t *testing.T) {
	w := none(world(0, replicas(ready, 1)))
	w.Synced = false
	expect(t, w, "")
}

func TestOneWantedAgainTakesTheDrainingReplicaBackInsteadOfStartingAnother(t *testing.T) {
	w := world(1, replicas(ready, 1))
	w.Draining["shop-1"] = noon.Add(-time.Second)
	expect(t, w, "back shop-1")
}
