package guard

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// after is an instant of a test, which begins at noon.
func after(d time.Duration) time.Time { return noon.Add(d) }

func noJitter() float64 { return 0 }

func newTestBreaker() *Breaker {
	return NewBreaker(headroom.CircuitBreaker{
		Enabled: true, FailureThreshold: 5, RecoveryTimeout: headroom.Duration(30 * time.Second),
	}, noon, noJitter)
}

// ready reports whether Allow would let an attempt through.
func ready(b *Breaker, now time.Time) bool {
	at, until := b.since(now), b.openUntil.Load()
	if until == 0 || at < until {
		return until == 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.trying[:b.probes], func(began int64) bool { return began == 0 || at >= began+int64(b.recovery) })
}

// retryAt is when the next attempt may try; zero where the breaker is not open.
func retryAt(b *Breaker, now time.Time) time.Time {
	if b.State(now) != headroom.BreakerOpen {
		return time.Time{}
	}
	return b.epoch.Add(time.Duration(b.openUntil.Load() - 1))
}

// record is the result of an attempt that began and ended at one instant.
func record(b *Breaker, now time.Time, ok bool) { b.RecordSince(now, now, ok) }

// attempt is an attempt that begins and ends at one instant.
func attempt(t *testing.T, b *Breaker, at time.Duration, ok bool) {
	t.Helper()
	if !b.Allow(after(at)) {
		t.Fatalf("at %v the breaker lets nothing through", at)
	}
	record(b, after(at), ok)
}

// trip opens a closed breaker at a time.
func trip(t *testing.T, b *Breaker, at time.Duration) {
	t.Helper()
	for range 5 {
		attempt(t, b, at, false)
	}
	wantState(t, b, at, headroom.BreakerOpen)
}

func wantState(t *testing.T, b *Breaker, at time.Duration, want headroom.BreakerState) {
	t.Helper()
	if got := b.State(after(at)); got != want {
		t.Errorf("at %v the breaker is %s, want %s", at, got, want)
	}
}

func TestFiveFailuresInARowOpenTheBreakerForThirtySeconds(t *testing.T) {
	b := newTestBreaker()
	for range 4 {
		attempt(t, b, 0, false)
	}
	attempt(t, b, 0, true) // the row is broken
	for range 4 {
		attempt(t, b, 0, false)
	}
	wantState(t, b, 0, headroom.BreakerClosed)
	attempt(t, b, time.Second, false)
	wantState(t, b, time.Second, headroom.BreakerOpen)
	if retry := retryAt(b, after(time.Second)); !retry.Equal(after(31 * time.Second)) {
		t.Errorf("retry at %v, want 31 s after noon", retry)
	}
	if at := after(31*time.Second - 1); ready(b, at) || b.Allow(at) {
		t.Error("a nanosecond before its time the breaker lets an attempt through")
	}
	wantState(t, b, 31*time.Second, headroom.BreakerHalfOpen)
	if !ready(b, after(31*time.Second)) {
		t.Error("at its time the breaker is not ready")
	}
}

func TestHalfOpenLetsOneAttemptTryAndTwoSuccessesClose(t *testing.T) {
	b := newTestBreaker()
	trip(t, b, 0)
	if !b.Allow(after(30 * time.Second)) {
		t.Fatal("the first attempt is not let through")
	}
	if ready(b, after(31*time.Second)) || b.Allow(after(31*time.Second)) {
		t.Error("a second attempt is let through beside the first")
	}
	b.RecordSince(after(30*time.Second), after(32*time.Second), true)
	wantState(t, b, 32*time.Second, headroom.BreakerHalfOpen)
	attempt(t, b, 33*time.Second, true)
	wantState(t, b, 33*time.Second, headroom.BreakerClosed)
	for range 100 {
		if !b.Allow(after(34 * time.Second)) {
			t.Fatal("the closed breaker holds attempts back")
		}
	}
	// It starts from zero: four failures do not open it.
	for range 4 {
		record(b, after(34*time.Second), false)
	}
	wantState(t, b, 34*time.Second, headroom.BreakerClosed)
}

