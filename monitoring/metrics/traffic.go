package metrics

import (
	"time"

	"headroom.dev/headroom"
)

// serviceState is the traffic of one service since the balancer got to know it.
type serviceState struct {
	seen      time.Time
	arrivals  uint64
	outcomes  headroom.Outcomes
	durations durations
	bytesIn   uint64
	bytesOut  uint64
	mirror    headroom.MirrorMeasurement
	hold      headroom.HoldMeasurement
	inFlight  float64
	health    map[headroom.Health]int // how many backends are in each state
	backends  map[string]*backendState
	guard     headroom.GuardMeasurement
	limits    map[string]limitState // by name
}

// limitState is what one rate limit counted since the balancer got to know it.
type limitState struct {
	dryRun bool
	counts headroom.RateLimitCounts
}

// backendState is the traffic of one backend since the balancer got to know it.
type backendState struct {
	outcomes  headroom.Outcomes
	durations durations
	inFlight  float64
	health    headroom.Health
	breaker   headroom.BreakerState
	ejected   bool
}

func newServiceState() *serviceState {
	return &serviceState{durations: newDurations(edges(2)), backends: map[string]*backendState{}}
}

// add makes one second's report cumulative. Backends that are not in it are forgotten.
func (s *serviceState) add(at time.Time, report headroom.ServiceMeasurement) {
	s.seen = at
	s.arrivals += report.Traffic.Arrivals
	s.outcomes = s.outcomes.Plus(report.Traffic.Outcomes)
	s.durations.add(report.Traffic.Latency)
	s.bytesIn += report.Traffic.BytesIn
	s.bytesOut += report.Traffic.BytesOut
	s.guard = s.guard.Plus(report.Guard)
	s.hold.Waiting = report.Hold.Waiting
	s.hold.Held += report.Hold.Held
	s.hold.TurnedAway += report.Hold.TurnedAway
	s.hold.GaveUp += report.Hold.GaveUp
	s.mirror.Sent += report.Mirror.Sent
	s.mirror.Skipped += report.Mirror.Skipped
	s.inFlight = report.Traffic.InFlightMean

	limits := s.limits
	s.limits = make(map[string]limitState, len(report.RateLimits))
	for _, l := range report.RateLimits {
		s.limits[l.Limit] = limitState{l.DryRun, limits[l.Limit].counts.Plus(l.Counts)}
	}

	s.health = map[headroom.Health]int{headroom.HealthUnknown: 0, headroom.HealthHealthy: 0, headroom.HealthUnhealthy: 0}
	before := s.backends
	s.backends = make(map[string]*backendState, len(report.Backends))
	for _, b := range report.Backends {
		backend := before[b.ID]
		if backend == nil {
			backend = &backendState{durations: newDurations(edges(8))}
		}
		backend.outcomes = backend.outcomes.Plus(b.Traffic.Outcomes)
		backend.durations.add(b.Traffic.Latency)
		backend.inFlight = b.Traffic.InFlightMean
		backend.health, backend.breaker, backend.ejected = b.Health, b.Breaker, b.Ejected != ""
		s.backends[b.ID] = backend
		s.health[b.Health]++
	}
}
