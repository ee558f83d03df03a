package proxy

import (
	"sync"
	"time"
)

// connections are those to one backend that may be used: by anybody, or by one client alone.
type connections struct {
	h1 pool
	h2 h2Pool
}

func (c *connections) setOpen(open bool) {
	c.h1.setOpen(open)
	c.h2.setOpen(open)
}

func (c *connections) reap(before time.Time) {
	c.h1.reap(before)
	c.h2.reap(before)
}

// ownConnections are those of one client, to backends that learn from each connection who the client is.
type ownConnections struct {
	mu      sync.Mutex
	backend map[*backend]*connections
}

// to returns the client's connections to a backend. Nobody else comes by to close those that are not needed any more, to this backend or to
// one that is gone.
func (o *ownConnections) to(b *backend) *connections {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := time.Now().Add(-idleInPool)
	for _, c := range o.backend {
		c.reap(before)
	}
	if o.backend == nil {
		o.backend = map[*backend]*connections{}
	}
	if o.backend[b] == nil {
		o.backend[b] = &connections{}
	}
	return o.backend[b]
}

// close ends them with their client.
func (o *ownConnections) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.backend {
		c.setOpen(false)
	}
}

// connect takes a connection to b, or opens one; fresh asks for one that carried no exchange yet.
func (x *exchange) connect(b *backend, fresh bool) (call, error) {
	x.connected = 0
	t := b.transport.Load()
	shared := &b.connections
	if t.tellsClient() {
		shared = x.conn.own.to(b)
	}
	if t.http2 {
		return x.openStream(b, t, &shared.h2)
	}
	if !fresh {
		longest := idleInPool
		if !x.idempotent || x.streaming { // it cannot be sent again
			longest = freshIdle
		}
		if u := shared.h1.take(t, x.attemptAt.Add(-longest)); u != nil {
			return u, nil
		}
	}
	began := time.Now()
	conn, err := b.dial(x)
	if err != nil {
		return nil, err
	}
	x.connected = time.Since(began)
	return newBackendConn(b, t, &shared.h1, conn, x.view.limits), nil
}
