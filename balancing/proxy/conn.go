package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/pick"
)

// phase is what a client connection is being read for, which decides its deadline.
type phase uint8

const (
	awaitingRequest phase = iota
	readingHead
	readingBody
	lingering
)

// clientConn is a client's connection with all that its requests need, so that a request allocates nothing. Its goroutine owns it; what
// others touch is named so.
type clientConn struct {
	server   *Server
	listener *listener
	conn     net.Conn
	clientIP string
	local    string
	id       uint64
	requests uint64
	peek     *peeker

	in      h1.Reader
	req     h1.Request
	body    h1.Body // of the request
	out     []byte  // the request as sent to the backend
	reply   []byte  // the response as sent to the client
	problem []byte  // body of an answer of our own

	res     h1.Response
	resBody h1.Body

	phase    phase
	headDue  time.Time // when the head being read must be whole; zero before its first wait
	read     deadline
	write    deadline
	exchange exchange
	excluded pick.Excluded
	upload   *upload
	hostName [256]byte

	waiting   atomic.Bool // for a request; read by wake
	canceled  atomic.Bool // reading the request body was given up
	tunnelEnd atomic.Pointer[upstream]
}

func newClientConn(l *listener, conn net.Conn) *clientConn {
	c := &clientConn{server: l.server, listener: l, conn: conn, id: l.server.nextID.Add(1), peek: newPeeker(conn)}
	if host, _, err := net.SplitHostPort(conn.RemoteAddr().String()); err == nil {
		c.clientIP = host
	}
	c.local = conn.LocalAddr().String()
	c.read.set, c.write.set = conn.SetReadDeadline, conn.SetWriteDeadline
	return c
}

// errWoken says that a wait for a request was ended because the listener closes.
var errWoken = errors.New("listener is closing")

// serve handles requests until either side has had enough.
func (c *clientConn) serve() {
	buffer := c.server.buffers.Get().(*[]byte)
	c.in.Reset((*clientReader)(c), *buffer, h1.Limits{})
	defer c.server.buffers.Put(buffer)
	defer c.conn.Close()
	for c.serveNext() {
		c.shrink(*buffer)
	}
	c.depart()
}

// serveNext serves one request and reports whether another may follow.
func (c *clientConn) serveNext() bool {
	if err := c.readRequest(); err != nil {
		c.refuse(err)
		return false
	}
	return c.handle()
}

// depart ends the connection so that the client gets to see the last response whole: closing with unread input would reset it. Only a client
// that announced its last request, and has sent nothing behind it, needs no such care.
func (c *clientConn) depart() {
	x := &c.exchange
	if x.replied && (!x.last || !x.bodyRead || c.peek.look() == peekData) {
		c.linger()
	}
}

// readRequest waits for a request and reads its head.
func (c *clientConn) readRequest() error {
	c.headDue = time.Time{}
	if len(c.in.Buffered()) == 0 {
		if err := c.awaitBytes(); err != nil {
			return err
		}
	}
	c.phase = readingHead
	return c.in.ReadRequest(&c.req)
}

func (c *clientConn) awaitBytes() error {
	c.phase = awaitingRequest
	c.waiting.Store(true)
	defer c.waiting.Store(false)
	err := c.in.Fill()
	if err == nil {
		return nil
	}
	if isTimeout(err) && c.listener.waking.Load() && c.peek.look() == peekData {
		// A request came while the wait was being ended: it is served, and the connection closed after it.
		c.read.none()
		return c.in.Fill()
	}
	if isTimeout(err) {
		return errWoken
	}
	return err
}

// clientReader is what the reader of a client's connection reads from: it sets the deadline of the phase before it waits.
type clientReader clientConn

func (r *clientReader) Read(p []byte) (int, error) {
	c := (*clientConn)(r)
	for {
		c.armRead()
		if c.canceled.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		if c.phase == awaitingRequest && c.listener.waking.Load() && c.peek.look() != peekData {
			return 0, errWoken
		}
		n, err := c.conn.Read(p)
		if n > 0 || !isTimeout(err) {
			return n, err
		}
		// wake may have meant the wait for a request that has meanwhile come. Then the time is not up.
		early := c.phase == readingHead || c.phase == readingBody
		if early && !c.canceled.Load() && time.Now().Before(c.read.at) {
			c.read.exactly(c.read.at)
			continue
		}
		return n, err
	}
}

func (c *clientConn) armRead() {
	now := time.Now()
	r := c.listener.routes.Load()
	switch c.phase {
	case awaitingRequest, readingBody:
		c.read.within(now, r.idle)
	case readingHead:
		if c.headDue.IsZero() {
			c.headDue = now.Add(r.header)
			c.read.exactly(c.headDue)
		}
	}
}

// wake ends a wait for a request, soon. Other goroutines call it.
func (c *clientConn) wake() {
	if c.waiting.Load() {
		c.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// kill ends the connection at once, and the tunnel through it. Other goroutines call it.
func (c *clientConn) kill() {
	c.conn.SetDeadline(time.Unix(1, 0))
	c.conn.Close()
	if u := c.tunnelEnd.Load(); u != nil {
		u.close()
	}
}

// closing reports whether the connection shall end after the present request.
func (c *clientConn) closing() bool { return c.listener.closing.Load() }

// shrink gives up what an unusually large request left behind.
func (c *clientConn) shrink(buffer []byte) {
	const keep = 32 << 10
	if cap(c.out) > keep {
		c.out = nil
	}
	if cap(c.reply) > keep {
		c.reply = nil
	}
	if len(c.in.Buffer()) > len(buffer) && len(c.in.Buffered()) == 0 {
		c.in.Reset((*clientReader)(c), buffer, h1.Limits{})
	}
}

// send writes to the client.
func (c *clientConn) send(data []byte) error {
	c.write.within(time.Now(), pieceTime)
	_, err := c.conn.Write(data)
	return err
}

// abort closes so that the client cannot take what it got for the whole.
func (c *clientConn) abort() {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.conn.Close()
}

// linger closes for writing and reads on for a while, until the client closes as well.
func (c *clientConn) linger() {
	tcp, ok := c.conn.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil {
		return
	}
	c.canceled.Store(false)
	c.phase = lingering
	c.read.exactly(time.Now().Add(lingerTime))
	for total := 0; total < lingerBytes; {
		c.in.Discard(len(c.in.Buffered()))
		if c.in.Fill() != nil {
			return
		}
		total += len(c.in.Buffered())
	}
}

func isTimeout(err error) bool {
	if err == nil || err == io.EOF {
		return false
	}
	return errors.Is(err, os.ErrDeadlineExceeded)
}
