package limit

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = int64(time.Millisecond)

// Ten a second with a burst of three, worked out by hand: the interval is 100 ms, the TAT may be 300 ms ahead.
func TestBurstPassesAtOnceAndThenOneEachInterval(t *testing.T) {
	rate, table := Rate{Interval: 100 * ms, Burst: 3}, NewTable(64)
	for _, step := range []struct {
		at, cost         int64
		allowed          bool
		remaining        int64
		resetMs, retryMs int64
	}{
		{0, 1, true, 2, 100, 0},
		{0, 1, true, 1, 200, 0},
		{0, 1, true, 0, 300, 0},
		{0, 1, false, 0, 300, 100},
		{99, 1, false, 0, 201, 1},
		{100, 1, true, 0, 300, 0},
		{150, 1, false, 0, 250, 50},
		{300, 2, true, 0, 300, 0}, // 200 ms have given back two
		{300, 0, true, 0, 300, 0},
		{300, 4, false, 0, 300, 0}, // more than the burst never passes: there is nothing to wait for
		{10_000, 1, true, 2, 100, 0},
	} {
		got := table.Take(rate, 7, step.at*ms, step.cost)
		want := Verdict{Allowed: step.allowed, Remaining: step.remaining, Reset: time.Duration(step.resetMs * ms), Retry: time.Duration(step.retryMs * ms)}
		if got != want {
			t.Fatalf("at %d ms, cost %d: got %+v, want %+v", step.at, step.cost, got, want)
		}
	}
}

func TestLookingCountsNothing(t *testing.T) {
	rate, table := Rate{Interval: 100 * ms, Burst: 1}, NewTable(64)
	for range 3 {
		if v := table.Look(rate, 7, 0, 1); !v.Allowed || v.Remaining != 0 {
			t.Fatalf("before: %+v", v)
		}
	}
	table.Take(rate, 7, 0, 1)
	if v := table.Look(rate, 7, 0, 1); v.Allowed || v.Retry != 100*time.Millisecond {
		t.Errorf("after: %+v", v)
	}
}

// Whatever comes when: in no span of time pass more than what it gives and the burst, and where enough comes, not less than one fewer.
func TestNoKeyEverPassesMoreThanItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate{Interval: rapid.Int64Range(1, 50).Draw(t, "interval") * ms, Burst: rapid.Int64Range(1, 20).Draw(t, "burst")}
		table := NewTable(64)
		var passed []int64
		now := int64(0)
		for range 300 {
			now += rapid.Int64Range(0, 30).Draw(t, "pause") * ms
			if table.Take(rate, 7, now, 1).Allowed {
				passed = append(passed, now)
			}
		}
		for i := range passed {
			for j := i; j < len(passed); j++ {
				if most := (passed[j]-passed[i])/rate.Interval + rate.Burst; int64(j-i+1) > most {
					t.Fatalf("%d passed in %d ms, of at most %d", j-i+1, (passed[j]-passed[i])/ms, most)
				}
			}
		}
	})
}

func TestAFloodOfKeysNeitherGrowsNorLetsAnybodyThroughUnlimited(t *testing.T) {
	rate, table := Rate{Interval: 1000 * ms, Burst: 5}, NewTable(64)
	random, passed, others := rand.New(rand.NewPCG(1, 2)), 0, 0
	const span = 20 * int64(time.Second)
	for now := int64(0); now < span; now += ms {
		if table.Take(rate, 7, now, 1).Allowed {
			passed++
		}
		for range 10 { // 200,000 in all
			if table.Take(rate, random.Uint64(), now, 1).Allowed {
				others++
			}
		}
	}
	if passed > 25 {
		t.Errorf("%d of one key passed in 20 s at one a second and a burst of 5", passed)
	}
	// 64 places give one a second each, after their burst.
	if others+passed > 64*25 {
		t.Errorf("%d of other keys passed", others)
	}
	if len(table.sets)*ways != 64 || table.Crowded() == 0 {
		t.Errorf("%d places, %d crowded", len(table.sets)*ways, table.Crowded())
	}
}

// A limited key must not get rid of what it has used by being forgotten.
func TestWhoIsLimitedStaysSoThroughAFlood(t *testing.T) {
	rate, table := Rate{Interval: int64(time.Minute), Burst: 5}, NewTable(64)
	for range 5 {
		if !table.Take(rate, 7, 0, 1).Allowed {
			t.Fatal("the burst did not pass")
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		table.Take(rate, random.Uint64(), int64(i)*1000, 1)
		if table.Take(rate, 7, int64(i)*1000, 1).Allowed {
			t.Fatalf("it passed after %d other keys", i)
		}
	}
}

func TestManyAtOnceGetNoMoreThanTheBurst(t *testing.T) {
	rate := Rate{Interval: int64(time.Hour), Burst: 50}
	for round := range 50 {
		table := NewTable(64)
		var passed atomic.Int64
		var running sync.WaitGroup
		for g := range 8 {
			running.Go(func() {
				for i := range 100 {
					if table.Take(rate, 7, 0, 1).Allowed {
						passed.Add(1)
					}
					table.Take(rate, uint64(g*1000+i)*64+7, 0, 1) // of the same set
				}
			})
		}
		running.Wait()
		if passed.Load() > 50 {
			t.Fatalf("round %d: %d passed, of at most 50", round, passed.Load())
		}
	}
}

func TestFieldsSayWhatTheDraftAsksFor(t *testing.T) {
	got := string(AppendPolicies(nil, []Policy{{"per-client", 100, time.Minute, 100}, {"fast", 5, 100 * time.Millisecond, 5}}))
	if want := "RateLimit-Policy: \"per-client\";q=100;w=60, \"fast\";q=50;w=1\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = string(AppendStanding(nil, "per-client", Verdict{Remaining: 7, Reset: 1100 * time.Millisecond}))
	if want := "RateLimit: \"per-client\";r=7;t=2\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := string(AppendRetry(nil, time.Millisecond)); got != "Retry-After: 1\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestTheKeysThatAreRefusedMostAreFoundAndFade(t *testing.T) {
	m := &Most{}
	m.Take(0, 10)
	for i := range 1000 {
		m.Note(1, []byte("often"))
		m.Note(uint64(100+i), []byte("once"))
		if i%2 == 0 {
			m.Note(2, []byte("seldom"))
		}
	}
	list := m.Take(0, 2)
	if len(list) != 2 || list[0] != (Limited{"often", 1000}) || list[1] != (Limited{"seldom", 500}) {
		t.Errorf("got %v", list)
	}
	if list := m.Take(int64(time.Minute), 1); len(list) != 1 || list[0].Count != 368 { // 1000/e
		t.Errorf("after a minute %v", list)
	}
	if list := m.Take(int64(time.Hour), 1); len(list) != 0 {
		t.Errorf("after an hour %v", list)
	}
}

func BenchmarkTake(b *testing.B) {
	rate, table := Rate{Interval: 1000, Burst: 100}, NewTable(100_000)
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		table.Take(rate, i%1000*0x9e3779b97f4a7c15, int64(i)*100, 1)
	}
}

func BenchmarkTakeByNewKeys(b *testing.B) {
	rate, table := Rate{Interval: int64(time.Second), Burst: 100}, NewTable(100_000)
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		table.Take(rate, i*0x9e3779b97f4a7c15, int64(i)*100, 1)
	}
}
