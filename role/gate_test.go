package role

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api"
)

// gatedShop is a service of 50 requests/s per replica, so of 71.4 at most.
func gatedShop(service string) (headroom.Service, error) {
	return headroom.Service{
		Run: &headroom.Run{StartTimeout: headroom.Duration(time.Minute)},
		Scaling: headroom.Scaling{Enabled: true, MinReplicas: 1, MaxReplicas: 20, TargetRequestsPerSecond: 50, Tolerance: 0.1, LatencyQuantile: 0.95,
			StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5, ScaleDownCooldown: headroom.Duration(5 * time.Minute),
			Signals: map[headroom.Metric]headroom.SignalFrom{"queue": {}}},
		Objective: headroom.Objective{Availability: 99.9, Latency: headroom.Duration(250 * time.Millisecond), LatencyShare: 99},
	}, nil
}

// recorded is a monitor that counted 200 requests/s for the last so long.
func recorded(length time.Duration) func(context.Context, string, time.Time, time.Time, time.Duration) (headroom.QueryResult, error) {
	return func(_ context.Context, _ string, from, to time.Time, step time.Duration) (headroom.QueryResult, error) {
		var series headroom.Series
		for at := from; !at.After(to); at = at.Add(step) {
			if to.Sub(at) <= length {
				series.Points = append(series.Points, headroom.Point{At: at, Value: new(200.0)})
			}
		}
		return headroom.QueryResult{Series: []headroom.Series{series}}, nil
	}
}

func gateOn(length time.Duration) *gate {
	g := newGate(gatedShop, remoteMonitor{})
	g.query = recorded(length)
	return g
}

func always(replicas string) headroom.ScalingPolicy {
	return headroom.ScalingPolicy{Name: "always", Rule: &headroom.RulePolicy{When: "true", Replicas: replicas}}
}

func hour(change func(*headroom.Gate)) headroom.Gate {
	demand := headroom.Gate{History: headroom.Duration(time.Hour), MoreOutside: 0.01, MoreCost: 1}
	if change != nil {
		change(&demand)
	}
	return demand
}

func TestAGateComparesAChangeWithWhatIsInForceOnWhatWasMeasured(t *testing.T) {
	t.Parallel()
	g := gateOn(time.Hour)
	trial, err := g.try(t.Context(), "shop", always("2"), hour(nil))
	if err != nil {
		t.Fatal(err)
	}
	r := trial.Report
	// 4 replicas are at their target with 200 requests/s, and 2 more than nothing change that no second: an hour is 4 replica-hours.
	if !r.Passed || r.Current != r.Proposed || math.Abs(r.Current.ReplicaHours-4) > 0.5 || math.Abs(r.Current.Requests-200*3600) > 5000 {
		t.Errorf("a rule that never has the largest number: %+v", r)
	}
	if len(trial.Current.Policies) != 0 || trial.Current.MaxReplicas != 20 {
		t.Errorf("in force was %+v, want the settings", trial.Current)
	}
	// 8 all the time are twice as many.
	trial, err = g.try(t.Context(), "shop", always("8"), hour(nil))
	if r := trial.Report; err != nil || r.Passed || len(r.Reasons) != 1 || !strings.Contains(r.Reasons[0], "replica-hours") || r.Proposed.ReplicaHours < 7.5 {
		t.Errorf("twice the replicas: %+v, %v", r, err)
	}
	trial, err = g.try(t.Context(), "shop", always("8"), hour(func(d *headroom.Gate) { d.MoreCost = 150 }))
	if err != nil || !trial.Report.Passed {
		t.Errorf("150 %% more are allowed: %+v, %v", trial.Report, err)
	}
}

func TestAGateTakesALoadAndAModelOfItsOwn(t *testing.T) {
	t.Parallel()
	g := gateOn(0)
	demand := headroom.Gate{Load: "time,value\n0,200\n1200,200\n", MoreOutside: 0.01, MoreCost: 1, Capacity: 100}
	trial, err := g.try(t.Context(), "shop", always("2"), demand)
	if err != nil || !trial.Report.Passed || trial.Report.To.Unix() != 1200 || len(trial.Report.Notes) != 0 {
		t.Errorf("%+v, %v", trial.Report, err)
	}
}

func TestAGateSaysHowMuchOfItsHistoryThereIs(t *testing.T) {
	t.Parallel()
	trial, err := gateOn(5*time.Minute).try(t.Context(), "shop", always("2"), hour(nil))
	notes := strings.Join(trial.Report.Notes, "\n")
	if err != nil || !strings.Contains(notes, "Of the 1h that were asked for, 5m were measured.") || !strings.Contains(notes, "capacity is taken to be 71.43 requests/s") {
		t.Errorf("notes %q, %v", notes, err)
	}
}

