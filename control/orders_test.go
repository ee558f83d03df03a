package control_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// also is what the API adds to a change; it keeps the result that it was given.
func also(name string, given *any) headroom.Change {
	return headroom.Change{Also: func(result any) ([]headroom.Write, error) {
		*given = result
		return []headroom.Write{{Put: &headroom.Object{Kind: "also", Name: name, Value: true}}}, nil
	}}
}

func dryRun(t *testing.T) headroom.Change {
	return headroom.Change{DryRun: true, Also: func(any) ([]headroom.Write, error) {
		t.Error("a dry run was written down")
		return nil, nil
	}}
}

func TestAPersonsOrderIsCarriedOutAndEndsByItself(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.balancer.set(18)
		w.pass(5 * time.Second)
		order := headroom.ScaleOrder{Service: "shop", Replicas: 5, For: headroom.Duration(20 * time.Second), By: "ada", Reason: "launch"}

		commits := w.store.count()
		tried, err := w.control.Scale(t.Context(), order, dryRun(t))
		if err != nil || tried.To != 5 || tried.Code != headroom.CodeManual || w.store.count() != commits || w.status().DesiredReplicas != 2 {
			t.Fatalf("the dry run gave %d (%s), %v, and left %d wanted", tried.To, tried.Code, err, w.status().DesiredReplicas)
		}

		var given any
		decision, err := w.control.Scale(t.Context(), order, also("scale", &given))
		if err != nil || decision.To != 5 {
			t.Fatalf("the order gave %d, %v", decision.To, err)
		}
		if w.store.count() != commits+1 || !slices.Contains(w.store.names("also"), "scale") {
			t.Errorf("the order and what the API adds to it took %d commits, want one", w.store.count()-commits)
		}
		if result, is := given.(headroom.Decision); !is || result.ID != decision.ID {
			t.Errorf("the API was given %v", given)
		}
		recorded, _ := w.store.Journal(headroom.JournalQuery{Kind: headroom.EntryDecision, ID: decision.ID})
		if len(recorded) != 1 {
			t.Errorf("the decision that was answered is %d times in the journal", len(recorded))
		}
		w.pass(900 * time.Millisecond)
		w.expectNames("shop-1", "shop-2", "shop-3", "shop-4", "shop-5")
		w.restart()
		w.pass(10 * time.Second)
		if manual := w.status().Manual; manual == nil || manual.By != "ada" || len(w.names()) != 5 {
			t.Errorf("after a restart the order is %v and the replicas are %v", manual, w.names())
		}
		w.pass(30 * time.Second)
		w.expectNames("shop-1", "shop-2")
		if w.status().Manual != nil {
			t.Error("the order is over and still shown")
		}
		w.expectReplays()
		w.expectOutcomes()
	})
}

func TestAnOrderThatCannotBeRecordedOrIsOutOfBoundsChangesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.config.Services["static"] = headroom.Service{Backends: []headroom.StaticBackend{{Address: "127.0.0.1:9001", Weight: 1}}}
		w.start()
		w.pass(5 * time.Second)
		scale := func(order headroom.ScaleOrder) error {
			_, err := w.control.Scale(t.Context(), order, headroom.Change{})
			return err
		}
		var invalid *headroom.InvalidError
		var unknown *headroom.UnknownNameError
		var conflict *headroom.ConflictError
		if err := scale(headroom.ScaleOrder{Service: "shop", Replicas: 11}); !errors.As(err, &invalid) || invalid.Field != "replicas" {
			t.Errorf("11 replicas where 10 are the most: %v", err)
		}
		if err := scale(headroom.ScaleOrder{Service: "shop", Replicas: 1}); !errors.As(err, &invalid) {
			t.Errorf("1 replica where 2 are the least: %v", err)
		}
		if err := scale(headroom.ScaleOrder{Service: "shoop", Replicas: 3}); !errors.As(err, &unknown) || !slices.Contains(unknown.Known, "shop") {
			t.Errorf("a service that does not exist: %v", err)
		}
		if err := scale(headroom.ScaleOrder{Service: "static", Replicas: 3}); !errors.As(err, &conflict) {
			t.Errorf("a service that someone else runs: %v", err)
		}
		w.store.fill(true)
		if err := scale(headroom.ScaleOrder{Service: "shop", Replicas: 4}); !errors.Is(err, errDiskFull) {
			t.Errorf("with a full disk: %v", err)
		}
		w.store.fill(false)
		w.pass(5 * time.Second)
		w.expectNames("shop-1", "shop-2")
		if w.status().Manual != nil {
			t.Error("an order that was refused is in force")
		}
	})
}

func TestPoliciesAreMadeChangedAndKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		shop := w.config.Services["shop"]
		shop.Scaling.Policies = []headroom.ScalingPolicy{{Name: "configured", Metric: headroom.MetricCPU, Threshold: 70, Action: headroom.ActionScaleUp, Step: 1}}
		w.config.Services["shop"] = shop
		w.start()
		made := headroom.Policy{Service: "shop", ScalingPolicy: headroom.ScalingPolicy{
			Name: "busy", Metric: headroom.MetricInFlight, Threshold: 3, Action: headroom.ActionScaleUp}}

		if policy, err := w.control.CreatePolicy(t.Context(), made, dryRun(t)); err != nil || policy.ID != "shop.busy" || policy.Step != 1 {
			t.Fatalf("the dry run gave %+v, %v", policy, err)
		}
		var given any
		if _, err := w.control.CreatePolicy(t.Context(), made, also("policy", &given)); err != nil {
			t.Fatal(err)
		}
		var conflict *headroom.ConflictError
		if _, err := w.control.CreatePolicy(t.Context(), made, headroom.Change{}); !errors.As(err, &conflict) {
			t.Errorf("the same once more: %v", err)
		}
		update := headroom.ScalingPolicy{Metric: headroom.MetricCPU, Threshold: 50, Action: headroom.ActionScaleUp, Step: 2}
		if _, err := w.control.UpdatePolicy(t.Context(), "shop.configured", update, also("update", &given)); err != nil {
			t.Fatal(err)
		}
		w.balancer.set(8) // 4 each: over the threshold of 3, far under the target of 10
		w.pass(12 * time.Second)
		if got := w.status().DesiredReplicas; got < 3 {
			t.Errorf("the new policy does nothing: %d replicas are wanted", got)
		}
		w.restart()
		w.pass(time.Second)
		policies, err := w.control.Policies("shop")
		if err != nil || len(policies) != 2 || policies[0].Threshold != 50 || policies[0].Source != headroom.SourceConfig || policies[1].ID != "shop.busy" {
			t.Errorf("after a restart the policies are %s, %v", encoded(t, policies), err)
		}
		if got := len(w.status().Scaling.Policies); got != 2 {
			t.Errorf("%d policies are in force", got)
		}
		if also := w.store.names("also"); !slices.Equal(also, []string{"policy", "update"}) {
			t.Errorf("what the API adds is stored for %v", also)
		}
	})
}

// UpdatePolicy once dereferenced the command of a service that has none any more.
func TestAPolicyOfAServiceThatIsNoLongerRunCanBeChanged(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		policy := headroom.ScalingPolicy{Name: "cpu", Metric: headroom.MetricCPU, Threshold: 70, Action: headroom.ActionScaleUp, Step: 1}
		w.start()
		w.pass(time.Second)
		w.config.Services = map[string]headroom.Service{"shop": {
			Backends: []headroom.StaticBackend{{Address: "127.0.0.1:9001", Weight: 1}}, Scaling: headroom.Scaling{Policies: []headroom.ScalingPolicy{policy}}}}
		if err := w.control.Apply(w.config); err != nil {
			t.Fatal(err)
		}
		if _, err := w.control.UpdatePolicy(t.Context(), "shop.cpu", policy, headroom.Change{}); err != nil {
			t.Error(err)
		}
		w.pass(15 * time.Second)
		w.expectNames()
		if got := w.balancer.backends(headroom.BackendActive); !slices.Equal(got, []string{headroom.StaticBackendID("shop", "127.0.0.1:9001")}) {
			t.Errorf("the balancer has %v", got)
		}
	})
}

func TestBackendsAreAddedChangedRemovedAndKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(time.Second)
		c := w.control
		backend := headroom.Backend{Service: "shop", Address: "127.0.0.1:9001", Weight: 1}
		if _, err := c.AddBackend(t.Context(), backend, dryRun(t)); err != nil {
			t.Fatal(err)
		}
		var given any
		added, err := c.AddBackend(t.Context(), backend, also("add", &given))
		if err != nil || given.(headroom.Backend).ID != added.ID {
			t.Fatalf("added %v, %v; the API was given %v", added, err, given)
		}
		weight, draining := 3, headroom.BackendDraining
		if _, err := c.UpdateBackend(t.Context(), added.ID, headroom.BackendUpdate{Weight: &weight}, also("update", &given)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.UpdateBackend(t.Context(), "shop-1", headroom.BackendUpdate{State: &draining}, headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		if got := w.balancer.backends(headroom.BackendActive); !slices.Equal(got, []string{"shop-2", added.ID}) && !slices.Equal(got, []string{added.ID, "shop-2"}) {
			t.Errorf("the balancer has %v in traffic", got)
		}
		w.restart()
		w.pass(time.Second)
		all, _ := w.control.Backends("shop")
		kept := map[string]headroom.Backend{}
		for _, status := range all {
			kept[status.ID] = status.Backend
		}
		if kept[added.ID].Weight != 3 || kept["shop-1"].State != headroom.BackendDraining || len(kept) != 3 {
			t.Errorf("after a restart there are %s", encoded(t, kept))
		}

		var conflict *headroom.ConflictError
		if err := w.control.RemoveBackend(t.Context(), "shop-1", headroom.Change{}); !errors.As(err, &conflict) {
			t.Errorf("a replica was removed as a backend: %v", err)
		}
		if err := w.control.RemoveBackend(t.Context(), added.ID, also("remove", &given)); err != nil || given != nil {
			t.Errorf("removing it: %v; the API was given %v", err, given)
		}
		w.platform.Crash("shop", "shop-1", "exit status 1")
		w.pass(3 * time.Second)
		if left := w.store.names("backend"); len(left) != 0 {
			t.Errorf("what was changed of backends that are gone is still stored: %v", left)
		}
		if also := w.store.names("also"); !slices.Equal(also, []string{"add", "remove", "update"}) {
			t.Errorf("what the API adds is stored for %v", also)
		}
	})
}

