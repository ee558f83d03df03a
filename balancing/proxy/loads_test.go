package proxy

import (
	"time"

	"headroom.dev/headroom"
)

// backendLoad is how one backend is at this instant.
type backendLoad struct {
	ID       string
	Service  string
	InFlight int64
	Active   bool // may get requests as far as the table says
	Health   headroom.Health
	Breaker  headroom.BreakerState
}

// loads lists all backends with their load, those included that no table names any more but that are still serving requests.
// Once a draining backend's InFlight is 0 it gets no further request.
func (s *Server) loads() []backendLoad {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var list []backendLoad
	add := func(service string, b *backend) {
		b.mu.Lock()
		health := b.health
		b.mu.Unlock()
		list = append(list, backendLoad{ID: b.id, Service: service, InFlight: b.traffic.inFlight.Load(), Active: b.active.Load(),
			Health: health, Breaker: b.breakerState(now)})
	}
	for _, name := range sortedNames(s.services) {
		for _, m := range s.services[name].members {
			add(name, m.backend)
		}
	}
	for _, gone := range s.departing {
		if gone.traffic.inFlight.Load() > 0 {
			add(gone.service, gone)
		}
	}
	return list
}
