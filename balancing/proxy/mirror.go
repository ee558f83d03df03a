package proxy

import (
	"bytes"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/edit"
	"headroom.dev/headroom/balancing/h1"
)

// mirror is a compiled headroom.Mirror.
type mirror struct {
	to    *service
	share float64 // of the requests, 0 to 1
	most  int64   // at once
}

// mirrored counts the copies of a service's requests; it outlives tables.
type mirrored struct {
	inFlight      atomic.Int64
	sent, skipped atomic.Uint64
	sentBefore    uint64 // the rest is Measure's, under the server's lock
	skippedBefore uint64
}

func (m *mirrored) take() headroom.MirrorMeasurement {
	return headroom.MirrorMeasurement{Sent: difference(m.sent.Load(), &m.sentBefore), Skipped: difference(m.skipped.Load(), &m.skippedBefore)}
}

// copied is a request that is to be sent again, to another service.
type copied struct {
	head  []byte
	body  []byte
	from  *service
	to    *service
	door  *view
	route *edit.Route
}

// copyHead keeps the head of a request whose copy is due, since it is gone once the body is read. What cannot be copied is counted: bodies that are
// not read whole before they are sent on, upgrades, and what is beyond the most at once.
func (x *exchange) copyHead(from *service, m *mirror) {
	if m.share < 1 && rand.Float64() >= m.share {
		return
	}
	counts := &from.mirrored
	if x.streaming || x.req.WebSocket() {
		counts.skipped.Add(1)
		return
	}
	if counts.inFlight.Add(1) > m.most {
		counts.inFlight.Add(-1)
		counts.skipped.Add(1)
		return
	}
	x.copied = &copied{head: bytes.Clone(x.req.Text()), from: from, to: m.to, door: x.door, route: x.route}
}

// sendCopy sends the copy, whose body is whole now, on a goroutine of its own.
func (x *exchange) sendCopy() {
	c := x.copied
	x.copied = nil
	c.body = bytes.Clone(x.out[x.headLength:])
	c.from.mirrored.sent.Add(1)
	s, origin := x.conn.server, x.conn
	conn := &clientConn{server: s, listener: origin.listener, client: origin.client, clientIP: origin.clientIP, scheme: origin.scheme,
		tls: origin.tls, local: origin.destination(), trusted: origin.trusted, id: s.nextID.Add(1)}
	s.tasks.Go(func() {
		defer c.from.mirrored.inFlight.Add(-1)
		conn.serveCopy(c)
	})
}

// dropCopy forgets a copy whose original's body did not come.
func (x *exchange) dropCopy() {
	if x.copied == nil {
		return
	}
	x.copied.from.mirrored.inFlight.Add(-1)
	x.copied = nil
}

// serveCopy asks the copy's service as the original's was asked, and counts for that service. It is told apart by Headroom-Mirror and is in no log.
func (c *clientConn) serveCopy(what *copied) {
	x := c.take()
	defer c.put(x)
	defer c.own.close()
	x.req.Reset()
	if _, err := x.req.Parse(what.head, h1.Limits{Head: len(what.head), Fields: len(what.head), Line: len(what.head)}); err != nil {
		return // it was parsed before
	}
	x.begin(&copyClient{server: c.server, body: what.body, until: time.Now().Add(what.route.ResponseTimeout)}, 1)
	x.logged.on = false
	x.isCopy, x.service, x.view, x.door, x.route = true, what.to, what.to.view.Load(), what.door, what.route
	x.takeTrace()
	x.service.traffic.begin()
	how := x.run()
	x.service.traffic.end(how, x.end().Sub(x.began))
}

// copyClient is the client of a copy: it has sent its body, and takes whatever comes, but not for ever: a stream of events has no end, and would keep
// the place of another copy.
type copyClient struct {
	server *Server
	body   []byte
	until  time.Time // timeouts.response from its beginning, for all of it
}

func (c *copyClient) pollBody() ([]byte, error) { return c.nextBody() }
func (c *copyClient) nextBody() ([]byte, error) {
	if len(c.body) == 0 {
		return nil, io.EOF
	}
	body := c.body
	c.body = nil
	return body, nil
}
func (c *copyClient) appendTrailers(dst []byte) []byte { return dst }
func (c *copyClient) cancelBody()                      {}
func (c *copyClient) bodyWaits() bool                  { return true }
func (c *copyClient) sendInterim([]byte) error         { return nil }
func (c *copyClient) begin(h1.Framing) error           { return nil }
func (c *copyClient) write([]byte) error               { return nil }
func (c *copyClient) end([]byte) error                 { return nil }
func (c *copyClient) flush() error                     { return nil }
func (c *copyClient) finish() bool                     { return false }
func (c *copyClient) inOrder() bool                    { return true }
func (c *copyClient) gone() bool                       { return c.server.closing.Load() || time.Now().After(c.until) }
func (c *copyClient) abort()                           {}
