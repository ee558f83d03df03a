package health

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
)

// world is a set of addresses that are well or not, in virtual time.
type world struct {
	mu     sync.Mutex // guards all below
	well   map[string]bool
	checks []string // address and time of each, since the start of the test
	events []string
	last   Status // of the last change
	start  time.Time
	takes  time.Duration // how long a check takes
}

func newWorld() *world { return &world{well: map[string]bool{}, start: time.Now()} }

func (w *world) set(address string, well bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.well[address] = well
}

func (w *world) probe(ctx context.Context, target Target) error {
	select {
	case <-time.After(w.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checks = append(w.checks, fmt.Sprintf("%s %v", target.Address, time.Since(w.start)))
	if !w.well[target.Address] {
		return errors.New("connection refused")
	}
	return nil
}

func (w *world) changed(c Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = c.Status
	w.events = append(w.events, fmt.Sprintf("%s %v %s", c.ID, time.Since(w.start), c.Status.Health))
}

// take returns what was noted so far, and forgets it.
func (w *world) take() (checks, events string) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	checks, events = strings.Join(w.checks, ", "), strings.Join(w.events, ", ")
	w.checks, w.events = nil, nil
	return checks, events
}

func (w *world) checker() *Checker {
	return NewChecker(CheckerOptions{Changed: w.changed, Probe: w.probe, Draw: func() float64 { return 0.5 }}) // ½ is no jitter
}

func target(id, address string) Target { return Target{ID: id, Address: address, Check: testCheck()} }

func wantNoted(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestNewTargetIsCheckedAtOnceAndOftenUntilItsFirstSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := w.checker()
		defer c.Stop()
		c.Set([]Target{target("shop-1", "a:1")})
		time.Sleep(350 * time.Millisecond)
		checks, events := w.take()
		wantNoted(t, "checks", checks, "a:1 0s, a:1 100ms, a:1 200ms, a:1 300ms")
		wantNoted(t, "events", events, "shop-1 0s unhealthy")
		w.set("a:1", true)
		time.Sleep(11 * time.Second)
		checks, events = w.take()
		wantNoted(t, "checks", checks, "a:1 400ms, a:1 5.4s, a:1 10.4s")
		wantNoted(t, "events", events, "shop-1 400ms healthy")
	})
}

func TestFailureIsFoundOutByThreeChecksASecondApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.set("a:1", true)
		c := w.checker()
		defer c.Stop()
		c.Set([]Target{target("shop-1", "a:1")})
		time.Sleep(time.Second)
		w.take()
		w.set("a:1", false)
		time.Sleep(7 * time.Second)
		_, events := w.take()
		wantNoted(t, "events", events, "shop-1 7s unhealthy") // failures at 5 s, 6 s and 7 s
		if failure := w.last.LastFailure; failure == nil || !strings.HasSuffix(failure.String(), " connection refused") {
			t.Errorf("last failure %v", failure)
		}
		w.set("a:1", true)
		time.Sleep(6 * time.Second)
		_, events = w.take()
		wantNoted(t, "events", events, "shop-1 13s healthy") // successes at 12 s and 13 s
		if failure := w.last.LastFailure; failure == nil || failure.At.Sub(w.start) != 7*time.Second {
			t.Errorf("the last failure was not kept: %v", failure)
		}
	})
}

func TestSetAddsRemovesAndMovesTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.set("a:1", true)
		w.set("b:2", true)
		w.takes = 10 * time.Millisecond
		c := w.checker()
		defer c.Stop()
		c.Set([]Target{target("shop-1", "a:1")})
		time.Sleep(time.Second)
		w.take()
		// The same again changes nothing; another address is another backend.
		c.Set([]Target{target("shop-1", "a:1"), target("shop-2", "c:3")})
		time.Sleep(20 * time.Millisecond)
		checks, events := w.take()
		wantNoted(t, "checks", checks, "c:3 1.01s")
		wantNoted(t, "events", events, "shop-2 1.01s unhealthy")
		c.Set([]Target{target("shop-1", "b:2")})
		time.Sleep(time.Second)
		checks, events = w.take()
		wantNoted(t, "checks", checks, "b:2 1.03s")
		wantNoted(t, "events", events, "shop-1 1.03s healthy")
	})
}

