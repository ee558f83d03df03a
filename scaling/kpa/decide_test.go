package kpa

import (
	"math"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// feed records a load for so many seconds, up to and with the second before now, and returns now.
func feed(p Policy, s *State, from time.Time, seconds int, load float64) time.Time {
	for i := range seconds {
		Record(p, from.Add(time.Duration(i)*time.Second), load, s)
	}
	return from.Add(time.Duration(seconds) * time.Second)
}

func ten() Policy {
	p := Default()
	p.Target, p.Total = 10, 10
	return p
}

func TestDesiredIsTheLoadOverTheTargetWithinRates(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*Policy)
		load    float64
		ready   int
		desired int
		bound   Bound
	}{
		{"a part of a pod is a pod", nil, 41, 5, 5, BoundNone},
		{"exactly four pods", nil, 40, 5, 4, BoundNone},
		{"no load and one pod", nil, 0, 1, 0, BoundNone},
		{"no load: at least half of ten stay", nil, 0, 10, 5, BoundScaleDownRate},
		{"no load: half of three is one", nil, 0, 3, 1, BoundScaleDownRate},
		{"no route: all may go at once", func(p *Policy) { p.Unreachable = true }, 0, 10, 0, BoundNone},
		{"one pod may become a thousand", nil, 1e6, 1, 1000, BoundScaleUpRate},
		{"no pod counts as one", nil, 1e6, 0, 1000, BoundScaleUpRate},
		// Knative's own example: MSUR=1.1, OCC=3, RPC=2, TV=1: a limit of 2.2 must still let the third pod come.
		{"a small rate still adds a pod", func(p *Policy) { p.Target, p.MaxScaleUpRate = 1, 1.1 }, 3, 2, 3, BoundNone},
		{"a small rate adds no second one", func(p *Policy) { p.Target, p.MaxScaleUpRate = 1, 1.1 }, 5, 3, 4, BoundScaleUpRate},
		{"activation lifts one to three", func(p *Policy) { p.ActivationScale = 3 }, 5, 1, 3, BoundActivationScale},
		{"activation does not lift none", func(p *Policy) { p.ActivationScale = 3 }, 0, 1, 0, BoundNone},
		{"activation does not lower", func(p *Policy) { p.ActivationScale = 3 }, 70, 4, 7, BoundNone},
		{"activation goes over the rate", func(p *Policy) { p.ActivationScale, p.MaxScaleUpRate = 30, 2 }, 75, 5, 30, BoundActivationScale},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := ten()
			if test.change != nil {
				test.change(&p)
			}
			s := Start(p, noon, 0) // a start with pods is a start in panic
			d := Decide(p, feed(p, &s, noon, 60, test.load).Add(-time.Second), test.ready, &s)
			if !d.Known || d.Desired != test.desired {
				t.Errorf("desired %d, want %d: %+v", d.Desired, test.desired, d)
			}
			if !d.Panic && d.Bound != test.bound {
				t.Errorf("bound by %q, want %q", d.Bound, test.bound)
			}
		})
	}
}

// 2 ready pods of 10 and a threshold of 2: panic from 4 pods on, that is from over 30 in flight.
func TestPanicBeginsAtTheThreshold(t *testing.T) {
	for load, panics := range map[float64]bool{30: false, 30.1: true, 40: true} {
		p := ten()
		s := Start(p, noon, 0)
		now := feed(p, &s, noon, 60, load).Add(-time.Second)
		if d := Decide(p, now, 2, &s); d.Panic != panics {
			t.Errorf("at %v in flight on 2 pods of 10 panic is %v, want %v", load, d.Panic, panics)
		}
	}
}