// What the config file may not hold, the API may not make of it.
func TestOrdersAreHeldToTheRulesOfTheConfigFile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.pass(time.Second)
		c := w.control
		add := func(address string, weight int) error {
			_, err := c.AddBackend(t.Context(), headroom.Backend{Service: "shop", Address: address, Weight: weight}, headroom.Change{})
			return err
		}
		update := func(update headroom.BackendUpdate) error {
			_, err := c.UpdateBackend(t.Context(), "shop-1", update, headroom.Change{})
			return err
		}
		policy := func(edit func(*headroom.ScalingPolicy)) error {
			made := headroom.ScalingPolicy{Name: "busy", Metric: headroom.MetricCPU, Threshold: 70, Action: headroom.ActionScaleUp}
			edit(&made)
			_, err := c.CreatePolicy(t.Context(), headroom.Policy{Service: "shop", ScalingPolicy: made}, headroom.Change{})
			return err
		}
		tooHeavy, asleep := 1001, headroom.BackendState("asleep")
		for field, errs := range map[string][]error{
			"address":   {add("", 1), add("127.0.0.1", 1), add(":9001", 1), add("127.0.0.1:0", 1), add("-a:1", 1), add("http://127.0.0.1:1", 1)},
			"weight":    {add("127.0.0.1:9001", -1), add("127.0.0.1:9001", 1001), update(headroom.BackendUpdate{Weight: &tooHeavy})},
			"state":     {update(headroom.BackendUpdate{State: &asleep})},
			"name":      {policy(func(p *headroom.ScalingPolicy) { p.Name = "" }), policy(func(p *headroom.ScalingPolicy) { p.Name = "a.b" })},
			"metric":    {policy(func(p *headroom.ScalingPolicy) { p.Metric = "memroy" })},
			"action":    {policy(func(p *headroom.ScalingPolicy) { p.Action = "" })},
			"threshold": {policy(func(p *headroom.ScalingPolicy) { p.Threshold = math.NaN() })},
			"step":      {policy(func(p *headroom.ScalingPolicy) { p.Step = -1 }), policy(func(p *headroom.ScalingPolicy) { p.Step = 1001 })},
		} {
			for i, err := range errs {
				var invalid *headroom.InvalidError
				if !errors.As(err, &invalid) || invalid.Field != field {
					t.Errorf("case %d of %s: got %v", i, field, err)
				}
			}
		}
		if backends, _ := c.Backends("shop"); len(backends) != 2 || len(w.status().Scaling.Policies) != 0 {
			t.Errorf("what was refused was done: %s", encoded(t, w.status()))
		}
	})
}

// The balancers refuse a table in which two backends have one ID, and with it every later one.
func TestAnAddressThatIsAlsoWrittenInTheConfigFileIsThereOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		static := headroom.Service{Backends: []headroom.StaticBackend{{Address: "127.0.0.1:9001", Weight: 1}}}
		w.config.Services["static"] = static
		w.start()
		w.pass(time.Second)
		if _, err := w.control.AddBackend(t.Context(), headroom.Backend{Service: "static", Address: "127.0.0.1:9002", Weight: 1}, headroom.Change{}); err != nil {
			t.Fatal(err)
		}
		static.Backends = append(static.Backends, headroom.StaticBackend{Address: "127.0.0.1:9002", Weight: 1})
		w.config = headroom.Config{Services: maps.Clone(w.config.Services)}
		w.config.Services["static"] = static
		if err := w.control.Apply(w.config); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		want := []string{"shop-1", "shop-2", headroom.StaticBackendID("static", "127.0.0.1:9001"), headroom.StaticBackendID("static", "127.0.0.1:9002")}
		if got := w.balancer.backends(headroom.BackendActive); !slices.Equal(got, want) {
			t.Errorf("the balancer has %v, want %v", got, want)
		}
	})
}

