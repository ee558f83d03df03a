package control_test

import (
	"slices"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/platform/fake"
	"headroom.dev/headroom/scaling"
)

func TestTheFirstReplicasAreInTrafficWithinASecond(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(900 * time.Millisecond)
		if got := w.balancer.backends(headroom.BackendActive); !slices.Equal(got, []string{"shop-1", "shop-2"}) {
			t.Fatalf("after 0.9 s the balancer has %v; a replica starts in 0.3 s", got)
		}
	})
}

// 55 requests at once and 10 for each replica are 6 replicas; 5.5 rounded up.
func TestASurgeIsDecidedInItsFirstSecondAndServedInTheNext(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(12)
		w.pass(10 * time.Second)
		w.expectNames("shop-1", "shop-2")

		w.balancer.set(55)
		w.pass(1010 * time.Millisecond)
		if got := w.status().DesiredReplicas; got != 6 {
			t.Fatalf("one second after the surge %d replicas are wanted, want 6", got)
		}
		w.pass(490 * time.Millisecond)
		if got := w.balancer.backends(headroom.BackendActive); len(got) != 6 {
			t.Fatalf("half a second after the decision the balancer has %v", got)
		}
	})
}

func TestAReplicaIsStoppedOnlyAfterItsLastRequestHasEnded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.balancer.slow = 3 * time.Second
		w.start()
		w.balancer.set(38)
		w.pass(10 * time.Second)
		w.expectNames("shop-1", "shop-2", "shop-3", "shop-4")
		w.balancer.set(18)
		for len(w.balancer.backends(headroom.BackendDraining)) == 0 {
			w.pass(100 * time.Millisecond)
		}
		w.pass(1500 * time.Millisecond)
		if removals := w.platform.Removals(); len(removals) != 0 {
			t.Fatalf("%v were stopped while a request was in flight", removals)
		}
		w.pass(25 * time.Second)
		w.expectNames("shop-1", "shop-2")
		for _, removal := range w.platform.Removals() {
			if removal.Grace != headroom.Duration(5*time.Second) {
				t.Errorf("%v has %s to stop, want its stopGracePeriod", removal.Names, removal.Grace)
			}
		}
	})
}

func TestAReplicaThatWillNotDrainIsStoppedAfterTheDrainTimeout(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.balancer.slow = time.Hour
		w.start()
		w.balancer.set(28)
		w.pass(5 * time.Second)
		w.expectNames("shop-1", "shop-2", "shop-3")
		w.balancer.set(8)
		for len(w.balancer.backends(headroom.BackendDraining)) == 0 {
			w.pass(100 * time.Millisecond)
		}
		w.pass(7800 * time.Millisecond) // drainTimeout is 8 s
		w.expectNames("shop-1", "shop-2", "shop-3")
		w.pass(2 * time.Second)
		w.expectNames("shop-1", "shop-2")
	})
}

func TestADrainingReplicaIsTakenBackRatherThanReplaced(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.balancer.slow = time.Hour
		w.start()
		w.balancer.set(28)
		w.pass(5 * time.Second)
		w.balancer.set(8)
		for len(w.balancer.backends(headroom.BackendDraining)) == 0 {
			w.pass(100 * time.Millisecond)
		}
		w.balancer.set(30)
		w.pass(3 * time.Second)
		w.expectNames("shop-1", "shop-2", "shop-3")
		if got := w.balancer.backends(headroom.BackendActive); len(got) != 3 {
			t.Fatalf("the balancer has %v in traffic, want all three again", got)
		}
	})
}

func TestACrashedReplicaIsReplacedAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(30 * time.Second)
		w.platform.Crash("shop", "shop-1", "killed by SIGKILL")
		w.pass(900 * time.Millisecond)
		w.expectNames("shop-2", "shop-3")
		if got := w.balancer.backends(headroom.BackendActive); !slices.Equal(got, []string{"shop-2", "shop-3"}) {
			t.Fatalf("the balancer has %v", got)
		}
	})
}

func TestNothingShrinksWhileTheBalancerIsSilent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(48)
		w.pass(10 * time.Second)
		if len(w.names()) != 5 {
			t.Fatalf("the replicas are %v, want 5", w.names())
		}
		w.balancer.set(0)
		w.balancer.silence(true)
		w.pass(5 * time.Minute)
		if len(w.names()) != 5 {
			t.Fatalf("without any measurement the replicas fell to %v", w.names())
		}
		if got := w.status().LastDecision; got.Code != headroom.CodeUnknown || time.Since(got.At) > 2*time.Second {
			t.Errorf("the last decision is %s, %s ago; want unknown, and one each 1.5 s", got.Code, time.Since(got.At))
		}
		w.balancer.silence(false)
		w.pass(30 * time.Second)
		w.expectNames("shop-1", "shop-2")
	})
}

