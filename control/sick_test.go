package control_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAReplicaThatStaysUnhealthyIsReplacedByAHealthyOneFirst(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(3 * time.Second)
		w.expectNames("shop-1", "shop-2")

		w.balancer.fail("shop-1")
		w.pass(2 * time.Second)
		status := w.status()
		if *status.ReadyReplicas != 1 {
			t.Errorf("%d replicas are called ready, want only the healthy one", *status.ReadyReplicas)
		}
		if problems := strings.Join(status.Problems, "; "); !strings.Contains(problems, "shop-1 has failed the balancer's health checks since") ||
			!strings.Contains(problems, "no answer") {
			t.Errorf("the problems are %q", problems)
		}
		w.expectNames("shop-1", "shop-2") // it may get well by itself

		w.pass(14 * time.Second)
		if names := w.names(); !slices.Contains(names, "shop-3") {
			t.Errorf("after 16 s there are %v, want a third one", names)
		}
		w.pass(20 * time.Second)
		w.expectNames("shop-2", "shop-3")
		w.expectReplays()
	})
}

func TestWhereAllReplicasAreUnhealthyTheyAreReplacedOneByOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(3 * time.Second)
		w.balancer.fail("shop-1")
		w.balancer.fail("shop-2")
		most := 0
		for range 60 {
			w.pass(time.Second)
			most = max(most, len(w.names()))
		}
		if most > 3 {
			t.Errorf("there were %d replicas at once, want one more than the two that are wanted", most)
		}
		w.expectNames("shop-3", "shop-4")
	})
}

func TestABalancerThatIsAwayMakesNobodySick(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(3 * time.Second)
		w.balancer.fail("shop-1")
		w.pass(5 * time.Second)
		w.balancer.silence(true)
		w.pass(time.Minute)
		w.expectNames("shop-1", "shop-2")
	})
}
