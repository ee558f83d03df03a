package proxy

import (
	"net"
	"sync/atomic"
	"time"
)

// clientConn is a client's connection, whatever is spoken on it. Its goroutine owns it; what others touch is named so.
type clientConn struct {
	server   *Server
	listener *listener
	conn     net.Conn
	clientIP string // of the client that connected
	local    string // address that it connected to
	id       uint64
	requests atomic.Uint64
	peek     *peeker
	speaker  atomic.Pointer[speaker] // of the protocol, once it is known
}

// speaker is a protocol on a client's connection, as others than its goroutine see it.
type speaker interface {
	// wake ends the connection soon if it waits for a request, and otherwise after the present ones.
	wake()
	// kill ends it at once.
	kill()
}

func newClientConn(l *listener, conn net.Conn) *clientConn {
	c := &clientConn{server: l.server, listener: l, conn: conn, id: l.server.nextID.Add(1), peek: newPeeker(conn)}
	if host, _, err := net.SplitHostPort(conn.RemoteAddr().String()); err == nil {
		c.clientIP = host
	}
	c.local = conn.LocalAddr().String()
	return c
}

// serve handles requests until either side has had enough.
func (c *clientConn) serve() {
	defer c.conn.Close()
	serveH1(c)
}

// speaks says which protocol is spoken, for wake and kill.
func (c *clientConn) speaks(s speaker) { c.speaker.Store(&s) }

func (c *clientConn) wake() {
	if s := c.speaker.Load(); s != nil {
		(*s).wake()
	}
}

// kill ends the connection at once, whatever it is doing. Other goroutines call it.
func (c *clientConn) kill() {
	if s := c.speaker.Load(); s != nil {
		(*s).kill()
	}
	c.conn.SetDeadline(time.Unix(1, 0))
	c.conn.Close()
}

// closing reports whether the connection shall end after the present request.
func (c *clientConn) closing() bool { return c.listener.closing.Load() }

// take gives an exchange to this connection, put takes it back.
func (c *clientConn) take() *exchange {
	x := c.server.exchanges.Get().(*exchange)
	x.conn = c
	return x
}

func (c *clientConn) put(x *exchange) {
	x.forget()
	c.server.exchanges.Put(x)
}
