package guard

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
	// longestRecovery bounds the growth of the recovery timeout where maxRecoveryTimeout is not set: 30 s, 1 m, 2 m, 4 m, 5 m, 5 m, …
	// Envoy caps its ejections at ten times their base as well (30 s and 300 s).
	longestRecovery = 10
	// maxRecoveryTimeout, a year, keeps ten times it, with jitter, far from the end of an int64 of nanoseconds, 292 years.
	maxRecoveryTimeout = 365 * 24 * time.Hour
	// recoveryJitter is the most that is added to a recovery time, as a part of it, so that several balancers do not
	// try a backend at the same instant.
	recoveryJitter = 0.1
	// mostProbes is the most attempts at once that may try while half-open.
	mostProbes = 3
)

// Breaker is a circuit breaker, of one backend or of a whole service. It lets all attempts through while closed. FailureThreshold failures
// in a row open it, and so does a share of ErrorPercent of at least MinimumRequests in ten seconds; then it lets none through for
// RecoveryTimeout. After that it is half-open: Probes attempts at a time may try. Two successes close it; a failure opens it again for twice
// as long, up to MaxRecoveryTimeout. A backend that fails again soon after the breaker closed, within the time it was open, goes on from
// there and not from the start.
//
// What a failure is says whoever records it. The balancer's are attempts without an answer (no connection, a connection
// that broke, a timeout) and the statuses 502, 503 and 504, with which a backend says that it cannot serve now. A 500 is
// none: one page with a bug would otherwise open the breakers of all replicas, and take the service down.
//
// Time is a parameter, and there are no timers: an open breaker becomes half-open by being asked. Safe for concurrent
// use; while it is closed or open Allow takes no lock, and while it is closed neither do RecordSince and Release. None allocates.
type Breaker struct {
	epoch time.Time      // times are kept as nanoseconds since then, plus one
	draw  func() float64 // a random number in [0, 1) for the jitter

	openUntil atomic.Int64 // 0 while closed, else the end of the recovery time
	failures  atomic.Int64 // in a row while closed
	threshold atomic.Int64 // failures that open it; 0 where the breaker is disabled
	percent   atomic.Int64 // share of failures that opens it; 0 is none
	minimum   atomic.Int64 // results that a share needs
	recent    tally

	mu        sync.Mutex    // guards changes of state, and what follows
	recovery  time.Duration // RecoveryTimeout
	longest   time.Duration // MaxRecoveryTimeout
	probes    int
	trying    [mostProbes]int64 // when the attempts that try now were let through; 0 is a free place
	changed   int64             // when it last opened or closed
	openFor   int64             // length of the last recovery time
	openings  int               // in a row, each of which doubles the recovery time
	successes int               // in a row while half-open
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
	b.longest = min(time.Duration(settings.MaxRecoveryTimeout), longestRecovery*maxRecoveryTimeout)
	if b.longest <= 0 {
		b.longest = longestRecovery * b.recovery
	}
	b.probes = min(max(settings.Probes, 1), mostProbes)
	if !settings.Enabled {
		b.threshold.Store(0)
		b.percent.Store(0)
		b.failures.Store(0)
		b.openings = 0
		b.trying = [mostProbes]int64{}
		b.openUntil.Store(0)
		return
	}
	b.minimum.Store(int64(max(settings.MinimumRequests, 1)))
	b.percent.Store(int64(settings.ErrorPercent))
	b.threshold.Store(int64(settings.FailureThreshold))
}

// Allow lets an attempt through, or not. While half-open an attempt that it lets through keeps its place until its
// result is recorded, or it is canceled, or RecoveryTimeout passes, after which it counts as lost. Hot path.
func (b *Breaker) Allow(now time.Time) bool {
	until := b.openUntil.Load()
	if until == 0 {
		return true
	}
	at := b.since(now)
	return at >= until && b.try(at)
}

// try takes a place among the attempts of a half-open breaker.
func (b *Breaker) try(at int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	until := b.openUntil.Load()
	if until == 0 {
		return true
	}
	if at < until {
		return false // another's failure has opened it again
	}
	for i := range b.trying[:b.probes] {
		if began := b.trying[i]; began == 0 || at >= began+int64(b.recovery) {
			b.trying[i] = at
			return true
		}
	}
	return false
}

// RecordSince takes the result of an attempt that Allow let through. While the breaker is open results change nothing: they
// are of attempts from before. began is the time that was given to Allow: an attempt from before the breaker opened, or one
// that was given up as lost, is not taken for one that tries now. Otherwise a request that hung before the breaker opened
// and times out while it is half-open would open it again. Hot path.
func (b *Breaker) RecordSince(began, now time.Time, ok bool) {
	if b.openUntil.Load() != 0 {
		b.recordProbe(b.since(began), b.since(now), ok)
		return
	}
	percent := b.percent.Load()
	at := int64(0)
	if percent > 0 || !ok {
		at = b.since(now)
	}
	if percent > 0 {
		b.recent.add(at/int64(time.Second), ok)
	}
	if ok {
		if b.failures.Load() != 0 { // a load is cheaper than a store that all cores must see
			b.failures.Store(0)
		}
		return
	}
	threshold := b.threshold.Load()
	if threshold > 0 && b.failures.Add(1) >= threshold || percent > 0 && b.share(at, percent) {
		b.trip(at)
	}
}

// share reports whether too many of the last ten seconds' results are failures.
func (b *Breaker) share(at, percent int64) bool {
	ok, failed := b.recent.sum(at / int64(time.Second))
	return int64(ok+failed) >= b.minimum.Load() && int64(failed)*100 >= percent*int64(ok+failed)
}

// trip opens a breaker that is closed.
func (b *Breaker) trip(at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.openUntil.Load() != 0 || b.threshold.Load() == 0 {
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
	if b.openUntil.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leave(b.since(began))
}

// leave gives the place of an attempt back, and reports whether it had one. The caller holds mu.
func (b *Breaker) leave(began int64) bool {
	for i := range b.trying {
		if b.trying[i] == began {
			b.trying[i] = 0
			return true
		}
	}
	return false
}

// recordProbe takes a result while the breaker is not closed.
func (b *Breaker) recordProbe(began, at int64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.openUntil.Load() == 0 || !b.leave(began) {
		return // it has closed meanwhile, or this is not one that tries
	}
	if !ok {
		b.open(at)
		return
	}
	b.successes++
	if b.successes < probeSuccesses {
		return // the next may try
	}
	b.changed = at
	b.failures.Store(0)
	b.recent.reset()
	b.trying = [mostProbes]int64{}
	b.openUntil.Store(0)
}

// open opens the breaker, or opens it again. The caller holds mu.
func (b *Breaker) open(at int64) {
	length := b.recovery
	for doubled := 0; doubled < b.openings && length < b.longest; doubled++ {
		length *= 2
	}
	b.openings++
	b.successes = 0
	b.trying = [mostProbes]int64{}
	b.openFor = int64(float64(min(length, b.longest)) * (1 + recoveryJitter*b.draw()))
	b.changed = at
	b.openUntil.Store(at + b.openFor)
}

// since is a time as nanoseconds since the epoch plus one, never less than one, so that 0 can mean closed.
func (b *Breaker) since(now time.Time) int64 { return max(int64(now.Sub(b.epoch)), 0) + 1 }

// State is the state at a time.
func (b *Breaker) State(now time.Time) headroom.BreakerState {
	until := b.openUntil.Load()
	switch {
	case until == 0:
		return headroom.BreakerClosed
	case b.since(now) < until:
		return headroom.BreakerOpen
	}
	return headroom.BreakerHalfOpen
}