func TestEachFailedTryDoublesTheRecoveryTimeUpToTenTimes(t *testing.T) {
	b := newTestBreaker()
	trip(t, b, 0)
	at := time.Duration(0)
	for _, seconds := range []int{30, 60, 120, 240, 300, 300} {
		length := time.Duration(seconds) * time.Second
		if retry := retryAt(b, after(at)); !retry.Equal(after(at + length)) {
			t.Fatalf("opened at %v until %v, want for %v", at, retry.Sub(noon), length)
		}
		at += length
		attempt(t, b, at, false)
	}
}

func TestBreakerThatOpensAgainSoonGoesOnFromWhereItWas(t *testing.T) {
	for _, c := range []struct {
		wellFor time.Duration
		want    time.Duration // how long it then stays open
	}{
		{59 * time.Second, 120 * time.Second}, // it was kept away for 60 s
		{61 * time.Second, 30 * time.Second},
	} {
		b := newTestBreaker()
		trip(t, b, 0)
		attempt(t, b, 30*time.Second, false) // open until 90 s
		attempt(t, b, 90*time.Second, true)
		attempt(t, b, 90*time.Second, true)
		wantState(t, b, 90*time.Second, headroom.BreakerClosed)
		again := 90*time.Second + c.wellFor
		trip(t, b, again)
		if retry := retryAt(b, after(again)); !retry.Equal(after(again + c.want)) {
			t.Errorf("well for %v: open for %v, want %v", c.wellFor, retry.Sub(after(again)), c.want)
		}
	}
}

func TestJitterAddsUpToATenth(t *testing.T) {
	b := newTestBreaker()
	b.draw = func() float64 { return 0.5 }
	trip(t, b, 0)
	if retry := retryAt(b, noon); !retry.Equal(after(31500 * time.Millisecond)) {
		t.Errorf("open for %v, want 31.5s: 30 s and half of a tenth of it", retry.Sub(noon))
	}
}

func TestResultsFromBeforeItOpenedAreNotTakenForTheOneThatTries(t *testing.T) {
	b := newTestBreaker()
	trip(t, b, time.Second)
	record(b, after(2*time.Second), true) // late, while open
	wantState(t, b, 2*time.Second, headroom.BreakerOpen)
	record(b, after(31*time.Second), false) // half-open, but nobody was let through to try
	wantState(t, b, 31*time.Second, headroom.BreakerHalfOpen)

	if !b.Allow(after(31 * time.Second)) {
		t.Fatal("not let through")
	}
	b.RecordSince(noon, after(60*time.Second), false) // a request that hung for a minute
	wantState(t, b, 60*time.Second, headroom.BreakerHalfOpen)
	if ready(b, after(60*time.Second)) {
		t.Error("the attempt that tries was forgotten")
	}
	b.RecordSince(after(31*time.Second), after(60*time.Second), false)
	wantState(t, b, 60*time.Second, headroom.BreakerOpen)
}

// Clients that leave, whose requests were under way before the breaker opened, must not let more than one attempt try at a time.
func TestAttemptFromBeforeItOpenedEndsWithoutMakingRoomForASecondTry(t *testing.T) {
	b := newTestBreaker()
	if !b.Allow(after(0)) {
		t.Fatal("not let through")
	}
	trip(t, b, time.Second)
	if !b.Allow(after(31 * time.Second)) {
		t.Fatal("not let through to try")
	}
	b.Release(after(0))
	if ready(b, after(32*time.Second)) {
		t.Error("a second attempt may try beside the first")
	}
	b.Release(after(31 * time.Second))
	if !ready(b, after(32*time.Second)) {
		t.Error("the attempt that tried has ended, and the next may not try")
	}
}

func TestResultOfAnAttemptGivenUpAsLostIsNotTakenForTheNext(t *testing.T) {
	b := newTestBreaker()
	trip(t, b, 0)
	b.Allow(after(30 * time.Second))
	b.Allow(after(60 * time.Second)) // the first is lost
	b.RecordSince(after(30*time.Second), after(61*time.Second), true)
	if ready(b, after(61*time.Second)) {
		t.Error("the first's late result let a third try beside the second")
	}
	b.RecordSince(after(60*time.Second), after(62*time.Second), true)
	if !ready(b, after(62*time.Second)) {
		t.Error("the second's result was not taken")
	}
}

func TestAttemptWithoutAResultDoesNotKeepTheBreakerFromRecovering(t *testing.T) {
	b := newTestBreaker()
	trip(t, b, 0)
	b.Allow(after(30 * time.Second))
	b.Release(after(30 * time.Second))
	if !b.Allow(after(31 * time.Second)) {
		t.Error("after a cancel the next may not try")
	}
	if ready(b, after(61*time.Second-1)) {
		t.Error("the attempt is given up before RecoveryTimeout")
	}
	if !b.Allow(after(61 * time.Second)) {
		t.Error("an attempt that never ended keeps all others out for ever")
	}
}

