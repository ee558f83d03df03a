package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/pick"
)

// backend is one address that gets requests. It is made when a table first names its ID and lives until no table names it and its last
// request has ended.
type backend struct {
	id      string
	service string
	address string
	traffic traffic
	load    pick.Load
	conduct conduct
	pending atomic.Int64 // requests that wait for a connection, where that is limited
	window  window       // under the server's lock

	warmsSince time.Time // since when its share grows; zero: it is whole. Under the server's lock
	wasOpen    bool      // its breaker, when last looked at. Under the server's lock

	connections connections
	large       *sync.Pool // the server's
	transport   atomic.Pointer[transport]
	tls         atomic.Pointer[configuring]

	active  atomic.Bool // in the table, and not draining
	healthy atomic.Bool
	breaker Breaker // nil: none

	sessionsEnd atomic.Int64 // until when it keeps its sessions while it drains, Unix nanoseconds; 0 where it has none to keep
	keeps       bool         // its sessions, still; under the server's lock

	mu          sync.Mutex // guards what follows, which only Apply, SetHealth and failures touch
	health      headroom.Health
	lastFailure string
}

func newBackend(b headroom.Backend, service string, health headroom.Health, breaker Breaker, large *sync.Pool) *backend {
	made := &backend{id: b.ID, service: service, address: b.Address, health: health, breaker: breaker, large: large}
	made.healthy.Store(health == headroom.HealthHealthy)
	return made
}

// setTransport says how the backend is spoken to from now on. Connections of another kind are not used again.
func (b *backend) setTransport(t *transport, configure *configuring) {
	b.tls.Store(configure)
	old := b.transport.Load()
	if old != nil && *old == *t {
		return
	}
	b.transport.Store(t)
	if old != nil {
		b.connections.setOpen(false)
		b.connections.setOpen(b.active.Load())
	}
}

// setActive says whether the backend may get requests. One that may not keeps no idle connections.
func (b *backend) setActive(active bool) {
	b.active.Store(active)
	b.connections.setOpen(active || b.keeps)
}

// acquire takes a place on the backend, unless it got inactive after the caller's snapshot was made. Whoever drains a backend sets it inactive
// first and reads inFlight then, so one of the two sees the other.
func (b *backend) acquire() bool {
	b.traffic.inFlight.Add(1)
	if b.active.Load() {
		return true
	}
	b.traffic.inFlight.Add(-1)
	return false
}

func (b *backend) setHealth(health headroom.Health, failure string) (before headroom.Health, changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, changed = b.health, b.health != health
	b.health = health
	if failure != "" {
		b.lastFailure = failure
	}
	b.healthy.Store(health == headroom.HealthHealthy)
	return before, changed
}

// unhealthy reports whether checks have found that the backend is ill, rather than nothing yet.
func (b *backend) unhealthy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.health == headroom.HealthUnhealthy
}

// noteFailure keeps what went wrong for people to see.
func (b *backend) noteFailure(now time.Time, what string) {
	b.mu.Lock()
	b.lastFailure = now.UTC().Format(time.RFC3339) + " " + what
	b.mu.Unlock()
}

func (b *backend) breakerState(now time.Time) headroom.BreakerState {
	if b.breaker == nil {
		return headroom.BreakerClosed
	}
	return b.breaker.State(now)
}

func (b *backend) measure(now time.Time) headroom.BackendMeasurement {
	measured := headroom.BackendMeasurement{ID: b.id, Address: b.address, Traffic: b.window.take(&b.traffic), Breaker: b.breakerState(now)}
	if b.conduct.ejected.Load() {
		measured.Ejected = b.conduct.host.Detail
	}
	b.mu.Lock()
	measured.Health, measured.LastFailure = b.health, b.lastFailure
	b.mu.Unlock()
	return measured
}
