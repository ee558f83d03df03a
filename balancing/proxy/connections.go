package proxy

import "time"

// connections are those to one backend that may be used: by anybody, or by one client alone.
type connections struct {
	h1 pool
	h2 h2Pool
}

func (c *connections) setOpen(open bool) {
	c.h1.setOpen(open)
	c.h2.setOpen(open)
}

// reap closes connections unused since before, and returns how many are left, of HTTP/1.1 those that are not in use.
func (c *connections) reap(before time.Time) (left int) {
	return c.h1.reap(before) + c.h2.reap(before)
}

// connect takes a connection to b, or opens one; fresh asks for one that carried no exchange yet.
func (x *exchange) connect(b *backend, fresh bool) (call, error) {
	x.connected = 0
	t := b.transport.Load()
	shared := &b.connections
	if t.tellsClient() {
		shared = x.conn.own.to(b, &x.conn.server.owners, x.attemptAt)
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
	if x.view.overload != nil {
		if err := x.pend(b, shared.h1.makeRoom(x.view.overload.PerBackend.MaxConnections, int(b.traffic.inFlight.Load())-1)); err != nil {
			return nil, err
		}
		defer x.endPend(b)
	}
	began := time.Now()
	conn, err := b.dial(x)
	if err != nil {
		return nil, err
	}
	x.connected = time.Since(began)
	return newBackendConn(b, t, &shared.h1, conn, x.view.limits), nil
}