func TestAHostilePlatformIsNeverMadeWorse(t *testing.T) {
	for name, faults := range map[string]fake.Faults{
		"throttled":       {Throttled: true},
		"blind":           {Blind: true},
		"lies":            {Empty: true},
		"hides":           {Hidden: 2},
		"does not count":  {UnknownCount: true},
		"stale":           {Stale: 10 * time.Second},
		"loses orders":    {LosesOrders: true},
		"loses answers":   {LosesAnswers: true},
		"delays":          {StartDelay: 15 * time.Second, StopDelay: 15 * time.Second},
		"sends no hints":  {Silent: true},
		"has no capacity": {Capacity: 4},
		"has no usage":    {NoUsage: true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				healthy := w.platform.Faults()
				w.start()
				w.balancer.set(38)
				w.pass(10 * time.Second)
				w.expectNames("shop-1", "shop-2", "shop-3", "shop-4")

				if faults.StartDelay == 0 {
					faults.StartDelay, faults.StopDelay = healthy.StartDelay, healthy.StopDelay
				}
				w.platform.SetFaults(faults)
				w.balancer.set(58)
				most, least := 0, 1000
				for range 25 { // the lie of an empty platform is believed after three readings, so it lasts for two
					if faults.Empty {
						w.pass(400 * time.Millisecond)
						w.platform.SetFaults(healthy)
						w.pass(600 * time.Millisecond)
						w.platform.SetFaults(faults)
					} else {
						w.pass(time.Second)
					}
					most, least = max(most, len(w.names())), min(least, len(w.names()))
					if got := w.balancer.backends(headroom.BackendActive); len(got) < 4 && faults.Stale == 0 {
						t.Fatalf("the balancer was left with %v", got)
					}
				}
				if most > 6 || least < 4 {
					t.Errorf("there were %d to %d replicas, while 4 were there and 6 are wanted", least, most)
				}
				w.platform.SetFaults(healthy)
				w.pass(90 * time.Second)
				if got := w.names(); len(got) != 6 {
					t.Errorf("after the platform is well again the replicas are %v, want 6; %v", got, w.status().Problems)
				}
				w.balancer.set(18)
				w.pass(60 * time.Second)
				if got := w.names(); len(got) != 2 {
					t.Errorf("at the end the replicas are %v, want 2; %v", got, w.status().Problems)
				}
				w.expectQuiet()
				w.expectReplays()
			})
		})
	}
}

// A platform that takes an order and forgets it must be asked again.
func TestARemovalThatAPlatformForgotIsOrderedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		healthy := w.platform.Faults()
		w.start()
		w.balancer.set(38)
		w.pass(10 * time.Second)
		forgetful := healthy
		forgetful.LosesOrders = true
		w.platform.SetFaults(forgetful)
		w.balancer.set(18)
		w.pass(30 * time.Second)
		w.platform.SetFaults(healthy)
		w.pass(60 * time.Second)
		w.expectNames("shop-1", "shop-2")
		w.expectQuiet()
	})
}

// A refused removal is tried again, but not written down each time.
func TestAThrottledRemovalIsTriedAgainWithoutFillingTheJournal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(38)
		w.pass(10 * time.Second)
		w.balancer.set(18)
		for len(w.balancer.backends(headroom.BackendDraining)) == 0 {
			w.pass(100 * time.Millisecond)
		}
		before := len(entries[headroom.Operation](w.store, headroom.EntryOperation))
		w.throttleOrders(true)
		w.pass(60 * time.Second)
		if more := len(entries[headroom.Operation](w.store, headroom.EntryOperation)) - before; more > 12 {
			t.Errorf("a minute of throttling has filled the journal with %d entries of operations", more)
		}
		w.throttleOrders(false)
		w.pass(5 * time.Second)
		w.expectNames("shop-1", "shop-2")
	})
}

// expectQuiet fails unless everything that was begun has ended.
func (w *world) expectQuiet() {
	w.t.Helper()
	status := w.status()
	if len(status.Operations) != 0 {
		w.t.Errorf("operations are still open: %s", encoded(w.t, status.Operations))
	}
	if stored := w.store.names("operation"); len(stored) != 0 {
		w.t.Errorf("operations are still stored as open: %v", stored)
	}
	if got, want := w.balancer.backends(headroom.BackendActive), slices.Sorted(slices.Values(w.names())); !slices.Equal(got, want) {
		w.t.Errorf("the balancer has %v and the replicas are %v", got, want)
	}
	if draining := w.balancer.backends(headroom.BackendDraining); len(draining) != 0 {
		w.t.Errorf("%v are still draining", draining)
	}
}

// expectReplays makes every decision of the journal again, from its record alone.
func (w *world) expectReplays() {
	w.t.Helper()
	decisions := entries[headroom.Decision](w.store, headroom.EntryDecision)
	if len(decisions) == 0 {
		w.t.Error("no decision was written down")
	}
	for _, decision := range decisions {
		if again, same := scaling.Replay(decision); !same {
			w.t.Errorf("made again, the decision\n%s\ncomes out as\n%s", encoded(w.t, decision), encoded(w.t, again))
		}
	}
}

// Who looks at the backends between a turn that changes them and the list that tells the balancers must not make them seem told.
func TestLookingAtTheBackendsKeepsNoneOfThemFromTheBalancer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		entries, end := w.control.Entries.Subscribe()
		defer end()
		looking := make(chan struct{})
		defer close(looking)
		go func() {
			for {
				select {
				case <-looking:
					return
				case <-entries: // is sent within a turn
					if _, err := w.control.Backends(""); err != nil {
						t.Error(err)
					}
				}
			}
		}()
		for i, load := range []float64{5, 60, 5, 80, 5, 60, 5} {
			w.balancer.set(load)
			w.pass(40 * time.Second)
			want := slices.Sorted(slices.Values(w.names()))
			if got := w.balancer.backends(headroom.BackendActive); !slices.Equal(got, want) {
				t.Fatalf("after load %d the replicas are %v and the balancer has %v", i, want, got)
			}
		}
	})
}
