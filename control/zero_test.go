package control_test

import (
	"errors"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// sleepy is a service that has no replica once nothing has been active for 3 s.
func (w *world) sleepy() {
	service := shop()
	service.Scaling.MinReplicas, service.Scaling.ScaleToZeroAfter = 0, headroom.Duration(3*time.Second)
	service.Scaling.ScaleDownCooldown = headroom.Duration(2 * time.Second)
	w.config.Services["shop"] = service
}

// asleep brings a sleepy service from traffic to no replica.
func (w *world) asleep() {
	w.t.Helper()
	w.sleepy()
	w.start()
	w.balancer.set(8)
	w.pass(5 * time.Second)
	w.expectNames("shop-1")
	w.balancer.set(0)
	w.pass(20 * time.Second)
	w.expectNames()
}

func TestTheLastReplicaIsDrainedAndStoppedOnceNothingIsActive(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.asleep()
		if got := w.balancer.backends(headroom.BackendActive); len(got) != 0 {
			t.Errorf("the balancer still has %v", got)
		}
		status := w.status()
		if status.DesiredReplicas != 0 || len(status.Problems) > 0 {
			t.Errorf("%d wanted and the problems are %q; want none of either", status.DesiredReplicas, status.Problems)
		}
		if status.LastChange == nil || status.LastChange.From != 1 || status.LastChange.To != 0 {
			t.Errorf("the last change is %+v, want one from 1 to 0", status.LastChange)
		}
		if status.LastDecision == nil || status.LastDecision.Reason == "" {
			t.Errorf("the newest decision says nothing: %+v", status.LastDecision)
		}
	})
}

// One measurement shows the request, the replica starts in 0.3 s.
func TestARequestToAServiceAtZeroHasAReplicaInASecondAndAHalf(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.asleep()
		w.balancer.set(1)
		w.pass(1500 * time.Millisecond)
		w.expectNames("shop-2")
		if got := w.balancer.backends(headroom.BackendActive); len(got) != 1 {
			t.Errorf("the balancer has %v, want the new replica", got)
		}
	})
}

func TestAServiceAtZeroStaysThereWhenHeadroomIsStartedAgain(t *testing.T) {
	for name, end := range map[string]func(*world){"ended": (*world).end, "killed": (*world).kill} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.asleep()
				end(w)
				grown := len(w.platform.Growths())
				w.start()
				w.pass(10 * time.Second)
				w.expectNames()
				if again := len(w.platform.Growths()); again != grown {
					t.Errorf("%d replicas were started without any request", again-grown)
				}
				w.balancer.set(1)
				w.pass(1500 * time.Millisecond)
				w.expectNames("shop-2")
			})
		})
	}
}

// What was active while headroom was away is not known, so the time begins anew.
func TestARestartIsNoReasonToStopTheLastReplicaSooner(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.sleepy()
		w.start()
		w.balancer.set(8)
		w.pass(10 * time.Second)
		w.end()
		w.balancer.set(0)
		w.pass(time.Minute)
		w.start()
		w.pass(2900 * time.Millisecond)
		w.expectNames("shop-1")
		w.pass(20 * time.Second)
		w.expectNames()
	})
}

// Wherever it is killed on the way to zero, it gets there and starts nothing.
func TestAKillOnTheWayToZeroEndsAtZero(t *testing.T) {
	for step := 1; step <= 12; step++ {
		inWorld(t, func(t *testing.T, w *world) {
			w.sleepy()
			w.start()
			w.balancer.set(8)
			w.pass(10 * time.Second)
			w.balancer.set(0)
			w.death.mu.Lock()
			w.death.at = w.death.steps + step
			w.death.mu.Unlock()
			w.pass(20 * time.Second)
			w.kill()
			grown := len(w.platform.Growths())
			w.start()
			w.pass(30 * time.Second)
			w.expectNames()
			if again := len(w.platform.Growths()); again != grown {
				t.Errorf("killed at step %d: %d replicas were started again", step, again-grown)
			}
		})
	}
}

func TestReplicasThatBecameReadyALittleAgoAreWarming(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		service := shop()
		service.Scaling.WarmUp = headroom.Duration(5 * time.Second)
		w.config.Services["shop"] = service
		w.start()
		w.balancer.set(12)
		w.pass(10 * time.Second)
		w.expectWarming(0)
		w.balancer.set(38) // 3.8 replicas: two more
		w.pass(3 * time.Second)
		w.expectWarming(2)
		w.pass(5 * time.Second)
		w.expectWarming(0)
	})
}

func (w *world) expectWarming(want int) {
	w.t.Helper()
	if got := w.status().LastDecision.Observation.Replicas.Warming; got != want {
		w.t.Errorf("%d replicas are warming, want %d", got, want)
	}
}

func TestAPersonMayOrderNoReplicaWhereTheServiceMayBeAtZero(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.sleepy()
		w.start()
		w.balancer.set(8)
		w.pass(5 * time.Second)
		w.expectNames("shop-1")
		order := headroom.ScaleOrder{Service: "shop", For: headroom.Duration(time.Minute)}
		decision, err := w.control.Scale(t.Context(), order, headroom.Change{})
		if err != nil || decision.To != 0 || decision.Code != headroom.CodeManual {
			t.Fatalf("decided %d by %q, %v; want 0, as ordered", decision.To, decision.Code, err)
		}
		w.pass(20 * time.Second)
		w.expectNames()
	})
}

func TestAnOrderOfNoReplicaIsRefusedWhereMinReplicasIsMore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		_, err := w.control.Scale(t.Context(), headroom.ScaleOrder{Service: "shop"}, headroom.Change{})
		var invalid *headroom.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "replicas" || invalid.Value != "0" {
			t.Errorf("answered %v, want that replicas 0 is below minReplicas", err)
		}
	})
}
