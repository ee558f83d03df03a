package proxy

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// ownConnections are those of one client, to backends that learn from each connection who the client is.
type ownConnections struct {
	mu      sync.Mutex
	owners  *owners // once there are any
	backend map[*backend]*own
}

// own are a client's connections to one backend.
type own struct {
	connections
	asked time.Time // for the last time
}

// to returns the client's connections to a backend.
func (o *ownConnections) to(b *backend, owners *owners, now time.Time) *connections {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owners == nil {
		o.owners, o.backend = owners, map[*backend]*own{}
		owners.add(o)
	}
	if o.backend[b] == nil {
		o.backend[b] = &own{}
	}
	o.backend[b].asked = now
	return &o.backend[b].connections
}

// reap closes connections unused since before, and forgets the backends that are gone or that nothing is left of. A request that is still
// on a connection to one of those closes it at its end.
func (o *ownConnections) reap(before time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.backend, func(b *backend, own *own) bool {
		if left := own.reap(before); b.active.Load() && (left > 0 || !own.asked.Before(before)) {
			return false
		}
		own.setOpen(false)
		return true
	})
}

// close ends them with their client.
func (o *ownConnections) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owners == nil {
		return
	}
	o.owners.remove(o)
	for _, own := range o.backend {
		own.setOpen(false)
	}
}

// owners are the clients that have connections of their own. One may stay for long and ask for nothing more, so the sampler looks after them.
type owners struct {
	mu  sync.Mutex // taken by a client's first request to such a backend and at its end
	all map[*ownConnections]struct{}
}

func (o *owners) add(own *ownConnections) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[*ownConnections]struct{}{}
	}
	o.all[own] = struct{}{}
}

func (o *owners) remove(own *ownConnections) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, own)
}

func (o *owners) reap(before time.Time) {
	o.mu.Lock()
	all := slices.Collect(maps.Keys(o.all))
	o.mu.Unlock()
	for _, own := range all {
		own.reap(before)
	}
}
