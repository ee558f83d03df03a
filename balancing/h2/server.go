package h2

import (
	"net"
	"time"
)

// Server is the server's side of one connection.
type Server struct {
	c *conn
}

// NewServer makes the server's side of a connection whose client has chosen HTTP/2, by ALPN or by prior knowledge. The preface is
// unread, but for options.Early.
func NewServer(netConn net.Conn, options ServerOptions) *Server {
	options = options.withDefaults()
	c := newConn(netConn, options.Memory)
	c.window = newWindow(firstConnWindow, mostConnWindow, c.memory)
	c.limits, c.maxStreams, c.malformed = options.Limits, options.MaxStreams, options.Malformed
	c.pingAfter, c.idleTimeout, c.writeTimeout = options.PingAfter, options.IdleTimeout, options.WriteTimeout
	c.reader.buf = make([]byte, max(firstBuffer, len(options.Early)))
	c.reader.end = copy(c.reader.buf, options.Early)
	c.reader.block = newBlock(c.limits)
	c.out = c.appendPreamble(nil)
	c.wanted = true
	return &Server{c: c}
}

// Serve reads until the connection ends and closes it. handle is called for each request on a goroutine of its own; when it returns,
// a response that it has not ended is reset. Serve returns after every handle has returned: nil if the connection ended in order.
func (s *Server) Serve(handle func(*Stream)) error {
	c := s.c
	c.handle = handle
	c.mu.Lock()
	c.startClock()
	c.mu.Unlock()
	go c.write()
	err := c.serve()
	c.workers.Wait()
	c.window.end()
	return err
}

// Shutdown ends the connection gracefully: no new streams soon, and the connection ends with the last stream. Safe from other goroutines.
func (s *Server) Shutdown() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.shutdown()
}

// Close ends the connection at once. Safe from other goroutines.
func (s *Server) Close() { s.c.abort() }

// Streams is how many requests are open now: those whose handler has not returned.
func (s *Server) Streams() int {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return len(s.c.live)
}

// shutdown tells the client to open no more streams, and asks it to say that it has seen that: streams that it opens until then are
// served (RFC 9113 section 6.8). c.mu is held.
func (c *conn) shutdown() {
	if c.draining || c.stopping {
		return
	}
	c.draining = true
	c.clock.drainedAt = time.Now()
	c.out = appendGoAway(c.out, maxStreamID, NoError, "")
	c.out = appendPing(c.out, 0, drainPing)
	c.kick()
	c.hurry()
}

// finish tells the client the last stream that is served. c.mu is held.
func (c *conn) finish() {
	if c.final || c.stopping {
		return
	}
	c.final, c.goingAway = true, true
	c.out = appendGoAway(c.out, c.lastPeer, NoError, "")
	c.kick()
	c.stopIfUnused()
}
