package proxy

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/socket"
)

// phase is what a client connection is being read for, which decides its deadline.
type phase uint8

const (
	awaitingRequest phase = iota
	readingHead
	readingBody
	lingering
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

// errWoken says that a wait for a request was ended because the listener closes.
var errWoken = errors.New("listener is closing")

// errPrior says that no request was read, since the client speaks HTTP/2 with prior knowledge.
var errPrior = errors.New("HTTP/2 with prior knowledge")

// errServed says that the last request of the connection was served while it was waited for.
var errServed = errors.New("served")

// errParked says that nothing came for so long that the wait goes on elsewhere.
var errParked = errors.New("parked")

// parkAfter is how long a connection's goroutine waits for another request before it ends, and the connection is parked. Busy connections never
// get there, and of 10,000 idle ones it saves 25 MB or more.
const parkAfter = time.Second

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

// readRequest waits for a request and reads its head.
func (c *h1Client) readRequest() error {
	c.headDue = time.Time{}
	if c.x == nil || len(c.x.in.Buffered()) == 0 {
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
		return c.x.in.Fill()
	}
	return errWoken
}

func (c *h1Client) fillFirst() error {
	if c.tls != nil {
		c.acquire()
		return c.x.in.Fill()
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
		if !c.readsWhole() {
			return true
		}
		if !c.serveRequest() {
			c.found = errServed
			return true
		}
		c.shrink()
		if len(c.x.in.Buffered()) > 0 {
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

// h1Reader is what the reader of a client's connection reads from: it sets the deadline of the phase before it waits.
type h1Reader h1Client

func (r *h1Reader) Read(p []byte) (int, error) {
	c := (*h1Client)(r)
	if c.attending {
		n, err := c.tcp.TryRead(p)
		c.short = n < len(p)
		return n, err
	}
	for {
		began := time.Now()
		if err := c.armRead(began); err != nil {
			return 0, err
		}
		if c.canceled.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		if c.phase == awaitingRequest && c.listener.waking.Load() && c.tcp.Look() != socket.Data {
			return 0, errWoken
		}
		n, err := c.conn.Read(p)
		if c.phase == readingBody {
			c.pace.took(time.Since(began), n)
		}
		if n > 0 || !isTimeout(err) {
			return n, err
		}
		// wake may have meant the wait for a request that has meanwhile come. Then the time is not up.
		early := c.phase == readingHead || c.phase == readingBody
		if early && !c.canceled.Load() && time.Now().Before(c.reading.at) {
			c.reading.exactly(c.reading.at)
			continue
		}
		return n, err
	}
}

// armRead sets the deadline of the phase.
func (c *h1Client) armRead(now time.Time) error {
	r := c.listener.routes.Load()
	switch c.phase {
	case awaitingRequest:
		c.reading.within(now, r.idle)
	case readingBody:
		wait, err := c.pace.wait(r)
		if err != nil {
			return err
		}
		if c.most > 0 {
			wait = min(wait, c.most)
		}
		c.reading.within(now, wait)
	case readingHead:
		if c.headDue.IsZero() {
			c.headDue = now.Add(r.header)
			c.reading.exactly(c.headDue)
		}
	}
	return nil
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

// enlarge reads a large body through a larger buffer.
func (c *h1Client) enlarge() {
	if c.large == nil && len(c.x.in.Buffer()) < largeBuffer { // a large head may have made it larger already
		c.large = c.server.large.Get().(*[]byte)
		c.x.in.Swap(*c.large)
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

// linger closes for writing and reads on for a while, until the client closes as well.
func (c *h1Client) linger() {
	if closeWrite(c.conn) != nil {
		return
	}
	c.canceled.Store(false)
	c.phase = lingering
	c.reading.exactly(time.Now().Add(lingerTime))
	for total := 0; total < lingerBytes; {
		c.x.in.Discard(len(c.x.in.Buffered()))
		if c.x.in.Fill() != nil {
			return
		}
		total += len(c.x.in.Buffered())
	}
}

func isTimeout(err error) bool {
	if err == nil || err == io.EOF {
		return false
	}
	return errors.Is(err, os.ErrDeadlineExceeded)
}
