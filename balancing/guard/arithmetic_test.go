package guard

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

func TestABudgetIsAFifthOfTheRequestsOfTenSecondsAndTenASecond(t *testing.T) {
	for _, c := range []struct {
		requests uint64
		want     int
	}{{0, 100}, {10, 102}, {1000, 300}} {
		b := &Budget{}
		b.Configure(headroom.RetryBudget{Percent: 20, PerSecond: 10})
		b.Tick(noon, 500) // before
		b.Tick(after(time.Second), 500)
		spent := 0
		for b.Spend(after(2*time.Second), 500+c.requests) {
			spent++
		}
		if spent != c.want {
			t.Errorf("%d requests: %d retries were allowed, want %d", c.requests, spent, c.want)
		}
	}
}

func TestWhatWasSpentIsThereAgainAfterTenSeconds(t *testing.T) {
	b := &Budget{}
	b.Configure(headroom.RetryBudget{PerSecond: 1})
	for i := range 11 {
		if got := b.Spend(noon, 0); got != (i < 10) {
			t.Errorf("retry %d is allowed: %v", i+1, got)
		}
	}
	if b.Spend(after(9*time.Second), 0) {
		t.Error("9 s later one is allowed")
	}
	if !b.Spend(after(10*time.Second), 0) {
		t.Error("10 s later none is allowed")
	}
}

// However requests and retries come, within ten seconds (of whole seconds) there are no more retries than the budget of that time.
func TestNoTenSecondsHaveMoreRetriesThanTheirBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settings := headroom.RetryBudget{Percent: rapid.IntRange(0, 100).Draw(t, "percent"), PerSecond: rapid.IntRange(0, 20).Draw(t, "perSecond")}
		b := &Budget{}
		b.Configure(settings)
		total := uint64(0)
		var requests, retries [60]int
		for second := range 60 {
			now := after(time.Duration(second) * time.Second)
			b.Tick(now, total)
			n := rapid.IntRange(0, 300).Draw(t, "requests")
			total += uint64(n)
			requests[second] = n
			for range rapid.IntRange(0, 200).Draw(t, "wanted") {
				if b.Spend(now, total) {
					retries[second]++
				}
			}
			sum, allowed := 0, float64(settings.PerSecond*10)
			for s := max(0, second-9); s <= second; s++ {
				sum += retries[s]
				allowed += float64(requests[s]*settings.Percent) / 100
			}
			if retries[second] > 0 && float64(sum) > allowed+1e-6 {
				t.Fatalf("in the ten seconds to %d there were %d retries, the budget is %v", second, sum, allowed)
			}
		}
	})
}

func TestBackOffDoublesAndLeavesHalfToChance(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		n    int
		draw float64
		want time.Duration
	}{{1, 0, 50 * ms}, {1, 0.5, 75 * ms}, {2, 0, 100 * ms}, {3, 0, 125 * ms}, {100, 0.5, 187500 * time.Microsecond}} {
		if got := Backoff(100*ms, 250*ms, c.n, c.draw); got != c.want {
			t.Errorf("try %d with draw %v: %v, want %v", c.n, c.draw, got, c.want)
		}
	}
	if Backoff(0, time.Second, 3, 0.9) != 0 {
		t.Error("without a base there is a wait")
	}
}

func TestASlowStartGrowsFromATenthToTheWholeShare(t *testing.T) {
	even := headroom.SlowStart{Window: headroom.Duration(30 * time.Second), Aggression: 1, MinPercent: 10}
	fast := even
	fast.Aggression = 2
	for _, c := range []struct {
		settings headroom.SlowStart
		seconds  float64
		want     int
	}{
		{even, 0, 100}, {even, 3, 100}, {even, 15, 500}, {even, 29.97, 999}, {even, 30, 1000}, {even, 90, 1000},
		{fast, 7.5, 500}, // √(7.5/30)
		{headroom.SlowStart{}, 0, 1000}, {even, -5, 100},
	} {
		if got := Warmth(c.settings, time.Duration(c.seconds*float64(time.Second))); got != c.want {
			t.Errorf("after %v s of %v: %d ‰, want %d", c.seconds, c.settings.Window, got, c.want)
		}
	}
}

