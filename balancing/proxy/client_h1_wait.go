package proxy

import (
	"errors"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/socket"
)

// errWoken says that a wait for a request was ended because the listener closes.
var errWoken = errors.New("listener is closing")

// errServed says that the last request of the connection was served while it was waited for.
var errServed = errors.New("served")

// errParked says that nothing came for so long that the wait goes on elsewhere.
var errParked = errors.New("parked")

// parkAfter is how long a connection's goroutine waits for another request before it ends, and the connection is parked. Busy connections never
// get there, and of 10,000 idle ones it saves 25 MB or more.
const parkAfter = time.Second

// readRequest waits for a request and reads its head.
func (c *h1Client) readRequest() error {
	c.headDue = time.Time{}
	if c.x == nil || !c.begun() {
		if err := c.awaitBytes(); err != nil {
			return err
		}
	}
	if c.parsed {
		c.parsed = false
		return nil
	}
	c.phase = readingHead
	if c.requests.Load() == 0 && c.tls == nil && beginsHTTP2(c.x.in.Buffered()) {
		return errPrior
	}
	return c.x.in.ReadRequest(&c.x.req)
}

// begun reports whether anything of a request has come. An empty line ahead of it is none (RFC 9112 section 2.2): a client that ends a body with
// one is idle behind it, and would take a 408 for the answer to its next request.
func (c *h1Client) begun() bool {
	if string(c.x.in.Buffered()) == "\r\n" {
		c.x.in.Discard(2)
	}
	return len(c.x.in.Buffered()) > 0
}

// awaitBytes waits for the first bytes of a request. On a plain connection it holds no buffer meanwhile.
func (c *h1Client) awaitBytes() error {
	c.phase = awaitingRequest
	c.waiting.Store(true)
	defer c.waiting.Store(false)
	err := c.fillFirst()
	if !isTimeout(err) {
		return err
	}
	switch {
	case c.tls == nil && !c.listener.waking.Load() && !c.idleTooLong(time.Now()):
		return errParked
	case c.listener.waking.Load() && c.tcp.Look() == socket.Data:
		// A request came while the wait was being ended: it is served, and the connection closed after it.
		c.acquire()
		c.reading.none()
		if err := c.x.in.Fill(); err != nil || c.begun() {
			return err
		}
	}
	return errWoken
}

func (c *h1Client) fillFirst() error {
	if c.tls != nil {
		c.acquire()
		if err := c.x.in.Fill(); err != nil || c.begun() {
			return err
		}
		return c.x.in.Fill() // no third one is waited for: each may take as long as the first
	}
	if c.idleSince.IsZero() {
		c.idleSince = time.Now()
	}
	c.armWait()
	if c.listener.waking.Load() && c.tcp.Look() != socket.Data {
		return errWoken
	}
	c.found = nil
	c.attending = true
	err := c.tcp.Attend(c.look)
	c.attending = false
	if err != nil {
		c.release()
		return err
	}
	return c.found
}

// armWait sets the deadline of a wait for a request that begins now.
func (c *h1Client) armWait() {
	c.reading.within(time.Now(), min(parkAfter, c.listener.routes.Load().idle))
}

// lookForRequest takes buffers and reads what has come. Where nothing has, it gives them back, and the wait goes on. Simple requests are served
// right here, within Attend: then the wait for the next one needs no system call to find that there is none yet. Reading from the
// connection by other means would wait for Attend for ever, so requests with a body, or that may change protocols, are left to serve.
func (c *h1Client) lookForRequest() (done bool) {
	for {
		c.acquire()
		if c.found = c.x.in.Fill(); c.found != nil {
			break
		}
		if !c.begun() {
			continue
		}
		if !c.readsWhole() {
			return true
		}
		if !c.serveRequest() {
			c.found = errServed
			return true
		}
		c.shrink()
		if c.begun() {
			return true
		}
		c.armWait()
		if c.short && c.requests.Load() > 1 { // after the first one the client may well have closed its side with it
			break
		}
	}
	if c.found != nil && c.found != socket.ErrNothing {
		return true
	}
	c.release()
	return false
}

// readsWhole parses a request whose head is there as a whole, and reports whether it is simple enough to be served within Attend.
func (c *h1Client) readsWhole() bool {
	if c.requests.Load() == 0 && beginsHTTP2(c.x.in.Buffered()) {
		return false
	}
	c.phase = readingHead
	if c.x.in.ReadRequest(&c.x.req) != nil {
		return false // it is parsed again, with time to wait for the rest, or to say what is wrong
	}
	req := &c.x.req
	c.parsed = req.Framing().Kind != h1.NoBody || req.Continue() || req.WebSocket()
	return !c.parsed
}

// Ready serves a parked connection again.
func (c *h1Client) Ready() { go c.listener.attend(c.clientConn) }

// idleTooLong reports whether the time for another request is over.
func (c *h1Client) idleTooLong(now time.Time) bool {
	return now.Sub(c.idleSince) >= c.listener.routes.Load().idle
}

// wake ends a wait for a request, soon. Other goroutines call it.
func (c *h1Client) wake() {
	if c.server.lot.Take(c.tcp, c) {
		c.Ready()
		return
	}
	if c.waiting.Load() {
		c.conn.SetReadDeadline(time.Unix(1, 0))
	}
}
