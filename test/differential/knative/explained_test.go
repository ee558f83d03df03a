package knative

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom/scaling/kpa"
	"knative.dev/serving/pkg/apis/autoscaling"
	"knative.dev/serving/pkg/autoscaler/config"
)

// Each test shows one difference that docs/compatibility.md explains, on both sides, so that the page stays true.

// pair runs both through the same steps, a second apart.
type pair struct {
	policy kpa.Policy
	theirs *real
	ours   kpa.State
}

func newPair(t *testing.T, change func(*kpa.Policy), pods int) *pair {
	p := kpa.Default()
	p.Target, p.Total = 10, 10
	if change != nil {
		change(&p)
	}
	return &pair{policy: p, theirs: newReal(t, p, false, pods), ours: kpa.Start(p, time.Now(), pods)}
}

func (p *pair) record(load float64, seconds int) {
	for range seconds {
		time.Sleep(time.Second)
		p.theirs.record(time.Now(), load)
		kpa.Record(p.policy, time.Now(), load, &p.ours)
	}
}

func (p *pair) decide(ready int) (theirs, ours int) {
	p.theirs.pods = ready
	return int(p.theirs.scale(time.Now()).DesiredPodCount), kpa.Decide(p.policy, time.Now(), ready, &p.ours).Desired
}

func explained(t *testing.T, what string, theirs, ours, wantTheirs, wantOurs int) {
	t.Helper()
	if theirs != wantTheirs || ours != wantOurs {
		t.Errorf("%s: Knative %d, ours %d; docs/compatibility.md says %d and %d", what, theirs, ours, wantTheirs, wantOurs)
	}
}

func TestExplainedADelayThatChangesWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, func(p *kpa.Policy) { p.ScaleDownDelay = time.Hour }, 0)
		defer p.theirs.close()
		p.record(50, 60)
		theirs, ours := p.decide(5)
		explained(t, "with a delay of an hour", theirs, ours, 5, 5)
		p.policy.ScaleDownDelay = 0
		p.theirs.configure(p.policy)
		p.record(30, 60)
		theirs, ours = p.decide(5)
		explained(t, "without a delay", theirs, ours, 5, 3)
	})
}

func TestExplainedALoadBelowZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil, 0)
		defer p.theirs.close()
		p.record(50, 30)
		p.record(-50, 30)
		theirs, ours := p.decide(5)
		explained(t, "half a minute of 50 and one of -50", theirs, ours, 2, 5)
	})
}

func TestExplainedALoadThatIsNoNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil, 0)
		defer p.theirs.close()
		p.record(50, 59)
		p.record(math.NaN(), 1)
		p.record(50, 100) // the NaN has left the window, and stays in Knative's sum
		p.theirs.pods = 5
		p.theirs.scale(time.Now())
		ours := kpa.Decide(p.policy, time.Now(), 5, &p.ours)
		if !math.IsNaN(p.theirs.stable) || ours.StableLoad != 50 {
			t.Errorf("100 s after a load that is no number Knative averages %v, ours %v", p.theirs.stable, ours.StableLoad)
		}
	})
}

func TestExplainedALoadOverATrillion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil, 0)
		defer p.theirs.close()
		p.record(3e12, 60)
		p.theirs.scale(time.Now())
		ours := kpa.Decide(p.policy, time.Now(), 5, &p.ours)
		if p.theirs.stable != 3e12 || ours.StableLoad != 1e12 {
			t.Errorf("Knative averages %v, ours %v, want 3e12 and 1e12", p.theirs.stable, ours.StableLoad)
		}
	})
}

func TestExplainedWindowsOverAnHour(t *testing.T) {
	configured, err := config.NewConfigFromMap(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, annotation := range []string{autoscaling.WindowAnnotationKey, autoscaling.ScaleDownDelayAnnotationKey} {
		if autoscaling.ValidateAnnotations(context.Background(), configured, map[string]string{annotation: "61m"}) == nil {
			t.Errorf("Knative accepts %s: 61m", annotation)
		}
	}
	p := kpa.Default()
	p.StableWindow = 61 * time.Minute
	var s kpa.State
	kpa.Record(p, time.Now(), 1, &s)
	if n := len(s.Stable.Buckets); n != 3600 {
		t.Errorf("a window of 61 minutes has %d seconds, want an hour", n)
	}
}

func TestExplainedAClockSetBackByAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil, 0)
		defer p.theirs.close()
		p.record(50, 60)
		p.decide(5)
		now := time.Now().Add(-10 * time.Minute)
		for range 60 {
			now = now.Add(time.Second)
			p.theirs.record(now, 30)
			kpa.Record(p.policy, now, 30, &p.ours)
		}
		theirs, ours := p.theirs.scale(now), kpa.Decide(p.policy, now, 5, &p.ours)
		explained(t, "a minute of 30 after the clock was set back", int(theirs.DesiredPodCount), ours.Desired, 5, 3)
	})
}

func TestExplainedAPanicBeforeTheClockWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil, 0)
		defer p.theirs.close()
		p.record(100, 60)
		theirs, ours := p.decide(4)
		explained(t, "in panic", theirs, ours, 10, 10)
		now := time.Now().Add(-10 * time.Minute)
		var last kpa.Decision
		for range 130 { // two stable windows: in the first one ours still panics, for the panic counts as of now
			now = now.Add(time.Second)
			p.theirs.record(now, 70)
			p.theirs.pods = 10
			theirs = int(p.theirs.scale(now).DesiredPodCount)
			last = kpa.Step(p.policy, kpa.Input{Now: now, Load: 70, Measured: true, Ready: 10}, &p.ours)
		}
		explained(t, "130 s after the clock was set back", theirs, last.Desired, 10, 7)
	})
}

// What Go makes of a float64 that does not fit an int32 depends on the processor; it is never the number.
func TestExplainedCountsBeyond32Bits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, func(p *kpa.Policy) { p.Target = 0.01 }, 0)
		defer p.theirs.close()
		p.record(1e8, 60)
		theirs, ours := p.decide(1e7)
		if theirs == math.MaxInt32 || ours != math.MaxInt32 {
			t.Errorf("1e10 pods: Knative %d, ours %d, want the largest of 32 bits", theirs, ours)
		}
	})
}

func TestExplainedAStartThatCannotCountPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil, 0)
		defer p.theirs.close()
		p.theirs.err = errLister
		p.theirs.restart(p.policy)
		p.theirs.err = nil
		p.ours = kpa.State{} // starts at the first step that can count
		p.record(50, 2)
		kpa.Decide(p.policy, time.Now(), -1, &p.ours)
		p.record(0, 58)
		theirs, ours := p.decide(20)
		explained(t, "with 20 pods that could not be counted at first", theirs, ours, 10, 20)
	})
}
