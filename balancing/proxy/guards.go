package proxy

import (
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/guard"
)

// guards is what a service knows for keeping its requests from failing. It outlives tables.
type guards struct {
	budget    guard.Budget
	outliers  guard.Detector // under the server's lock
	warming   bool           // some backend gets less than its share; under the server's lock
	retries   atomic.Uint64  // attempts beyond the first, hedges not included
	exhausted atomic.Uint64  // that there was no budget for

	reported struct{ retries, exhausted uint64 } // under the server's lock
}

func (g *guards) configure(settings headroom.LoadBalancing) {
	g.budget.Configure(settings.Retries.Budget)
}

// tick is called about once a second.
func (g *guards) tick(now time.Time, t *traffic) {
	g.budget.Tick(now, t.arrivals.Load())
}

// measure reports what was counted since the last time. The server's lock is held.
func (g *guards) measure() headroom.GuardMeasurement {
	return headroom.GuardMeasurement{
		Retries:   difference(g.retries.Load(), &g.reported.retries),
		Exhausted: difference(g.exhausted.Load(), &g.reported.exhausted),
	}
}
