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
	hedges    atomic.Uint64
	hedgesWon atomic.Uint64
	usual     guard.Quantile // time to first byte, where requests are hedged
	pending   atomic.Int64   // requests that wait for a connection, where that is limited
	breaker   atomic.Pointer[Breaker]

	// The adaptive limit, and what it is found from. Times to first byte are counted only where there is one.
	limit              atomic.Int64
	samples, firstByte atomic.Int64
	gradient           guard.Gradient // with what follows, under the server's lock
	mostInFlight       int64
	ticks              int

	shed map[string]*shedding // by class; under the server's lock

	reported struct{ retries, exhausted, hedges, hedgesWon uint64 } // under the server's lock
}

// shedding counts the requests of one class that were turned away.
type shedding struct {
	count    atomic.Uint64
	reported uint64
}

// configure takes new settings. The classes of a new view count on where those of the old one were.
func (g *guards) configure(settings headroom.LoadBalancing, o *overload) {
	g.budget.Configure(settings.Retries.Budget)
	if o == nil {
		return
	}
	if g.shed == nil {
		g.shed = map[string]*shedding{}
	}
	for i := range o.classes {
		class := &o.classes[i]
		if g.shed[class.name] == nil {
			g.shed[class.name] = &shedding{}
		}
		class.shed = &g.shed[class.name].count
	}
}

// tick is called about once a second.
func (g *guards) tick(now time.Time, t *traffic, hedging headroom.Hedging) {
	if hedging.Enabled {
		g.usual.Tick(hedging.Percentile / 100)
	}
	g.budget.Tick(now, t.arrivals.Load())
}

// measure reports what was counted since the last time. The server's lock is held.
func (g *guards) measure(now time.Time) headroom.GuardMeasurement {
	measured := headroom.GuardMeasurement{
		Retries:   difference(g.retries.Load(), &g.reported.retries),
		Exhausted: difference(g.exhausted.Load(), &g.reported.exhausted),
		Hedges:    difference(g.hedges.Load(), &g.reported.hedges), HedgesWon: difference(g.hedgesWon.Load(), &g.reported.hedgesWon),
		Limit: g.limit.Load(),
	}
	for name, s := range g.shed {
		if n := difference(s.count.Load(), &s.reported); n > 0 {
			if measured.Shed == nil {
				measured.Shed = map[string]uint64{}
			}
			measured.Shed[name] = n
		}
	}
	if b := g.breaker.Load(); b != nil {
		measured.Breaker = (*b).State(now)
	}
	return measured
}
