package health

import (
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
)

// Constants of every breaker.
const (
	// probeSuccesses in a row close a half-open breaker. One could be luck with a backend that fails every other request;
	// the second costs no time where there is traffic.
	probeSuccesses = 2
	// longestRecovery bounds the growth of the recovery timeout: 30 s, 1 m, 2 m, 4 m, 5 m, 5 m, … Envoy caps its
	// ejections at ten times their base as well (30 s and 300 s).
	longestRecovery = 10
	// maxRecoveryTimeout, a year, keeps ten times it, with jitter, far from the end of an int64 of nanoseconds, 292 years.
	maxRecoveryTimeout = 365 * 24 * time.Hour
	// recoveryJitter is the most that is added to a recovery time, as a part of it, so that several balancers do not
	// try a backend at the same instant.
	recoveryJitter = 0.1
)

// Breaker is the circuit breaker of one backend. It lets all attempts through while closed; FailureThreshold failures in
// a row open it, and it lets none through for RecoveryTimeout. Then it is half-open: one attempt at a time may try. Two
// successes close it; a failure opens it again for twice as long, up to ten times RecoveryTimeout. A backend that fails
// again soon after the breaker closed, within the time it was open, goes on from there and not from the start.
//
// What a failure is says whoever records it. The balancer's are attempts without an answer (no connection, a connection
// that broke, a timeout) and the statuses 502, 503 and 504, with which a backend says that it cannot serve now. A 500 is
// none: one page with a bug would otherwise open the breakers of all replicas, and take the service down.
//
// Time is a parameter, and there are no timers: an open breaker becomes half-open by being asked. Safe for concurrent
// use; Allow never takes a lock, and neither do RecordSince and Release while the breaker is closed. None allocates.
type Breaker struct {
	epoch time.Time      // times are kept as nanoseconds since then, plus one
	draw  func() float64 // a random number in [0, 1) for the jitter

	// blocked is 0 while closed. Otherwise it is when the next attempt may pass, the end of the recovery time; or, while
	// an attempt is trying, when that was let through, negated.
	blocked   atomic.Int64
	failures  atomic.Int64 // in a row while closed
	threshold atomic.Int64 // failures that open it; 0 where the breaker is disabled
	expiry    atomic.Int64 // nanoseconds after which an attempt that is trying is given up as lost

	mu        sync.Mutex    // guards changes of state, and what follows
	recovery  time.Duration // RecoveryTimeout
	openUntil int64         // end of the recovery time, while not closed
	changed   int64         // when it last opened or closed
	openFor   int64         // length of the last recovery time
	openings  int           // in a row, each of which doubles the recovery time
	successes int           // in a row while half-open
}

// NewBreaker makes a closed breaker. epoch is any instant before its first use, by the clock that is passed later; draw
// returns random numbers in [0, 1) and must be safe for concurrent use where the breaker is.
func NewBreaker(settings headroom.CircuitBreaker, epoch time.Time, draw func() float64) *Breaker {
	b := &Breaker{epoch: epoch, draw: draw}
	b.Configure(settings)
	return b
}

// Configure changes the settings. A breaker that is open stays so until the time it was given, unless it is disabled.
func (b *Breaker) Configure(settings headroom.CircuitBreaker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recovery = min(time.Duration(settings.RecoveryTimeout), maxRecoveryTimeout)
	b.expiry.Store(int64(b.recovery))
	if !settings.Enabled {
		b.threshold.Store(0)
		b.failures.Store(0)
		b.openings = 0
		b.blocked.Store(0)
		return
	}
	b.threshold.Store(int64(settings.FailureThreshold))
}

// Allow lets an attempt through, or not. While half-open the attempt that it lets through keeps all others out until its
// result is recorded, or it is canceled, or RecoveryTimeout passes, after which it counts as lost. Hot path.
func (b *Breaker) Allow(now time.Time) bool {
	for {
		blocked := b.blocked.Load()
		if blocked == 0 {
			return true
		}
		at := b.since(now)
		if !b.passable(blocked, at) {
			return false
		}
		if b.blocked.CompareAndSwap(blocked, -at) {
			return true
		}
	}
}

// passable reports whether one attempt may try: the recovery time is over, or the one that is trying is lost.
func (b *Breaker) passable(blocked, at int64) bool {
	if blocked < 0 {
		return at >= -blocked+b.expiry.Load()
	}
	return at >= blocked
}

// RecordSince takes the result of an attempt that Allow let through. While the breaker is open results change nothing: they
// are of attempts from before. began is the time that was given to Allow: an attempt from before the breaker opened, or one
// that was given up as lost, is not taken for the one that tries now. Otherwise a request that hung before the breaker opened
// and times out while it is half-open would open it again. Hot path.
func (b *Breaker) RecordSince(began, now time.Time, ok bool) {
	if b.blocked.Load() != 0 {
		b.recordProbe(b.since(began), b.since(now), ok)
		return
	}
	if ok {
		if b.failures.Load() != 0 { // a load is cheaper than a store that all cores must see
			b.failures.Store(0)
		}
		return
	}
	if threshold := b.threshold.Load(); threshold > 0 && b.failures.Add(1) >= threshold {
		b.trip(b.since(now))
	}
}

// trip opens a breaker that is closed.
func (b *Breaker) trip(at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.blocked.Load() != 0 || b.threshold.Load() == 0 {
		return // another's failure opened it first, or it was disabled
	}
	if at-b.changed > b.openFor {
		b.openings = 0 // it has been well for longer than it was kept away
	}
	b.open(at)
}

// Release ends an attempt that Allow let through and that came to no result, such as one whose client went away: while
// half-open the next may try. began is as for RecordSince.
func (b *Breaker) Release(began time.Time) {
	if b.blocked.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if blocked := b.blocked.Load(); blocked < 0 && b.since(began) >= -blocked {
		b.blocked.Store(b.openUntil)
	}
}

// recordProbe takes a result while the breaker is not closed.
func (b *Breaker) recordProbe(began, at int64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	blocked := b.blocked.Load()
	if blocked >= 0 || began < -blocked {
		return // nobody is trying, or it is not the one that is
	}
	if !ok {
		b.open(at)
		return
	}
	b.successes++
	if b.successes < probeSuccesses {
		b.blocked.Store(b.openUntil) // the next may try
		return
	}
	b.changed = at
	b.failures.Store(0)
	b.blocked.Store(0)
}

// open opens the breaker, or opens it again. The caller holds mu.
func (b *Breaker) open(at int64) {
	factor := min(1<<min(b.openings, 10), longestRecovery)
	b.openings++
	b.successes = 0
	b.openFor = int64(float64(b.recovery) * float64(factor) * (1 + recoveryJitter*b.draw()))
	b.openUntil = at + b.openFor
	b.changed = at
	b.blocked.Store(b.openUntil)
}

// since is a time as nanoseconds since the epoch plus one, never less than one, so that 0 can mean closed.
func (b *Breaker) since(now time.Time) int64 { return max(int64(now.Sub(b.epoch)), 0) + 1 }

// State is the state at a time.
func (b *Breaker) State(now time.Time) headroom.BreakerState {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.blocked.Load() == 0 {
		return headroom.BreakerClosed
	}
	if b.since(now) < b.openUntil {
		return headroom.BreakerOpen
	}
	return headroom.BreakerHalfOpen
}