// While a signal is unknown nothing shrinks: with a policy on one and the target on memory both sides would keep the replicas of the first minute.
func TestWhatIsInForceOnSignalsThatNoLoadHasIsLeftOutOnBothSides(t *testing.T) {
	t.Parallel()
	g := gateOn(time.Hour)
	g.settings = func(service string) (headroom.Service, error) {
		settings, err := gatedShop(service)
		settings.Scaling.TargetMemoryUtilization = 80
		settings.Scaling.Policies = []headroom.ScalingPolicy{{Name: "work", Target: &headroom.TargetPolicy{Metric: "queue", AverageValue: 5}}}
		return settings, err
	}
	falling := headroom.Gate{Load: "0,800\n600,200\n7200,200", MoreOutside: 0.01, MoreCost: 1}
	trial, err := g.try(t.Context(), "shop", always("2"), falling)
	if err != nil {
		t.Fatal(err)
	}
	// 16 replicas for a moment, and 4 for most of two hours.
	if r := trial.Report; !r.Passed || r.Current.ReplicaHours > 14 || len(r.Notes) < 2 || !strings.Contains(r.Notes[0], "policy work is left out") || !strings.Contains(r.Notes[1], "targetMemoryUtilization") {
		t.Errorf("%+v", r)
	}
	if trial.Current.TargetMemoryUtilization != 80 || trial.Current.Policies[0].Shadow {
		t.Errorf("what is in force was changed: %+v", trial.Current)
	}
}

func TestWhatAGateCannotTryIsNamed(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		what     string
		policy   headroom.ScalingPolicy
		change   func(*headroom.Gate)
		measured time.Duration
		field    string
		says     string
	}{
		{"a signal of a user's own", headroom.ScalingPolicy{Name: "q", Target: &headroom.TargetPolicy{Metric: "queue", AverageValue: 5}}, nil, time.Hour, "gate", "on queue"},
		{"one in a rule", headroom.ScalingPolicy{Name: "q", Rule: &headroom.RulePolicy{When: "signal.queue.total > 5", Replicas: "3"}}, nil, time.Hour, "gate", "on queue"},
		{"nothing measured", always("2"), nil, 0, "gate.history", "nothing was measured"},
		{"too little measured", always("2"), nil, 30 * time.Second, "gate.history", "lasts 30s"},
		{"a load that is none", always("2"), func(d *headroom.Gate) { d.History, d.Load = 0, "a,b\nc,d" }, 0, "gate.load", "line 2"},
		{"a load of a century", always("2"), func(d *headroom.Gate) { d.History, d.Load = 0, "0,1\n3155760000,1" }, 0, "gate.load", "expected 1m to 31d"},
		{"more than any service takes", always("2"), func(d *headroom.Gate) { d.History, d.Load = 0, "0,1e300\n100,1e300" }, 0, "gate.load", "requests/s"},
		{"a boot beyond startTimeout", always("2"), func(d *headroom.Gate) { d.Boot = headroom.Duration(2 * time.Minute) }, time.Hour, "gate", "startTimeout 1m"},
	} {
		_, err := gateOn(one.measured).try(t.Context(), "shop", one.policy, hour(one.change))
		var invalid *headroom.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != one.field || !strings.Contains(invalid.Expected, one.says) {
			t.Errorf("%s: %v", one.what, err)
		}
	}
}

func TestAGateWithoutATargetOnRequestsNeedsTheCapacity(t *testing.T) {
	t.Parallel()
	g := gateOn(time.Hour)
	g.settings = func(service string) (headroom.Service, error) {
		settings, err := gatedShop(service)
		settings.Scaling.TargetRequestsPerSecond, settings.Scaling.TargetCPUUtilization = 0, 70
		return settings, err
	}
	_, err := g.try(t.Context(), "shop", always("2"), hour(nil))
	var invalid *headroom.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "gate.capacity" {
		t.Errorf("%v", err)
	}
	if _, err := g.try(t.Context(), "shop", always("2"), hour(func(d *headroom.Gate) { d.Capacity = 70 })); err != nil {
		t.Errorf("with it: %v", err)
	}
}

// Of requests with a gate one runs and three wait; who has gone away leaves the line, and nobody waits for longer than the limit.
func TestGatesRunOneAtATimeAndDoNotPileUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := gateOn(time.Hour)
		g.query = func(ctx context.Context, _ string, _, _ time.Time, _ time.Duration) (headroom.QueryResult, error) {
			<-ctx.Done() // a monitor that hangs
			return headroom.QueryResult{}, fmt.Errorf("ask the monitor: %w", ctx.Err())
		}
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := g.try(ctx, "shop", always("2"), hour(nil))
			left <- err
		}()
		results := make(chan error, 3)
		synctest.Wait()
		for range 3 {
			go func() {
				_, err := g.try(t.Context(), "shop", always("2"), hour(nil))
				results <- err
			}()
		}
		synctest.Wait()
		if _, err := g.try(t.Context(), "shop", always("2"), hour(nil)); !errors.Is(err, api.ErrUnavailable) {
			t.Errorf("the fifth: %v, want that it is to come again", err)
		}
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who went away: %v", err)
		}
		began := time.Now()
		for range 3 {
			var invalid *headroom.InvalidError
			if err := <-results; !errors.As(err, &invalid) || invalid.Field != "gate.history" || !strings.Contains(invalid.Expected, "not done within 45s") {
				t.Errorf("one that had no time left: %v", err)
			}
		}
		if took := time.Since(began); took != gateLimit {
			t.Errorf("the last was answered after %s, want %s", took, gateLimit)
		}
	})
}
