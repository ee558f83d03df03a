package control_test

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestAReplicaWithSessionsIsStoppedOnlyAfterTheyHaveEnded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		shop := w.config.Services["shop"]
		shop.LoadBalancing.SessionAffinity.Enabled = true
		w.config.Services["shop"] = shop
		w.balancer.slow = time.Second // nothing in flight soon, but clients may come back
		w.start()
		w.balancer.set(28)
		w.pass(5 * time.Second)
		w.expectNames("shop-1", "shop-2", "shop-3")
		w.balancer.set(8)
		for len(w.balancer.backends(headroom.BackendDraining)) == 0 {
			w.pass(100 * time.Millisecond)
		}
		w.pass(9800 * time.Millisecond) // drainTimeout is 8 s, and the balancer may have begun 2 s later
		w.expectNames("shop-1", "shop-2", "shop-3")
		w.pass(4 * time.Second)
		w.expectNames("shop-1", "shop-2")
	})
}