func TestTheLeastImportantAreTurnedAwayFirst(t *testing.T) {
	for _, c := range []struct {
		inFlight, limit int64
		percent         int
		want            bool
	}{{60, 100, 60, true}, {61, 100, 60, false}, {100, 100, 100, true}, {101, 100, 100, false}, {1, 1, 1, true}, {2, 1, 1, false}} {
		if got := Admits(c.inFlight, c.limit, c.percent); got != c.want {
			t.Errorf("%d in flight of %d with %d %%: %v", c.inFlight, c.limit, c.percent, got)
		}
	}
}

// A service that serves at most slots requests at once, each in 10 ms: more of them wait for each other. The limit must come to rest where the
// latency is no more than the tolerance, with all slots used.
func TestTheLimitComesToRestNearWhatTheServiceTakes(t *testing.T) {
	settings := headroom.AdaptiveLimit{Enabled: true, MinLimit: 5, MaxLimit: 1000, Tolerance: 1.5}
	for _, slots := range []int64{10, 50, 200} {
		g := &Gradient{}
		limit := int64(20)
		least, most := int64(1<<62), int64(0)
		for i := range 3000 { // five minutes; demand without end in the second half, half of what fits before
			inFlight := limit
			if i < 300 {
				inFlight = min(limit, slots/2)
			}
			latency := 10 * time.Millisecond * time.Duration(max(slots, inFlight)) / time.Duration(slots)
			limit = g.Sample(settings, latency, inFlight)
			if i > 600 && i < 1200 {
				least, most = min(least, limit), max(most, limit)
			}
		}
		if least < slots || most > 2*slots+10 {
			t.Errorf("%d at once: the limit was from %d to %d", slots, least, most)
		}
	}
}

func TestTheLimitFallsWhenTheServiceGetsSlowAndRisesAgain(t *testing.T) {
	settings := headroom.AdaptiveLimit{Enabled: true, MinLimit: 20, MaxLimit: 500, Tolerance: 1.5}
	g := &Gradient{}
	limit := int64(0)
	run := func(samples int, latency time.Duration) int64 {
		for range samples {
			limit = g.Sample(settings, latency, limit)
		}
		return limit
	}
	if got := run(1000, 10*time.Millisecond); got != 500 {
		t.Errorf("a service that is never slow has a limit of %d, want all 500", got)
	}
	if got := run(20, 100*time.Millisecond); got > 150 {
		t.Errorf("after 2 s of tenfold latency the limit is %d", got)
	}
	if got := run(300, 10*time.Millisecond); got < 300 {
		t.Errorf("after 30 s as before the limit is %d", got)
	}
	if idle := g.Sample(settings, 10*time.Millisecond, 1); idle != limit {
		t.Errorf("with one request in flight the limit changed from %d to %d", limit, idle)
	}
}

func TestTheQuantileFollowsTheLastSeconds(t *testing.T) {
	q := &Quantile{}
	second := func(fast, slow int) {
		for range fast {
			q.Record(10 * time.Millisecond)
		}
		for range slow {
			q.Record(time.Second)
		}
		q.Tick(0.95)
	}
	second(19, 0)
	if q.Value() != 0 {
		t.Errorf("19 requests say %v, want nothing", q.Value())
	}
	second(96, 4)
	if v := q.Value(); v < 10*time.Millisecond || v > 12*time.Millisecond {
		t.Errorf("with 4 %% slow: %v, want 10 ms and a bucket", v)
	}
	for range 30 {
		second(90, 10)
	}
	if v := q.Value(); v < time.Second || v > 1200*time.Millisecond {
		t.Errorf("with 10 %% slow: %v, want 1 s", v)
	}
	for range 60 {
		q.Tick(0.95)
	}
	if q.Value() != 0 {
		t.Errorf("a minute later: %v, want nothing", q.Value())
	}
}

func TestWhatEachRequestDoesAllocatesNothing(t *testing.T) {
	q, b := &Quantile{}, &Budget{}
	n := testing.AllocsPerRun(1000, func() {
		q.Record(time.Millisecond)
		b.Spend(noon, 0)
		Admits(1, 2, 3)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
