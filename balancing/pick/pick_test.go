package pick

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
	"pgregory.net/rapid"
)

// pickable are the algorithms but geographic, which is another one within a region.
func pickable() []headroom.Algorithm {
	return slices.DeleteFunc(headroom.Algorithms(), func(a headroom.Algorithm) bool { return a == headroom.Geographic })
}

func candidates(weights ...int) []Candidate {
	list := make([]Candidate, len(weights))
	for i, w := range weights {
		list[i] = Candidate{ID: fmt.Sprint("b", i), Weight: w, InFlight: new(atomic.Int64), Load: new(Load), Region: -1}
	}
	return list
}

func mustNew(t interface{ Fatal(...any) }, algorithm headroom.Algorithm, seed uint64) *Picker {
	p, err := New(algorithm, seed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func excluding(n int, indexes ...int) *Request {
	r := &Request{Random: 42}
	r.Excluded.Reset(n)
	for _, i := range indexes {
		r.Excluded.Add(i)
	}
	return r
}

func TestRoundRobinTakesTurns(t *testing.T) {
	s := NewSnapshot(candidates(1, 1, 1), Settings{})
	p := mustNew(t, headroom.RoundRobin, 0)
	e := excluding(3)
	for turn := range 9 {
		if got := p.Pick(s, e); got != turn%3 {
			t.Fatalf("turn %d: got %d, want %d", turn, got, turn%3)
		}
	}
}

func TestRoundRobinGivesEachItsExactShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 8).Draw(t, "weights")
		seed := rapid.Uint64().Draw(t, "seed")
		s := NewSnapshot(candidates(weights...), Settings{})
		p := mustNew(t, headroom.RoundRobin, seed%(1<<32)/uint64(len(weights))*uint64(len(weights))) // begins with a whole generation
		total := 0
		for _, w := range weights {
			total += w
		}
		if total == 0 {
			if got := p.Pick(s, excluding(len(weights))); got != None {
				t.Fatalf("got %d where no candidate has weight", got)
			}
			return
		}
		got := make([]int, len(weights))
		for range total {
			got[p.Pick(s, excluding(len(weights)))]++
		}
		for i := range weights {
			// W generations hold exactly total turns, so any total picks in a row hold each candidate's weight of them.
			if got[i] != weights[i] {
				t.Fatalf("weights %v got %v", weights, got)
			}
		}
	})
}

func TestRoundRobinSpreadsTheShareOfAnExcludedCandidateOverTheOthers(t *testing.T) {
	s := NewSnapshot(candidates(1, 1, 1, 1), Settings{})
	p := mustNew(t, headroom.RoundRobin, 7)
	e := excluding(4, 1)
	got := make([]int, 4)
	for range 300 {
		got[p.Pick(s, e)]++
	}
	if got[0] != 100 || got[1] != 0 || got[2] != 100 || got[3] != 100 {
		t.Errorf("got %v, want 100 each for three", got)
	}
}

func TestRoundRobinKeepsTheSharesOfLightOnesWhereTheHeaviestIsExcluded(t *testing.T) {
	s := NewSnapshot(candidates(1000, 2, 1), Settings{})
	p := mustNew(t, headroom.RoundRobin, 0)
	e := excluding(3, 0)
	got := make([]float64, 3)
	const picks = 30000
	for range picks {
		got[p.Pick(s, e)]++
	}
	// Mean 20000 and 10000, standard deviation √(30000·2/9) = 82: five of them.
	if got[0] != 0 || math.Abs(got[1]-20000) > 410 {
		t.Errorf("got %v, want 0, 20000, 10000", got)
	}
}

