package orchestration

import (
	"math"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestBackoffDoublesToFiveMinutesWithTwentyPercentJitter(t *testing.T) {
	b, now := Backoff{}, noon
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300} {
		b = b.Failed(now, 0.5)
		if got := b.NotBefore.Sub(now); got != want*time.Second || b.Failures != i+1 {
			t.Errorf("failure %d: %s, %+v", i+1, got, b)
		}
		now = b.NotBefore
	}
	for random, want := range map[float64]time.Duration{0: 800 * time.Millisecond, 0.25: 900 * time.Millisecond, 1: 1200 * time.Millisecond, math.NaN(): time.Second} {
		if got := (Backoff{}).Failed(noon, random).NotBefore.Sub(noon); got != want {
			t.Errorf("random %v: %s, want %s", random, got, want)
		}
	}
	if got := (Backoff{Failures: math.MaxInt - 1}).Failed(noon, 0.5).NotBefore.Sub(noon); got != 5*time.Minute {
		t.Errorf("after many: %s", got)
	}
}

func TestFailuresDuringABackoffBelongToTheSameAttempt(t *testing.T) {
	b := Backoff{}.Failed(noon, 0.5)
	if again := b.Failed(noon.Add(time.Second-1), 0.5); again != b {
		t.Errorf("%+v", again)
	}
	if again := b.Failed(noon.Add(time.Second), 0.5); again.Failures != 2 {
		t.Errorf("%+v", again)
	}
}

func TestBackoffEndsAfterTenHealthyMinutes(t *testing.T) {
	w := world(2, replicas(ready, 1, 2))
	w.Backoff = Backoff{Failures: 3, NotBefore: noon.Add(-9 * time.Minute), LastFailure: noon.Add(-10*time.Minute + 1)}
	if got := Plan(w).Backoff; got != w.Backoff {
		t.Errorf("too soon: %+v", got)
	}
	w.Backoff.LastFailure = noon.Add(-10 * time.Minute)
	if got := Plan(w).Backoff; got != (Backoff{}) {
		t.Errorf("kept: %+v", got)
	}
	w.Wish.Replicas = 3 // not all that are wished are there
	if got := Plan(w).Backoff; got != w.Backoff {
		t.Errorf("one is missing: %+v", got)
	}
}

func TestAClockThatWasSetBackDoesNotHoldReplicasUp(t *testing.T) {
	w := world(1)
	w.Backoff = Backoff{Failures: 1, NotBefore: noon.Add(24 * time.Hour), LastFailure: noon.Add(24 * time.Hour)}
	if got := Plan(w).Backoff.NotBefore.Sub(noon); got != 6*time.Minute {
		t.Errorf("held up for %s", got)
	}
}

// A surge must not wait for a crash of minutes ago once replicas get ready and stay: a failed start says something about
// the starts that follow, until one of them goes well.
func TestBackoffEndsOnceAReplicaThatWasStartedAfterTheFailureStays(t *testing.T) {
	later := replica(3, ready)
	later.CreatedAt, later.ReadyAt = noon.Add(-11*time.Second), noon.Add(-10*time.Second+1)
	w := world(4, replicas(ready, 1, 2), []headroom.Replica{later})
	w.Backoff = Backoff{Failures: 7, NotBefore: noon.Add(time.Minute), LastFailure: noon.Add(-12 * time.Second)}
	if step := expect(t, w, ""); step.Backoff != w.Backoff {
		t.Errorf("too soon: %+v", step.Backoff)
	}
	later.ReadyAt = noon.Add(-10 * time.Second)
	w.Inventory.Replicas[2] = later
	if step := expect(t, w, "grow shop-4"); step.Backoff != (Backoff{}) {
		t.Errorf("kept: %+v", step.Backoff)
	}
	w.Backoff.LastFailure = later.CreatedAt // it was started together with the one that failed
	if step := expect(t, w, ""); step.Backoff != w.Backoff {
		t.Errorf("proves nothing: %+v", step.Backoff)
	}
}
