package control_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/platform/fake"
)

func (w *world) restart() {
	w.t.Helper()
	w.end()
	w.start()
}

func TestARestartKeepsEveryReplicaAndTheirPlaceInTraffic(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(38)
		w.pass(10 * time.Second)
		before := w.names()
		w.restart()
		w.pass(10 * time.Second)
		w.expectNames(before...)
		w.expectTables()
		if got := w.status().DesiredReplicas; got != 4 {
			t.Errorf("%d replicas are wanted after the restart, want 4", got)
		}
		if w.status().LastChange == nil {
			t.Error("the last change is forgotten")
		}
	})
}

// The state file is gone, the replicas and the balancers are not.
func TestAScalerThatLostItsStateTakesNobodyOutOfTraffic(t *testing.T) {
	for name, faults := range map[string]fake.Faults{"well": {}, "blind at first": {Blind: true}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.start()
				w.balancer.set(38)
				w.pass(10 * time.Second)
				before := w.names()
				w.end()

				w.store = newMemory()
				healthy := w.platform.Faults()
				w.platform.SetFaults(faults)
				told := len(w.balancer.tables())
				w.start()
				w.pass(2 * time.Second)
				w.platform.SetFaults(healthy)
				w.pass(3 * time.Second)
				for _, table := range w.balancer.tables()[told:] {
					if got := listed(table, headroom.BackendActive); len(got) != 4 {
						t.Errorf("the balancer was told to use %v, want all four", got)
					}
				}
				w.expectNames(before...)
			})
		})
	}
}

func TestADrainGoesOnAfterARestart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.balancer.slow = 6 * time.Second
		w.start()
		w.balancer.set(28)
		w.pass(5 * time.Second)
		w.balancer.set(8)
		for len(w.balancer.backends(headroom.BackendDraining)) == 0 {
			w.pass(100 * time.Millisecond)
		}
		w.pass(time.Second)
		w.restart()
		w.pass(3 * time.Second)
		w.expectNames("shop-1", "shop-2", "shop-3") // its request is still being served
		w.pass(3 * time.Second)
		w.expectNames("shop-1", "shop-2")
		w.expectOutcomes()
	})
}

// The drain was recorded and the balancers were never told; then the platform cannot be read at first. A replica that
// is in traffic must not be taken for drained because of an old version.
func TestADrainOfWhichTheBalancersWereNotToldIsNotOver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(28)
		w.pass(5 * time.Second)
		w.balancer.set(0)
		w.death.afterDrain()
		for !w.death.dead() {
			w.pass(10 * time.Millisecond)
		}
		if draining := w.balancer.backends(headroom.BackendDraining); len(draining) != 0 {
			t.Fatalf("the balancer knows already that %v drains", draining)
		}
		w.kill()
		healthy := w.platform.Faults()
		blind := healthy
		blind.Blind = true
		w.platform.SetFaults(blind)
		w.balancer.slow = 2 * time.Second
		w.start()
		w.pass(5 * time.Second)
		removed := len(w.platform.Removals())
		w.platform.SetFaults(healthy)
		w.pass(1500 * time.Millisecond)
		if got := len(w.platform.Removals()); got != removed {
			t.Fatalf("a replica was stopped while it was in traffic: %v", w.platform.Removals())
		}
		w.pass(5 * time.Second)
		w.expectNames("shop-1", "shop-2")
	})
}

func TestTheBackOffOutlivesARestartAndEndsWithAnotherCommand(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.platform.SetFaults(fake.Faults{StartDelay: time.Hour})
		w.start()
		for range 40 {
			w.pass(500 * time.Millisecond)
			for _, name := range w.names() {
				w.platform.Crash("shop", name, "exit status 1")
			}
		}
		tried := len(w.platform.Growths())
		if tried > 14 { // two replicas after 0, 1, 2, 4 and 8 s, 20 % more or less
			t.Errorf("in 20 s it was tried %d times", tried)
		}
		if problems := w.status().Problems; !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, "exit status 1") }) {
			t.Errorf("nobody is told why: %q", problems)
		}
		w.restart()
		w.pass(time.Second)
		if got := len(w.platform.Growths()); got != tried {
			t.Errorf("a restart has ended the back-off: %d growths instead of %d", got, tried)
		}
		w.platform.SetFaults(fake.Faults{StartDelay: 300 * time.Millisecond})
		settings := w.config.Services["shop"]
		run := *settings.Run
		run.Command = headroom.Command{"shop", "--works"}
		settings.Run = &run
		w.config = headroom.Config{Services: map[string]headroom.Service{"shop": settings}}
		if err := w.control.Apply(w.config); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		if got := len(w.balancer.backends(headroom.BackendActive)); got != 2 {
			t.Errorf("a second after the command was mended %d replicas are in traffic", got)
		}
	})
}

func TestWithAFullDiskNothingIsDoneAndNothingIsLost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(18)
		w.pass(5 * time.Second)
		w.store.fill(true)
		w.balancer.set(58)
		w.pass(10 * time.Second)
		w.expectNames("shop-1", "shop-2")
		if got := w.status().DesiredReplicas; got != 2 {
			t.Errorf("%d replicas are wanted by a decision that was never recorded", got)
		}
		before := encoded(t, w.config)
		if err := w.control.Apply(headroom.Config{Services: map[string]headroom.Service{
			"static": {Backends: []headroom.StaticBackend{{Address: "127.0.0.1:9001", Weight: 1}}}, "more": shop()}}); err == nil {
			t.Error("a configuration was applied although its backends could not be recorded")
		}
		if encoded(t, w.config) != before || w.status().Kind != "run" {
			t.Error("the old configuration is not in force")
		}
		if _, err := w.control.Status("more"); err == nil {
			t.Error("a service of the refused configuration is there")
		}
		w.store.fill(false)
		w.pass(5 * time.Second)
		if got := w.names(); len(got) != 6 {
			t.Errorf("once there is room the replicas are %v, want 6", got)
		}
		w.expectQuiet()
		w.expectOutcomes()
		if more := w.platform.Truth("more"); len(more) != 0 {
			t.Errorf("the refused service has replicas: %v", more)
		}
	})
}

func TestAfterEverythingWasStoppedTheNextStartDoubtsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(38)
		w.pass(10 * time.Second)
		w.end()
		for _, name := range w.names() {
			if err := w.platform.Shrink(t.Context(), headroom.Removal{Service: "shop", Names: []string{name}}); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(time.Second)
		w.platform.Tick()
		if err := w.control.AllStopped(); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.pass(900 * time.Millisecond)
		w.expectNames("shop-5", "shop-6", "shop-7", "shop-8")
	})
}

// blindly is a platform that does as before and cannot be read.
func blindly(w *world) fake.Faults {
	faults := w.platform.Faults()
	faults.Blind = true
	return faults
}