func TestDisabledBreakerNeverOpensAndDisablingClosesIt(t *testing.T) {
	b := newTestBreaker()
	trip(t, b, 0)
	b.Configure(headroom.CircuitBreaker{Enabled: false, FailureThreshold: 5, RecoveryTimeout: 1})
	for range 100 {
		attempt(t, b, 0, false)
	}
	wantState(t, b, 0, headroom.BreakerClosed)
	b.Configure(headroom.CircuitBreaker{Enabled: true, FailureThreshold: 1, RecoveryTimeout: headroom.Duration(time.Second)})
	attempt(t, b, 0, false)
	if retry := retryAt(b, noon); !retry.Equal(after(time.Second)) {
		t.Errorf("retry at %v, want after the new 1s", retry)
	}
}

func TestVeryLongRecoveryTimeoutStaysOpen(t *testing.T) {
	b := NewBreaker(headroom.CircuitBreaker{Enabled: true, FailureThreshold: 1, RecoveryTimeout: 1<<63 - 1}, noon, noJitter)
	attempt(t, b, 0, false)
	if ready(b, after(24*time.Hour)) {
		t.Error("a recovery time of 292 years ended within a day")
	}
}

func TestBreakerAllocatesNothing(t *testing.T) {
	b := newTestBreaker()
	n := testing.AllocsPerRun(1000, func() {
		if ready(b, noon) && b.Allow(noon) {
			record(b, noon, true)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per attempt", n)
	}
}

// Whatever happens, in whatever order: while half-open there is one attempt at a time, one more only when the one before
// has been lost for RecoveryTimeout; nothing passes while open; and two successes after the recovery time always close it.
func TestHalfOpenNeverLetsTwoTryAndAlwaysRecovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBreaker(headroom.CircuitBreaker{
			Enabled:          true,
			FailureThreshold: rapid.IntRange(1, 4).Draw(t, "threshold"),
			RecoveryTimeout:  headroom.Duration(10 * time.Second),
		}, noon, func() float64 { return rapid.Float64Range(0, 0.999).Draw(t, "draw") })
		now := time.Duration(0)
		var trying []time.Duration // when those that try were let through, since it last opened
		var old int                // attempts under way that were let through while closed
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.IntRange(0, 8_000).Draw(t, "ms")) * time.Millisecond
			before := b.State(after(now))
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				free := ready(b, after(now))
				if allowed := b.Allow(after(now)); allowed != free {
					t.Fatalf("it is free: %v, but Allow says %v", free, allowed)
				} else if !allowed {
					if before == headroom.BreakerClosed {
						t.Fatal("closed, and lets nothing through")
					}
					continue
				}
				switch before {
				case headroom.BreakerOpen:
					t.Fatalf("open until %v, and lets an attempt through at %v", retryAt(b, after(now)), after(now))
				case headroom.BreakerClosed:
					old++
				case headroom.BreakerHalfOpen:
					for _, began := range trying {
						if now-began < 10*time.Second {
							t.Fatalf("a second attempt at %v, the first is trying since %v", now, began)
						}
					}
					trying = append(trying, now)
				}
			case 2:
				ok := rapid.Bool().Draw(t, "ok")
				if before == headroom.BreakerClosed && old > 0 {
					old--
					record(b, after(now), ok)
				} else if len(trying) > 0 {
					began := trying[0]
					trying = trying[1:]
					b.RecordSince(after(began), after(now), ok)
				}
			case 3:
				if len(trying) > 0 {
					began := trying[0]
					trying = trying[1:]
					b.Release(after(began))
				}
			}
			if state := b.State(after(now)); state != headroom.BreakerHalfOpen {
				trying = nil
			}
		}
		// The longest recovery time is 10·10 s and a tenth; then a lost attempt may have to be given up, 10 s.
		now += 121 * time.Second
		for range probeSuccesses {
			if !b.Allow(after(now)) {
				t.Fatal("it never lets an attempt try again")
			}
			record(b, after(now), true)
		}
		if state := b.State(after(now)); state != headroom.BreakerClosed {
			t.Fatalf("after %d successes it is %s", probeSuccesses, state)
		}
	})
}