func TestPanicNeverShrinksUntilAStableWindowHasPassed(t *testing.T) {
	p := ten()
	s := Start(p, noon, 1)
	now := feed(p, &s, noon, 60, 10)
	if d := Decide(p, now, 1, &s); d.Panic || d.Desired != 1 {
		t.Fatalf("at rest: %+v", d)
	}
	now = feed(p, &s, now, 6, 100) // the panic window is all surge; the stable one has 54 s of 10: (54*10 + 6*100)/60 = 19
	d := Decide(p, now.Add(-time.Second), 1, &s)
	if !d.Panic || d.Desired != 10 || d.StablePods != 2 || d.PanicPods != 10 {
		t.Fatalf("in the surge: %+v", d)
	}
	began := s.PanicSince

	now = feed(p, &s, now, 55, 10)
	d = Decide(p, now, 10, &s)
	if !d.Panic || d.Desired != 10 || d.Bound != BoundPanic {
		t.Errorf("after the surge: %+v", d)
	}
	// Exactly a stable window after it began panic still holds; a moment later it ends: 6 seconds of surge have just left the average.
	feed(p, &s, now, 10, 10)
	if d = Decide(p, began.Add(60*time.Second), 10, &s); !d.Panic {
		t.Errorf("a stable window after panic began it has ended: %+v", d)
	}
	if d = Decide(p, began.Add(60*time.Second+time.Millisecond), 10, &s); d.Panic || d.Desired != 5 || d.Bound != BoundScaleDownRate {
		t.Errorf("panic did not end, or not at half of ten: %+v", d)
	}
}

func TestAStartWithPodsKeepsThemForAStableWindow(t *testing.T) {
	p := ten()
	s := Start(p, noon, 8)
	now := feed(p, &s, noon, 3, 10)
	d := Decide(p, now, 8, &s)
	if !d.Panic || d.Desired != 8 || d.Bound != BoundPanic || d.StablePods != 1 {
		t.Errorf("after a restart with 8 pods: %+v", d)
	}
}

func TestAZeroStateStartsItself(t *testing.T) {
	p := ten()
	var s State
	if d := Step(p, Input{Now: noon, Ready: -1}, &s); d.Known || d.Desired != -1 || d.Bound != BoundNoReady || s.Started {
		t.Errorf("nothing is known yet: %+v", d)
	}
	d := Step(p, Input{Now: noon.Add(2 * time.Second), Ready: 8, Load: 10, Measured: true}, &s)
	if !d.Known || !d.Panic || d.Desired != 8 {
		t.Errorf("the first step with 8 pods ready does not keep them: %+v", d)
	}
}

func TestUnknownInputKeepsTheLastDecision(t *testing.T) {
	p := ten()
	s := Start(p, noon, 0)
	now := feed(p, &s, noon, 60, 35)
	if d := Decide(p, now, 4, &s); d.Desired != 4 {
		t.Fatal(d)
	}
	if d := Decide(p, now, -1, &s); d.Known || d.Desired != 4 || d.Bound != BoundNoReady {
		t.Errorf("ready pods that cannot be counted: %+v", d)
	}
	// The last value is of 12:00:59; more than 60 s later there is none.
	silent := noon.Add(2 * time.Minute)
	if d := Decide(p, silent, 4, &s); d.Known || d.Desired != 4 || d.Bound != BoundNoLoad {
		t.Errorf("a minute without values: %+v", d)
	}
	p.SilenceIsZero = true
	if d := Decide(p, silent, 4, &s); !d.Known || d.Desired != 2 || d.Bound != BoundScaleDownRate {
		t.Errorf("silence that means no load: %+v", d)
	}
}

func TestScaleDownDelayHoldsTheLargestCount(t *testing.T) {
	p := ten()
	p.ScaleDownDelay, p.StableWindow, p.PanicWindow, p.PanicThreshold = 10*time.Second, time.Second, time.Second, 1000
	p.MaxScaleDownRate = 100
	var s State
	wanted := []float64{50, 50, 30, 30, 80, 20, 20, 20, 20, 20, 20}
	held := []int{5, 5, 5, 5, 8, 8, 8, 8, 8, 2, 2} // of 5 ticks of 2 s: the 8 of second 8 counts until second 16
	for i, load := range wanted {
		now := noon.Add(time.Duration(i) * 2 * time.Second)
		d := Step(p, Input{Now: now, Load: load, Measured: true, Ready: 1}, &s)
		if d.Desired != held[i] {
			t.Errorf("at second %d desired %d, want %d", 2*i, d.Desired, held[i])
		}
		if late := float64(d.Desired) > load/10; late != (d.Bound == BoundScaleDownDelay) {
			t.Errorf("at second %d bound by %q", 2*i, d.Bound)
		}
	}
	p.Unreachable = true
	if d := Step(p, Input{Now: noon.Add(22 * time.Second), Load: 0, Measured: true, Ready: 1}, &s); d.Desired != 0 {
		t.Errorf("an unreachable revision waits for the delay: %+v", d)
	}
}

