package pick

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// chiSquare is Pearson's statistic of counts against the shares that are expected of them.
func chiSquare(got []int, shares []float64) float64 {
	total := 0
	for _, n := range got {
		total += n
	}
	sum := 0.0
	for i, n := range got {
		want := shares[i] * float64(total)
		if want > 0 {
			sum += (float64(n) - want) * (float64(n) - want) / want
		}
	}
	return sum
}

// At rest nothing but the weights decides: the chi-square of 60,000 picks stays below 20.5, its 99.9th percentile for 5 degrees of freedom.
func TestSharesAtRestAreThoseOfTheWeights(t *testing.T) {
	weights := []int{1, 2, 3, 4, 10, 20}
	shares := []float64{0.025, 0.05, 0.075, 0.1, 0.25, 0.5}
	for _, algorithm := range []headroom.Algorithm{headroom.RoundRobin, headroom.LeastConnections, headroom.PowerOfTwo, headroom.IPHash} {
		s := NewSnapshot(candidates(weights...), Settings{Keyed: true})
		p, r := mustNew(t, algorithm, 3), excluding(6)
		got := make([]int, 6)
		for range 60_000 {
			got[p.Pick(s, r)]++
		}
		if x := chiSquare(got, shares); x > 20.5 {
			t.Errorf("%s: %v, chi-square %.1f", algorithm, got, x)
		}
	}
}

// Slow start: a backend of warmth 250 has a quarter of its weight, so of five alike it gets 0.25/4.25. The 99.9th percentile for 4 degrees of
// freedom is 18.5.
func TestColdBackendGetsThePartOfItsShareThatItIsWarm(t *testing.T) {
	for _, algorithm := range []headroom.Algorithm{headroom.RoundRobin, headroom.LeastConnections, headroom.PowerOfTwo, headroom.LeastResponseTime, headroom.Adaptive, headroom.IPHash} {
		list := candidates(1, 1, 1, 1, 1)
		list[2].Load.SetWarmth(250)
		s := NewSnapshot(list, Settings{Keyed: true})
		p, r := mustNew(t, algorithm, 3), excluding(5)
		got := make([]int, 5)
		for k := range 40_000 {
			r.Hash, r.Keyed = Hash(fmt.Append(nil, k)), true
			got[p.Pick(s, r)]++
		}
		// Slots of the table are only nearly in proportion, so keys have some slack.
		limit := map[bool]float64{false: 18.5, true: 60}[algorithm == headroom.IPHash]
		if x := chiSquare(got, []float64{4 / 17., 4 / 17., 1 / 17., 4 / 17., 4 / 17.}); x > limit {
			t.Errorf("%s: %v, chi-square %.1f", algorithm, got, x)
		}
	}
}

func TestPowerOfTwoTakesTheLessLoadedOfTwo(t *testing.T) {
	list := candidates(1, 1, 1)
	for i, n := range []int64{9, 5, 1} {
		list[i].InFlight.Store(n)
	}
	s, p, r := NewSnapshot(list, Settings{}), mustNew(t, headroom.PowerOfTwo, 0), excluding(3)
	got := make([]int, 3)
	for range 30_000 {
		got[p.Pick(s, r)]++
	}
	// Of the three pairs the last wins two and the second one; the first wins none. 10.8 is the 99.9th percentile for one degree of freedom.
	if x := chiSquare(got, []float64{0, 1 / 3., 2 / 3.}); got[0] != 0 || x > 10.8 {
		t.Errorf("got %v, chi-square %.1f", got, x)
	}
}