func TestManyAtOnceLetExactlyOneTry(t *testing.T) {
	b := newTestBreaker()
	trip(t, b, 0)
	var through atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if ready(b, after(30*time.Second)) && b.Allow(after(30*time.Second)) {
				through.Add(1)
			}
			b.State(after(30 * time.Second))
		})
	}
	all.Wait()
	if through.Load() != 1 {
		t.Errorf("%d attempts were let through at once, want 1", through.Load())
	}
	// Results, cancels and settings from all sides must not race, nor leave it stuck.
	for i := range 50 {
		all.Go(func() {
			at := after(time.Duration(31+i) * time.Second)
			if b.Allow(at) {
				record(b, at, i%3 == 0)
			}
			b.Release(noon)
			b.Configure(headroom.CircuitBreaker{Enabled: i%10 != 0, FailureThreshold: 2, RecoveryTimeout: headroom.Duration(time.Second)})
		})
	}
	all.Wait()
	late := after(time.Hour)
	for range probeSuccesses {
		if !b.Allow(late) {
			t.Fatal("stuck")
		}
		record(b, late, true)
	}
	if state := b.State(late); state != headroom.BreakerClosed {
		t.Errorf("state %s, want closed", state)
	}
}

func newSharingBreaker(probes int) *Breaker {
	return NewBreaker(headroom.CircuitBreaker{
		Enabled: true, FailureThreshold: 1000, ErrorPercent: 50, MinimumRequests: 20, Probes: probes,
		RecoveryTimeout: headroom.Duration(5 * time.Second), MaxRecoveryTimeout: headroom.Duration(time.Minute),
	}, noon, noJitter)
}

func TestHalfOfTwentyFailuresInTenSecondsOpenIt(t *testing.T) {
	for _, c := range []struct {
		name       string
		ok, failed int           // in turns, the successes first
		late       time.Duration // of the failures, behind the successes
		want       headroom.BreakerState
	}{
		{"10 of 20", 10, 10, 0, headroom.BreakerOpen},
		{"9 of 19 are too few requests", 10, 9, 0, headroom.BreakerClosed},
		{"10 of 21 are less than half", 11, 10, 0, headroom.BreakerClosed},
		{"19 within ten seconds, all failed", 10, 19, 10 * time.Second, headroom.BreakerClosed},
		{"9 s apart", 10, 10, 9 * time.Second, headroom.BreakerOpen},
	} {
		b := newSharingBreaker(1)
		for range c.ok {
			attempt(t, b, 0, true)
		}
		for range c.failed {
			attempt(t, b, c.late, false)
		}
		if got := b.State(after(c.late)); got != c.want {
			t.Errorf("%s: the breaker is %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRecoveryTimesDoubleUpToAMinute(t *testing.T) {
	b := newSharingBreaker(1)
	for range 20 {
		attempt(t, b, 0, false)
	}
	at := time.Duration(0)
	for _, seconds := range []int{5, 10, 20, 40, 60, 60} {
		at += time.Duration(seconds) * time.Second
		if b.Allow(after(at - 1)) {
			t.Fatalf("a nanosecond before %v something passes", at)
		}
		attempt(t, b, at, false)
	}
}

func TestThreeMayTryAtOnceWhereThreeProbesAreSet(t *testing.T) {
	b := newSharingBreaker(3)
	for range 20 {
		attempt(t, b, 0, false)
	}
	for i := range 5 {
		at := after(5*time.Second + time.Duration(i))
		if got, want := b.Allow(at), i < 3; got != want {
			t.Errorf("attempt %d is let through: %v, want %v", i+1, got, want)
		}
	}
	b.RecordSince(after(5*time.Second+1), after(6*time.Second), true)
	b.RecordSince(after(5*time.Second+2), after(6*time.Second), true)
	wantState(t, b, 6*time.Second, headroom.BreakerClosed)
	// What failed before it opened counts no more.
	attempt(t, b, 6*time.Second, false)
	wantState(t, b, 6*time.Second, headroom.BreakerClosed)
}

func BenchmarkAttemptThroughAClosedBreaker(b *testing.B) {
	breaker := newTestBreaker()
	b.ReportAllocs()
	for b.Loop() {
		if breaker.Allow(noon) {
			record(breaker, noon, true)
		}
	}
}
