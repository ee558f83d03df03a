package main

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// clock is a time that goes on by a second with each tick.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }
func (c *clock) second(int) bool { c.now = c.now.Add(time.Second); return true }

func TestScaleWaitsUntilSoManyAreReady(t *testing.T) {
	api := newFakeAPI(t)
	api.onLook = func(nth int, services []headroom.ServiceStatus) {
		if nth == 3 {
			services[1].ReadyReplicas, services[1].Operations = ptr(5), nil
		}
	}
	at := &clock{testNow}
	r := cli{environment: api.environment(), onTick: at.second, now: at.read}.run(t, "scale", "shop", "5", "--wait")
	if r.code != 0 || r.out != "shop: 5 replicas wanted, from 2, all ready\n" || api.looks != 3 {
		t.Errorf("exit code %d after %d looks, errors %q, output %q", r.code, api.looks, r.errOut, r.out)
	}
}

func TestScaleEndsWithExitCode3WhenItTakesTooLong(t *testing.T) {
	api := newFakeAPI(t)
	at := &clock{testNow}
	r := cli{environment: api.environment(), onTick: at.second, now: at.read}.run(t, "scale", "shop", "5", "--wait", "--timeout", "5s")
	if want := "headroom: shop has 2 of 5 replicas ready after 5s; the order stands\n"; r.code != 3 || r.errOut != want || r.out != "" {
		t.Errorf("exit code %d, errors %q, output %q; want 3, %q", r.code, r.errOut, r.out, want)
	}
}

func TestScaleStopsWaitingWhenSomeoneElseOrdersAnotherNumber(t *testing.T) {
	api := newFakeAPI(t)
	api.services[1].Manual = &headroom.ManualScale{Replicas: 3, By: "token"}
	r := cli{environment: api.environment()}.run(t, "scale", "shop", "5", "--wait")
	if r.code != 1 || !strings.Contains(r.errOut, "meanwhile ordered to have 3 replicas by token") {
		t.Errorf("exit code %d, errors %q", r.code, r.errOut)
	}
}

func TestStopEndsWithExitCode3WhileHeadroomStillAnswers(t *testing.T) {
	api := newFakeAPI(t)
	at := &clock{testNow}
	again := func(nth int) bool {
		api.mu.Lock()
		api.gone = false // it is slow to go
		api.mu.Unlock()
		return at.second(nth)
	}
	start := false
	now := func() time.Time {
		if !start { // the deadline is reckoned after the order; from then on it answers again
			start = true
			again(0)
		}
		return at.read()
	}
	r := cli{environment: api.environment(), onTick: again, now: now}.run(t, "stop", "--timeout", "3s")
	if r.code != 3 || !strings.Contains(r.errOut, "headroom still answers after 3s") {
		t.Errorf("exit code %d, errors %q, output %q", r.code, r.errOut, r.out)
	}
}
