package proxy

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/h2"
)

// h2Pool keeps the HTTP/2 connections to one backend. Each carries as many requests at once as the backend allows; another is opened when all are
// full.
type h2Pool struct {
	mu      sync.Mutex
	closed  bool
	conns   []*h2Pooled
	dialing *dialing // under way, or nil
}

// h2Pooled is one connection of a pool.
type h2Pooled struct {
	client    *h2.Client
	transport *transport
	served    atomic.Bool // carried a whole exchange before
	idleSince time.Time   // when it was seen without streams first; zero while it has some
}

// open takes a place on a connection that can take one, or returns nil.
func (p *h2Pool) open(t *transport) (*h2.Stream, *h2Pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		if c.transport != t {
			continue
		}
		if stream, err := c.client.Open(); err == nil {
			c.idleSince = time.Time{}
			return stream, c
		}
	}
	return nil, nil
}

// dialing is a connection being opened, for all that wait for a place: a hundred requests that come at once would otherwise open a
// hundred connections.
type dialing struct {
	done chan struct{} // closed when it has ended
	err  error
}

// openStream takes a place for a request on one of the connections to b. It waits for others' connections for no longer than opening one may
// take: where they end as soon as they are open, or have few places, it would else be in vain again and again.
func (x *exchange) openStream(b *backend, t *transport, p *h2Pool) (call, error) {
	if stream, conn := p.open(t); stream != nil {
		return x.callOn(stream, conn), nil
	}
	if x.view.overload != nil {
		if err := x.pend(b, p.size()); err != nil {
			return nil, err
		}
		defer x.endPend(b)
	}
	began := time.Now()
	defer func() { x.connected = time.Since(began) }()
	limit := time.NewTimer(time.Duration(x.view.settings.Timeouts.Connect))
	defer limit.Stop()
	for {
		p.mu.Lock()
		other := p.dialing
		own := &dialing{done: make(chan struct{})}
		if other == nil {
			p.dialing = own
		}
		p.mu.Unlock()
		if other == nil {
			return x.dialStream(b, t, p, own)
		}
		select {
		case <-other.done:
		case <-limit.C:
			return x.dialStream(b, t, p, own)
		}
		if other.err != nil {
			return nil, other.err
		}
		if stream, conn := p.open(t); stream != nil {
			return x.callOn(stream, conn), nil
		}
	}
}

// dialStream opens a connection and takes the first place on it. Those who wait get to it once the backend has said how many it takes at once: what
// goes beyond that would be refused.
func (x *exchange) dialStream(b *backend, t *transport, p *h2Pool, d *dialing) (call, error) {
	stream, conn, err := x.dialH2(b, t)
	if err != nil {
		p.dialed(d, nil, err)
		return nil, err
	}
	limit := time.NewTimer(time.Duration(x.view.settings.Timeouts.Connect))
	go func() {
		defer limit.Stop()
		select {
		case <-conn.client.Settled():
		case <-limit.C:
		}
		p.dialed(d, conn, nil)
	}()
	return x.callOn(stream, conn), nil
}

// dialed ends the wait for a connection.
func (p *h2Pool) dialed(d *dialing, conn *h2Pooled, err error) {
	p.mu.Lock()
	if p.dialing == d {
		p.dialing = nil
	}
	switch {
	case conn == nil:
	case p.closed:
		conn.client.Shutdown() // it ends with this request
	default:
		p.conns = append(p.conns, conn)
	}
	p.mu.Unlock()
	d.err = err
	close(d.done)
}

func (x *exchange) dialH2(b *backend, t *transport) (*h2.Stream, *h2Pooled, error) {
	conn, err := b.dial(x)
	if err != nil {
		return nil, nil, err
	}
	scheme := "http"
	if t.settings.Enabled {
		scheme = "https"
	}
	client, err := h2.NewClient(conn, h2.ClientOptions{Scheme: scheme, Memory: x.conn.server.memory, Limits: x.view.limits, WriteTimeout: gatheredTime})
	if err != nil {
		return nil, nil, err
	}
	stream, err := client.Open()
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return stream, &h2Pooled{client: client, transport: t}, nil
}

func (x *exchange) callOn(stream *h2.Stream, conn *h2Pooled) call {
	x.h2call = h2Call{stream: stream, pooled: conn, limits: x.view.limits}
	return &x.h2call
}

// size is how many connections there are.
func (p *h2Pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// setOpen opens the pool or closes it: its connections end with their last streams.
func (p *h2Pool) setOpen(open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = !open
	if open {
		return
	}
	for _, c := range p.conns {
		c.client.Shutdown()
	}
	p.conns = nil
}

// reap closes connections without a stream since before, forgets those that take no more, and returns how many are left.
func (p *h2Pool) reap(before time.Time) (left int) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = slices.DeleteFunc(p.conns, func(c *h2Pooled) bool {
		switch {
		case !c.client.Usable():
			return true
		case c.client.Streams() > 0:
			c.idleSince = time.Time{}
		case c.idleSince.IsZero():
			c.idleSince = now
		case c.idleSince.Before(before):
			c.client.Shutdown()
			return true
		}
		return false
	})
	return len(p.conns)
}