func TestAServiceThatIsRemovedIsDrainedAndForgotten(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.balancer.slow = 3 * time.Second
		w.start()
		w.balancer.set(28)
		w.pass(5 * time.Second)
		w.balancer.set(18)
		if err := w.control.Apply(headroom.Config{}); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Second)
		w.expectNames("shop-1", "shop-2", "shop-3")
		if got := w.balancer.backends(headroom.BackendDraining); len(got) != 3 {
			t.Errorf("%v are draining, want all", got)
		}
		w.pass(5 * time.Second)
		w.expectNames()
		if left := append(w.store.names("service"), w.store.names("operation")...); len(left) != 0 {
			t.Errorf("%v is still remembered", left)
		}
		if err := w.control.Apply(w.config); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		w.expectTwo(t)
	})
}

func TestAServiceThatComesBackWhileItIsDrainedKeepsItsReplicas(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.balancer.slow = 5 * time.Second
		w.start()
		w.balancer.set(28)
		w.pass(5 * time.Second)
		before := w.names()
		if err := w.control.Apply(headroom.Config{}); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Second)
		if err := w.control.Apply(w.config); err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Second)
		w.expectNames(before...)
		if got := w.balancer.backends(headroom.BackendActive); len(got) != 3 {
			t.Errorf("the balancer has %v in traffic, want all", got)
		}
	})
}

// It was removed before anything of it had been stored; its loop went on and started replicas of it.
func TestAServiceThatIsRemovedAtOnceStartsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.platform.SetFaults(blindly(w))
		w.start()
		w.pass(2 * time.Second)
		if err := w.control.Apply(headroom.Config{}); err != nil {
			t.Fatal(err)
		}
		healthy := w.platform.Faults()
		healthy.Blind = false
		w.platform.SetFaults(healthy)
		w.pass(10 * time.Second)
		if growths := w.platform.Growths(); len(growths) != 0 {
			t.Errorf("a service that is not configured got %s", encoded(t, growths))
		}
	})
}

func TestAChangedCommandReplacesReplicasOneByOneWithoutAGap(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.balancer.slow = time.Second
		w.start()
		w.balancer.set(28)
		w.pass(5 * time.Second)
		settings := w.config.Services["shop"]
		run := *settings.Run
		run.Command = headroom.Command{"shop", "--new"}
		settings.Run = &run
		if err := w.control.Apply(headroom.Config{Services: map[string]headroom.Service{"shop": settings}}); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			w.pass(100 * time.Millisecond)
			if got := w.balancer.backends(headroom.BackendActive); len(got) < 3 || len(w.names()) > 5 {
				t.Fatalf("in the middle the balancer has %v, and the replicas are %v", got, w.names())
			}
		}
		w.expectNames("shop-4", "shop-5", "shop-6")
		w.expectQuiet()
	})
}

func TestEveryEventIsOneSentenceForAPerson(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start()
		w.story(func() {})
		kinds := map[string]bool{}
		for _, event := range entries[headroom.Event](w.store, headroom.EntryEvent) {
			kinds[event.Type] = true
			if event.Message == "" || event.Message[len(event.Message)-1] != '.' {
				t.Errorf("%s says %q", event.Type, event.Message)
			}
		}
		for _, kind := range []string{"decision", "scaled", "replica-ready", "replica-exited", "replica-draining", "replica-stopped"} {
			if !kinds[kind] {
				t.Errorf("nobody was told of a %s", kind)
			}
		}
		for _, outcome := range entries[json.RawMessage](w.store, headroom.EntryOutcome) {
			if len(outcome) == 0 {
				t.Error("an outcome is empty")
			}
		}
	})
}

func TestAMendedCommandDoesNotWaitForTheReplicasOfTheBrokenOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		faults := w.platform.Faults()
		faults.NeverReady = true
		w.platform.SetFaults(faults)
		w.start()
		w.pass(3 * time.Second)
		broken := w.names()
		settings := w.config.Services["shop"]
		run := *settings.Run
		run.Command = headroom.Command{"shop", "--mended"}
		settings.Run = &run
		if err := w.control.Apply(headroom.Config{Services: map[string]headroom.Service{"shop": settings}}); err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Second) // startTimeout is 20 s
		faults.NeverReady = false
		w.platform.SetFaults(faults)
		w.pass(time.Second)
		for _, name := range w.names() {
			if slices.Contains(broken, name) {
				t.Errorf("%s of the broken command is there still, of %v", name, w.names())
			}
		}
		if status := w.status(); status.ReadyReplicas == nil || *status.ReadyReplicas != status.DesiredReplicas {
			t.Errorf("ready are %v; expected %d", status.ReadyReplicas, status.DesiredReplicas)
		}
	})
}