func TestLeastConnectionsTakesTheLeastLoadPerWeight(t *testing.T) {
	for _, c := range []struct {
		name     string
		weights  []int
		inFlight []int64
		exclude  []int
		want     int
	}{
		{"fewest", []int{1, 1, 1}, []int64{3, 1, 2}, nil, 1},
		{"per weight", []int{1, 4}, []int64{1, 3}, nil, 1}, // 1 against 0.75
		{"excluded", []int{1, 1, 1}, []int64{3, 1, 2}, []int{1}, 2},
		{"weight 0", []int{0, 1}, []int64{0, 9}, nil, 1},
		{"all excluded", []int{1, 1}, []int64{0, 0}, []int{0, 1}, None},
		{"none", nil, nil, nil, None},
	} {
		list := candidates(c.weights...)
		for i, n := range c.inFlight {
			list[i].InFlight.Store(n)
		}
		p := mustNew(t, headroom.LeastConnections, 0)
		if got := p.Pick(NewSnapshot(list, Settings{}), excluding(len(list), c.exclude...)); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

func TestLeastConnectionsSharesTiesByWeightWhereverTheBusyOnesStand(t *testing.T) {
	list := candidates(1, 1, 1, 2, 1)
	list[0].InFlight.Store(5)
	list[1].InFlight.Store(5)
	s := NewSnapshot(list, Settings{})
	p := mustNew(t, headroom.LeastConnections, 42)
	e := excluding(len(list))
	got := make([]float64, len(list))
	const picks = 40000
	for range picks {
		got[p.Pick(s, e)]++
	}
	// Shares 1/4, 1/2, 1/4: standard deviation at most √(40000/4) = 100: five of them.
	for i, want := range []float64{0, 0, 10000, 20000, 10000} {
		if math.Abs(got[i]-want) > 500 {
			t.Errorf("candidate %d: got %v, want about %v", i, got[i], want)
		}
	}
}

func TestLeastConnectionsEvensOutUnderLoad(t *testing.T) {
	list := candidates(1, 2, 3)
	s := NewSnapshot(list, Settings{})
	p := mustNew(t, headroom.LeastConnections, 1)
	e := excluding(3)
	for range 600 {
		list[p.Pick(s, e)].InFlight.Add(1)
	}
	for i, want := range []int64{100, 200, 300} {
		if got := list[i].InFlight.Load(); got != want {
			t.Errorf("candidate %d: %d in flight, want %d", i, got, want)
		}
	}
}

func TestPickersNeverGiveAnExcludedOrWeightlessCandidateAndAlwaysOneThatIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(0, 1000), 0, 100).Draw(t, "weights")
		algorithm := rapid.SampledFrom(pickable()).Draw(t, "algorithm")
		list := candidates(weights...)
		for i := range list {
			list[i].InFlight.Store(rapid.Int64Range(-1, 3).Draw(t, "in flight"))
		}
		e := excluding(len(weights))
		left := 0
		for i, w := range weights {
			if rapid.Bool().Draw(t, "excluded") {
				e.Excluded.Add(i)
			} else if w > 0 {
				left++
			}
		}
		p, err := New(algorithm, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		// A table for keys takes 2 ms to build, so that most have none.
		s := NewSnapshot(list, Settings{Keyed: algorithm == headroom.CookieHash, LoadFactor: 1.25, InFlight: new(atomic.Int64)})
		for range 20 {
			got := p.Pick(s, e)
			if left == 0 {
				if got != None {
					t.Fatalf("got %d where none is left", got)
				}
				continue
			}
			if got == None || e.Excluded.Has(got) || weights[got] == 0 {
				t.Fatalf("got %d of weights %v", got, weights)
			}
		}
	})
}

func TestUnknownAlgorithmIsAnError(t *testing.T) {
	if _, err := New("fastest", 0); err == nil {
		t.Error("no error")
	}
}

func TestPickingConcurrentlyIsSafeAndFair(t *testing.T) {
	s := NewSnapshot(candidates(1, 1), Settings{})
	p := mustNew(t, headroom.RoundRobin, 0)
	var got [2]atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			e := excluding(2)
			for range 1000 {
				got[p.Pick(s, e)].Add(1)
			}
		})
	}
	wg.Wait()
	if got[0].Load() != 2000 || got[1].Load() != 2000 {
		t.Errorf("got %d and %d, want 2000 each", got[0].Load(), got[1].Load())
	}
}

// Of 10,000 a pick takes less than 1 µs.
func BenchmarkPick(b *testing.B) {
	for _, n := range []int{10, 100, 10_000} {
		weights := make([]int, n)
		for i := range weights {
			weights[i] = 1 + i%10
		}
		list := candidates(weights...)
		for i := range list {
			list[i].Load.Observe(1, time.Duration(1+i%7)*time.Millisecond)
		}
		s := NewSnapshot(list, Settings{Keyed: true, LoadFactor: 1.25, InFlight: new(atomic.Int64)})
		for _, algorithm := range pickable() {
			b.Run(fmt.Sprintf("%s/%d", algorithm, n), func(b *testing.B) {
				p := mustNew(b, algorithm, 0)
				r := Request{Keyed: true, Now: 2}
				b.ReportAllocs()
				for b.Loop() {
					r.Hash = r.draw()
					r.Excluded.Reset(n)
					p.Pick(s, &r)
				}
			})
		}
	}
}

func BenchmarkSnapshotOf10000(b *testing.B) {
	weights := make([]int, 10_000)
	for i := range weights {
		weights[i] = 1 + i%10
	}
	for _, keyed := range []bool{false, true} {
		b.Run(fmt.Sprintf("keyed=%v", keyed), func(b *testing.B) {
			list := candidates(weights...)
			b.ReportAllocs()
			for b.Loop() {
				NewSnapshot(list, Settings{Keyed: keyed})
			}
		})
	}
}

func TestPickingAllocatesNothing(t *testing.T) {
	list := candidates(1, 2, 3, 4)
	list[3].Priority = 1
	for _, algorithm := range pickable() {
		s, p := NewSnapshot(list, Settings{Keyed: true}), mustNew(t, algorithm, 0)
		r := excluding(4)
		if n := testing.AllocsPerRun(100, func() { p.Pick(s, r) }); n != 0 {
			t.Errorf("%s allocates %v times", algorithm, n)
		}
	}
}
