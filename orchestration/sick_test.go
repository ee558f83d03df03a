package orchestration

import (
	"testing"

	"headroom.dev/headroom"
)

func TestOfTooManyTheSickGoFirst(t *testing.T) {
	w := world(2, replicas(headroom.ReplicaReady, 1, 2, 3))
	w.Sick = map[string]bool{"shop-1": true} // the oldest, which would go last
	expect(t, w, "drain shop-1")
}

func TestASickReplicaThatIsLeavingIsNotTakenBack(t *testing.T) {
	w := world(2, replicas(headroom.ReplicaReady, 1, 2))
	w.Draining["shop-1"], w.Traffic["shop-1"] = noon, Traffic{InFlight: pointer(int64(1))}
	expect(t, w, "back shop-1") // were it well

	w.Sick = map[string]bool{"shop-1": true}
	expect(t, w, "grow shop-3")
}
