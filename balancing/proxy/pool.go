package proxy

import (
	"sync"
	"time"
)

// pool keeps a backend's unused connections, newest on top: the newest is the least likely to have been closed by the other end, and
// those that are not needed grow old and are closed.
type pool struct {
	mu     sync.Mutex
	closed bool
	idle   []*backendConn
}

// take returns a connection of a transport that has been used since then, or nil. Whoever sends on it looks first whether it is open.
func (p *pool) take(t *transport, since time.Time) *backendConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 || p.idle[last].idleSince.Before(since) || p.idle[last].transport != t {
		return nil
	}
	u := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	return u
}

// makeRoom closes unused connections that were too old to be used where used and unused ones together are as many as there may be, and returns how
// many are left in all. 0 is any number.
func (p *pool) makeRoom(most, used int) int {
	p.mu.Lock()
	unused := len(p.idle)
	p.mu.Unlock()
	if most > 0 && used+unused >= most {
		unused = p.reap(time.Now())
	}
	return used + unused
}

// put gives a connection back. It is closed if the pool is closed or full.
func (p *pool) put(u *backendConn, now time.Time) {
	u.idleSince = now
	p.mu.Lock()
	if p.closed || len(p.idle) >= maxIdlePerBackend || u.transport != u.backend.transport.Load() {
		p.mu.Unlock()
		u.close()
		return
	}
	p.idle = append(p.idle, u)
	p.mu.Unlock()
}

// setOpen opens the pool or closes it with all its connections.
func (p *pool) setOpen(open bool) {
	p.mu.Lock()
	p.closed = !open
	var drop []*backendConn
	if !open {
		drop, p.idle = p.idle, nil
	}
	p.mu.Unlock()
	for _, u := range drop {
		u.close()
	}
}

// reap closes connections unused since before and returns how many unused ones are left.
func (p *pool) reap(before time.Time) (left int) {
	p.mu.Lock()
	old := 0
	for old < len(p.idle) && p.idle[old].idleSince.Before(before) {
		old++
	}
	drop := append([]*backendConn(nil), p.idle[:old]...)
	kept := copy(p.idle, p.idle[old:])
	clear(p.idle[kept:])
	p.idle = p.idle[:kept]
	p.mu.Unlock()
	for _, u := range drop {
		u.close()
	}
	return kept
}