func TestKeyKeepsItsBackendAndFewKeysMoveWhereOneIsLost(t *testing.T) {
	const n, keys = 10, 20_000
	all := NewSnapshot(candidates(1, 1, 1, 1, 1, 1, 1, 1, 1, 1), Settings{Keyed: true})
	less := candidates(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	less[4].Weight = 0
	lost := NewSnapshot(less, Settings{Keyed: true})
	p, r := mustNew(t, headroom.HeaderHash, 0), excluding(n)
	counts, moved := make([]int, n), 0
	for k := range keys {
		r.Hash, r.Keyed = Hash(fmt.Append(nil, "user-", k)), true
		before := p.Pick(all, r)
		if again := p.Pick(all, r); again != before {
			t.Fatalf("key %d went to %d, then to %d", k, before, again)
		}
		counts[before]++
		if after := p.Pick(lost, r); before != 4 && after != before {
			moved++
		}
	}
	for i, got := range counts { // 2000 each, standard deviation √(20000·0.09) = 42, and the table's 1 %
		if got < 1750 || got > 2250 {
			t.Errorf("backend %d has %d of %d keys", i, got, keys)
		}
	}
	// The paper's figure 5: a few percent of the others' slots move.
	if moved > keys/20 {
		t.Errorf("%d of %d keys of the others moved", moved, keys)
	}
}

// One key has all the traffic: with c = 1.25 and 100 in flight over 10 backends none may have more than ⌈1.25·101/10⌉ = 13.
func TestBoundedLoadSpreadsAKeyThatIsTooPopular(t *testing.T) {
	list := candidates(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	total := new(atomic.Int64)
	s := NewSnapshot(list, Settings{Keyed: true, LoadFactor: 1.25, InFlight: total})
	p, r := mustNew(t, headroom.QueryHash, 0), excluding(10)
	r.Hash, r.Keyed = Hash([]byte("hot")), true
	for range 100 {
		list[p.Pick(s, r)].InFlight.Add(1)
		total.Add(1)
	}
	for i := range list {
		if n := list[i].InFlight.Load(); n > 13 {
			t.Errorf("backend %d has %d", i, n)
		}
	}
}

func second(n float64) int64 { return int64(n * 1e9) }

// 100 ms at second 0; 10 ms at second 10: 10 + 90/e = 43.1 ms; at second 20, with nothing new, 43.1/e = 15.9 ms.
func TestPeakOfResponseTimesJumpsUpFallsAndFallsOnWhenItIsRead(t *testing.T) {
	var l Load
	l.Observe(second(0.001), 10*time.Millisecond)
	l.Observe(second(0.001), 100*time.Millisecond)
	l.Observe(second(10.001), 10*time.Millisecond)
	if got := l.peak.now(second(10.001)); got < 0.0431 || got > 0.0432 {
		t.Errorf("after 10 s: %v", got)
	}
	if got := l.peak.now(second(20.001)); got < 0.0158 || got > 0.0160 {
		t.Errorf("after 20 s: %v", got)
	}
}

// traefik#12306: of five equal servers one got 5 of 1,500 requests, since one slow answer was never forgotten.
func TestNobodyIsStarvedForOneSlowAnswer(t *testing.T) {
	for _, algorithm := range []headroom.Algorithm{headroom.LeastResponseTime, headroom.Adaptive} {
		list := candidates(1, 1, 1, 1, 1)
		s, p, r := NewSnapshot(list, Settings{}), mustNew(t, algorithm, 1), excluding(5)
		got := make([]int, 5)
		list[3].Load.Observe(1, 2*time.Second)
		for k := range 12_000 { // two minutes
			r.Now = second(float64(k) / 100)
			i := p.Pick(s, r)
			got[i]++
			list[i].Load.Observe(r.Now, time.Duration(5+r.draw()%10)*time.Millisecond)
		}
		if got[3] < 600 {
			t.Errorf("%s: %v", algorithm, got)
		}
	}
}

func TestUnknownBackendGetsOneRequestUntilItAnswers(t *testing.T) {
	for _, algorithm := range []headroom.Algorithm{headroom.LeastResponseTime, headroom.Adaptive} {
		list := candidates(1, 1)
		list[0].Load.Observe(1, 10*time.Millisecond)
		s, p, r := NewSnapshot(list, Settings{}), mustNew(t, algorithm, 1), excluding(2)
		r.Now = 2
		if got := p.Pick(s, r); got != 1 {
			t.Errorf("%s: the unknown one was not tried", algorithm)
		}
		list[1].InFlight.Add(1)
		for range 50 {
			if got := p.Pick(s, r); got != 0 {
				t.Errorf("%s: the unknown one got a second", algorithm)
			}
			list[0].InFlight.Add(1)
		}
	}
}

// gRFC A58: weight = qps/(utilization + eps/qps). 100 at 0.5 and 10 errors are 100/(0.5 + 0.1) = 166.7.
func TestReportsCountAfterTheBlackoutAndUntilTheyExpire(t *testing.T) {
	var l Load
	report := Report{Rate: 100, Errors: 10, Utilization: 0.5}
	for at := 1.0; at <= 12; at++ {
		l.Report(second(at), report)
	}
	for _, c := range []struct{ at, want float64 }{{10.9, 0}, {11, 166.7}, {191, 166.7}, {193, 0}} {
		if got := l.capacity(second(c.at)); got < c.want-0.1 || got > c.want+0.1 {
			t.Errorf("at %v s: %v, want %v", c.at, got, c.want)
		}
	}
	l.Report(second(300), report) // after a pause they begin anew
	if got := l.capacity(second(301)); got != 0 {
		t.Errorf("after a pause: %v", got)
	}
}

func TestAdaptiveSpreadsByWhatBackendsReport(t *testing.T) {
	list := candidates(1, 1)
	for i, utilization := range []float64{0.9, 0.3} {
		list[i].Load.Observe(second(19), 10*time.Millisecond)
		list[i].Load.Report(second(1), Report{Rate: 90, Utilization: utilization})
		list[i].Load.Report(second(12), Report{Rate: 90, Utilization: utilization})
	}
	s, p, r := NewSnapshot(list, Settings{}), mustNew(t, headroom.Adaptive, 1), excluding(2)
	r.Now = second(19)
	for range 400 {
		list[p.Pick(s, r)].InFlight.Add(1)
	}
	// 100 against 300 requests per second: within one of 100 and 300.
	if a, b := list[0].InFlight.Load(), list[1].InFlight.Load(); a < 99 || a > 101 {
		t.Errorf("got %d and %d, want 100 and 300", a, b)
	}
}