func TestResultOfACheckUnderWayIsIgnoredWhenItsTargetIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.takes = time.Second
		c := w.checker()
		defer c.Stop()
		c.Set([]Target{target("shop-1", "a:1")})
		time.Sleep(500 * time.Millisecond)
		c.Set(nil)
		time.Sleep(time.Hour)
		checks, events := w.take()
		wantNoted(t, "checks and events", checks+events, "")
	})
}

func TestChangedIntervalTakesEffectAtOnceAndKeepsTheHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.set("a:1", true)
		c := w.checker()
		defer c.Stop()
		slow := target("shop-1", "a:1")
		slow.Check.Interval = headroom.Duration(time.Hour)
		c.Set([]Target{slow})
		time.Sleep(time.Minute)
		w.take()
		quick := slow
		quick.Check.Interval = headroom.Duration(10 * time.Second)
		c.Set([]Target{quick})
		time.Sleep(15 * time.Second)
		checks, events := w.take()
		wantNoted(t, "checks", checks, "a:1 1m0s, a:1 1m10s")
		wantNoted(t, "events", events, "")
	})
}

func TestChangedWayToABackendIsTakenByTheNextCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.set("a:1", true)
		var by []string
		c := NewChecker(CheckerOptions{Draw: func() float64 { return 0.5 }, Probe: func(_ context.Context, target Target) error {
			by = append(by, fmt.Sprintf("%v %v %s %v", target.HTTP2, target.ProxyProtocol, target.kind(), time.Since(w.start)))
			return nil
		}})
		defer c.Stop()
		changed := target("shop-1", "a:1")
		c.Set([]Target{changed})
		time.Sleep(time.Second)
		for range 2 { // the second time it is the same, and changes nothing
			changed.HTTP2, changed.ProxyProtocol, changed.Protocol = true, "v2", headroom.ProtocolTCP
			c.Set([]Target{changed})
			synctest.Wait()
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		wantNoted(t, "checks", strings.Join(by, ", "), "false  http 0s, true v2 tcp 5s")
	})
}

func TestStopEndsAllChecksAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.takes = time.Minute
		c := w.checker()
		c.Set([]Target{target("shop-1", "a:1"), target("shop-2", "b:2")})
		time.Sleep(time.Second)
		c.Stop()
		c.Set([]Target{target("shop-3", "c:3")})
		time.Sleep(time.Hour)
		checks, events := w.take()
		wantNoted(t, "checks and events", checks+events, "")
		c.Stop() // again is harmless
	})
}

func TestCheckerFindsARealServerWellAndThenGone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	changes := make(chan Change, 10)
	c := NewChecker(CheckerOptions{Changed: func(change Change) { changes <- change }})
	defer c.Stop()
	check := testCheck()
	check.Interval = headroom.Duration(20 * time.Millisecond)
	c.Set([]Target{{ID: "shop-1", Address: server.Listener.Addr().String(), Check: check}})
	next := func() Change {
		select {
		case change := <-changes:
			return change
		case <-time.After(10 * time.Second):
			t.Fatal("no change of health within 10s")
			return Change{}
		}
	}
	if change := next(); change.Status.Health != headroom.HealthHealthy {
		t.Errorf("first %+v, want healthy", change)
	}
	server.Close()
	if change := next(); change.Status.Health != headroom.HealthUnhealthy || change.Status.LastFailure == nil {
		t.Errorf("then %+v, want unhealthy with the failure", change)
	}
}

func TestCheckerIsUsedFromManySidesAtOnce(t *testing.T) {
	c := NewChecker(CheckerOptions{
		Changed: func(Change) {},
		Probe: func(_ context.Context, target Target) error {
			if strings.HasSuffix(target.Address, "3") {
				return errors.New("down")
			}
			return nil
		},
	})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 50 {
				c.Set([]Target{target("shop-1", fmt.Sprintf("a:%d", n%5)), target(fmt.Sprintf("shop-%d", i), "b:1")})
			}
		})
	}
	all.Wait()
	c.Stop()
}
