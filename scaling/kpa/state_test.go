package kpa

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"
)

func TestACloneIsNotChangedBySteps(t *testing.T) {
	p := ten()
	p.ScaleDownDelay = time.Minute
	s := Start(p, noon, 0)
	now := feed(p, &s, noon, 60, 35)
	Decide(p, now, 4, &s)
	clone := s.Clone()
	before, _ := json.Marshal(clone)
	for i := range 100 {
		Step(p, Input{Now: now.Add(time.Duration(i) * time.Second), Load: float64(1000 - i), Measured: true, Ready: 4}, &s)
	}
	if after, _ := json.Marshal(clone); string(after) != string(before) {
		t.Errorf("the clone was %s and is %s", before, after)
	}
}

// A delay keeps falling counts, at most one for each tick: the worst case is a count that falls for ever.
func TestAStateIsBoundedByItsWindows(t *testing.T) {
	p := ten()
	p.ScaleDownDelay, p.StableWindow, p.Interval = time.Hour, time.Hour, time.Second
	var s State
	for i := range 20_000 {
		s.Delay.largest(p.ScaleDownDelay, noon.Add(time.Duration(i)*time.Second), 1_000_000-i)
		Record(p, noon.Add(time.Duration(i)*time.Second), float64(i), &s)
	}
	if n := len(s.Delay.Counts) - s.Delay.Gone; n > 1800 {
		t.Errorf("a delay of an hour keeps %d counts, want at most one for each of 1,800 ticks", n)
	}
	if n := len(s.Delay.Counts); n > 3602 {
		t.Errorf("%d counts are stored, want at most twice 1,800 and two", n)
	}
	if n := len(s.Stable.Buckets); n != 3600 {
		t.Errorf("a window of an hour has %d buckets", n)
	}
	stored, err := json.Marshal(s)
	if err != nil || len(stored) > 200_000 {
		t.Errorf("the largest state takes %d bytes, %v", len(stored), err)
	}
}

// The largest of a while, found by looking at all of it.
func TestDelayIsTheLargestOfItsLength(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		ticks := 1 + random.IntN(20)
		var d Delay
		latest := map[int64]int{} // the largest of each tick
		for i, tick := 0, int64(0); i < 200; i++ {
			tick += random.Int64N(3)
			pods := random.IntN(30)
			latest[tick] = max(latest[tick], pods)
			want := 0
			for back := range int64(ticks) {
				want = max(want, latest[tick-back])
			}
			// The year 1 began a whole number of ticks before 1970.
			got := d.largest(time.Duration(ticks)*TickInterval, time.Unix(2*tick, 0), pods)
			if got != want {
				t.Fatalf("the largest of %d ticks is %d, want %d", ticks, got, want)
			}
		}
	}
}

func FuzzStepNeverFails(f *testing.F) {
	p := ten()
	p.ScaleDownDelay = 10 * time.Second
	s := Start(p, noon, 3)
	Decide(p, feed(p, &s, noon, 7, 5), 3, &s)
	stored, _ := json.Marshal(s)
	f.Add(string(stored), noon.Unix(), 5.0, 3, 10.0, int64(60), 2.0, int64(10))
	f.Add(`{"stable":{"buckets":[1e308,1e308],"total":1e308,"first":-5,"last":9223372036854775807}}`, int64(0), 1e300, -1, 0.0, int64(-1), -2.0, int64(1))
	f.Add(`{"started":true,"delay":{"counts":[{"tick":9223372036854775807},{"tick":-5}],"gone":-7}}`, int64(-1<<62), -1.0, 1<<62, 1e-300, int64(1), 1e300, int64(1<<40))
	f.Fuzz(func(t *testing.T, stored string, unix int64, load float64, ready int, target float64, window int64, rate float64, delay int64) {
		var s State
		if json.Unmarshal([]byte(stored), &s) != nil {
			t.Skip()
		}
		p := Default()
		p.Target, p.Total, p.MaxScaleUpRate, p.MaxScaleDownRate, p.PanicThreshold = target, target, rate, rate, rate
		p.StableWindow, p.PanicWindow = time.Duration(window)*time.Second, time.Duration(window/10)*time.Second
		p.ScaleDownDelay = time.Duration(delay) * time.Second
		var life Life
		for i := range int64(5) {
			now := time.Unix(unix+i, 0)
			d := Step(p, Input{Now: now, Load: load, Measured: true, Ready: ready}, &s)
			if d.Known && d.Desired < 0 {
				t.Fatalf("%d pods are desired: %+v", d.Desired, d)
			}
			Reconcile(p, Pods{Now: now, Ready: ready, Replicas: 1}, d, &life)
		}
		if len(s.Stable.Buckets) > 3600 || len(s.Panic.Buckets) > 3600 {
			t.Fatalf("windows of %d and %d buckets", len(s.Stable.Buckets), len(s.Panic.Buckets))
		}
	})
}
