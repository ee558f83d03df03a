package proxy

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/socket"
)

// h1Client is a client that speaks HTTP/1. It serves one request after the other on the connection's own goroutine.
type h1Client struct {
	*clientConn
	x      *exchange // nil while nothing of a request has come
	buffer *[]byte   // that x.in began with, from the server's pool
	large  *[]byte   // that it has for a large body, from another pool; else nil

	chunked bool // how the response's body is sent
	last    bool // the client announced that it sends no request after this one
	final   bool // no request is taken after this one
	aborted bool // the connection was reset, and must not end in order
	pace    pace

	phase   phase
	headDue time.Time // when the head being read must be whole; zero before its first wait
	reading deadline

	idleSince time.Time
	look      func() bool   // lookForRequest
	found     error         // of it
	most      time.Duration // the longest wait for a part of a body, where that is short
	attending bool          // reading is done by TryRead
	short     bool          // the last read left nothing behind
	parsed    bool          // a request was, and is to be served

	waiting  atomic.Bool // for a request; read by wake
	canceled atomic.Bool // reading the request body was given up
}

// errPrior says that no request was read, since the client speaks HTTP/2 with prior knowledge.
var errPrior = errors.New("HTTP/2 with prior knowledge")

func newH1Client(conn *clientConn) *h1Client {
	c := &h1Client{clientConn: conn}
	c.reading.set = conn.conn.SetReadDeadline
	c.look = c.lookForRequest
	conn.h1 = c
	conn.speaks(c)
	return c
}

// serve serves the connection until either side has had enough, or it is parked.
func (c *h1Client) serve() (parked bool) {
	for again := true; again; {
		err := c.readRequest()
		switch err {
		case nil:
			again = c.serveRequest()
			c.shrink()
		case errServed:
			again = false
		case errParked:
			return true
		case errPrior:
			serveH2(c.clientConn, c.x.in.Buffered())
			c.release()
			return false
		default:
			c.acquire()
			c.refuse(err)
			again = false
		}
	}
	c.depart()
	c.release()
	return false
}

// acquire takes what a request needs from the server's pools, release gives it back.
func (c *h1Client) acquire() {
	if c.x != nil {
		return
	}
	c.x = c.take()
	c.buffer = c.server.buffers.Get().(*[]byte)
	c.x.in.Reset((*h1Reader)(c), *c.buffer, c.listener.routes.Load().limits)
}

func (c *h1Client) release() {
	if c.x == nil {
		return
	}
	c.x.in.Reset(nil, nil, h1.Limits{})
	c.x.body = h1.Body{}
	c.put(c.x)
	c.server.buffers.Put(c.buffer)
	if c.large != nil {
		c.server.large.Put(c.large)
	}
	c.x, c.buffer, c.large = nil, nil, nil
}

// serveRequest serves the request just read and reports whether another may follow.
func (c *h1Client) serveRequest() bool {
	x := c.x
	served := c.requests.Add(1)
	if x.req.Minor() == 0 {
		c.listener.counts.http10.Add(1)
	} else {
		c.listener.counts.http11.Add(1)
	}
	c.last = !x.req.Persistent()
	c.final = c.last || served >= uint64(c.listener.routes.Load().requests)
	c.pace = pace{}
	c.canceled.Store(false)
	c.phase = readingBody
	c.x.body.Reset(&c.x.in, x.req.Framing())
	again := x.serve(c, served)
	c.idleSince = x.end()
	return again
}

// depart ends the connection so that the client gets to see the last response whole: closing with unread input would reset it. Only a client
// that announced its last request, and has sent nothing behind it, needs no such care, but close_notify where there is TLS: without it a body
// that ends with the connection might have been cut off.
func (c *h1Client) depart() {
	switch {
	case !c.x.replied || c.aborted:
	case !c.last || !c.x.bodyRead || c.tcp.Look() == socket.Data:
		c.linger()
	case c.tls != nil:
		_ = closeWrite(c.conn) // the connection is closed next
	}
}

// refuse ends a connection on which no request could be read: with an answer where the client said something that cannot be accepted or
// was too slow, without one where it left or had nothing to say.
func (c *h1Client) refuse(err error) {
	var refused *h1.Error
	c.last = false
	errors.As(err, &refused)
	switch {
	case refused == h1.ErrNotHTTP && c.requests.Load() == 0:
		c.countMalformed(time.Now()) // whoever begins so would not understand an answer
	case refused != nil:
		c.x.refuse(c, refused.Status, refused.Reason, c.requests.Load()+1)
	case c.phase == readingHead && isTimeout(err):
		c.x.refuse(c, 408, "the request's head did not come within timeouts.header", c.requests.Load()+1)
	case err == io.ErrUnexpectedEOF:
		c.countMalformed(time.Now())
	}
}

// shrink gives up what an unusually large request left behind.
func (c *h1Client) shrink() {
	c.x.shrink()
	if len(c.x.in.Buffer()) > len(*c.buffer) && len(c.x.in.Buffered()) == 0 {
		if c.large != nil {
			c.server.large.Put(c.large)
			c.large = nil
		}
		c.x.in.Reset((*h1Reader)(c), *c.buffer, c.listener.routes.Load().limits)
	}
}
