package proxy

import (
	"runtime/debug"
	"time"

	"headroom.dev/headroom/balancing/socket"
)

// endIdle ends the parked connections that have been idle for too long.
func (s *Server) endIdle(now time.Time) {
	for _, owner := range s.lot.TakeWhere(func(p socket.Parked) bool { return p.(*h1Client).idleTooLong(now) }) {
		owner.Ready()
	}
}

// given remembers when memory was given back last.
type given struct {
	at     time.Time
	parked uint64 // how often connections had been parked by then
}

const (
	// giveBackAfter is how many newly parked connections are worth a garbage collection: their goroutines left stacks of 8 KB each, so 16 MB.
	giveBackAfter = 2000
	// giveBackEvery bounds what that costs: a collection of the balancer's 30 MB takes 20 ms of one core.
	giveBackEvery = 10 * time.Second
)

// due reports whether memory is worth giving back, and notes that it is. A wave of connections that is half as large as all before it need not
// wait for giveBackEvery: however often that happens, each is larger than the last.
func (g *given) due(now time.Time, parked uint64) bool {
	wave := parked - g.parked
	if wave < giveBackAfter || wave < g.parked/2 && now.Sub(g.at) < giveBackEvery {
		return false
	}
	*g = given{at: now, parked: parked}
	return true
}

// giveBack returns the memory of goroutines whose connections were parked. The balancer allocates so little that the next collection may
// otherwise be the one that Go forces after two minutes.
func (s *Server) giveBack(now time.Time) {
	if s.given.due(now, s.lot.Times()) {
		s.tasks.Go(debug.FreeOSMemory)
	}
}