func TestExcessBurstIsWhatFitsBesideLoadAndBurst(t *testing.T) {
	tests := []struct {
		name  string
		burst float64
		ready int
		load  float64
		want  int
	}{
		{"none asked for", 0, 1, 1000, 0},
		{"all that may come", -1, 1000, 0, -1},
		{"30 pods of 10 hold 211 beside 50", 211, 30, 50, 39},
		{"20 pods do not", 211, 20, 50, -61},
		{"no pods", 211, 0, 0, -211},
		{"rounded down", 211, 30, 50.5, 38},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := ten()
			p.TargetBurstCapacity = test.burst
			s := Start(p, noon, 0)
			now := feed(p, &s, noon, 60, test.load)
			if d := Decide(p, now.Add(-time.Second), test.ready, &s); d.ExcessBurst != test.want {
				t.Errorf("excess burst %d, want %d", d.ExcessBurst, test.want)
			}
		})
	}
	// Before the first decision: 3 pods of 10 and a burst of 211.
	p := ten()
	p.InitialScale = 3
	if s := Start(p, noon, 0); s.Last.ExcessBurst != -181 || s.Last.Desired != -1 {
		t.Errorf("at the start: %+v", s.Last)
	}
}

func TestStepDecidesOnAGridAndAtOnceFromZero(t *testing.T) {
	p := ten()
	var s State
	step := func(second float64, load float64) Decision {
		now := noon.Add(time.Duration(second * float64(time.Second)))
		return Step(p, Input{Now: now, Load: load, Measured: true, Ready: 1}, &s)
	}
	step(0, 0)
	if d := step(1, 50); d.Desired != 3 { // poked: nothing was wanted, and (0+50)/2 is 25 in flight
		t.Errorf("from zero: %+v", d)
	}
	if step(2, 0); s.DecidedAt != noon.Add(2*time.Second) {
		t.Error("no decision at the start of a tick")
	}
	if step(3.999, 0); s.DecidedAt != noon.Add(2*time.Second) {
		t.Error("a decision within a tick")
	}
	if step(4.001, 0); s.DecidedAt != noon.Add(4001*time.Millisecond) {
		t.Error("no decision in the next tick, though less than 2 s have passed since a late one")
	}
}

func TestLoadThatCannotBeIsNotMeasured(t *testing.T) {
	for _, load := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1} {
		p := ten()
		s := Start(p, noon, 0)
		feed(p, &s, noon, 60, 35)
		Record(p, noon.Add(time.Minute), load, &s)
		if d := Decide(p, noon.Add(time.Minute), 4, &s); d.StableLoad != 35 {
			t.Errorf("a load of %v changed the average to %v", load, d.StableLoad)
		}
	}
}

func TestAClockThatIsSetBackDoesNotFreeze(t *testing.T) {
	p := ten()
	p.ScaleDownDelay = 30 * time.Second
	s := Start(p, noon, 0)
	now := feed(p, &s, noon, 60, 200)
	if d := Decide(p, now, 1, &s); !d.Panic || d.Desired != 20 {
		t.Fatal(d)
	}
	back := now.Add(-time.Hour)
	for range 200 {
		Step(p, Input{Now: back, Load: 10, Measured: true, Ready: 2}, &s)
		back = back.Add(time.Second)
	}
	if d := s.Last; d.Panic || d.Desired != 1 {
		t.Errorf("200 s after the clock was set back by an hour: %+v", d)
	}
}
