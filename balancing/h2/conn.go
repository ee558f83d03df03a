package h2

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// conn is what both sides share. One goroutine reads it, one writes what all streams have gathered, and handlers or callers work
// on its streams.
type conn struct {
	netConn      net.Conn
	client       bool
	limits       h1.Limits
	maxStreams   int // server: requests at once
	scheme       string
	pingAfter    time.Duration
	idleTimeout  time.Duration
	writeTimeout time.Duration
	handle       func(*Stream)
	malformed    func(reason string) // or nil
	memory       *Memory

	reader     reader // of the reading goroutine alone
	writerDone chan struct{}
	workers    sync.WaitGroup
	reads      atomic.Uint64 // how often something came

	mu sync.Mutex // guards everything below, and in every stream what its fields say

	streams map[uint32]*Stream // by ID
	live    []*Stream          // all in use, those without an ID too
	free    []*Stream          // to be used again
	closed  closedStreams

	// server
	lastPeer  uint32 // the highest ID that the client has used
	open      int    // streams that are not complete: what MaxStreams counts
	idle      []*worker
	leastIdle int // fewest idle workers since the last look

	// client
	nextID      uint32
	peerStreams int           // SETTINGS_MAX_CONCURRENT_STREAMS of the server
	settled     bool          // its first settings have come, or never will
	settling    chan struct{} // closed then

	// sending
	out        []byte
	spare      []byte
	encoder    encoder
	names      pseudoNames
	sendWindow int64
	peerWindow int64     // SETTINGS_INITIAL_WINDOW_SIZE of the peer
	turns      []*Stream // wait for the connection's window or for room, in this order, to send DATA
	crowded    []*Stream // wait for room to send HEADERS
	wanted     bool      // what is in out should go
	writer     sync.Cond

	// receiving
	window   window
	unread   int // bytes that wait in the streams
	guard    guard
	canceled sync.Cond // a cancel function has returned

	// ending
	goingAway bool  // no new streams: GOAWAY came, or Shutdown was called on a client
	draining  bool  // server: GOAWAY(2^31−1) was sent
	final     bool  // server: the last GOAWAY was sent
	stopping  bool  // the writing goroutine ends when out is empty
	ended     bool  // the reading goroutine has ended
	err       error // why
	writeErr  error // why nothing can be written any more
	said      error // the peer's GOAWAY, if it gave an error

	clock clock
}

func newConn(netConn net.Conn, memory *Memory) *conn {
	c := &conn{
		netConn:    netConn,
		writerDone: make(chan struct{}),
		streams:    make(map[uint32]*Stream),
		encoder:    newEncoder(),
		names:      findPseudoNames(),
		sendWindow: startWindow,
		peerWindow: startWindow,
		memory:     memory,
		guard:      newGuard(time.Now()),
	}
	c.writer.L, c.canceled.L = &c.mu, &c.mu
	return c
}

// serve reads until the connection ends, and ends everything that depends on it, but for the workers.
func (c *conn) serve() error {
	err := c.read()
	var breach *ConnError
	if errors.As(err, &breach) && breach.Local {
		c.sayGoodbye(breach)
	}
	inOrder := c.end(err, breach)
	c.netConn.Close()
	<-c.writerDone
	if inOrder {
		return nil
	}
	return err
}

// sayGoodbye ends all streams, tells the peer what it did wrong, and waits a little so that it can read that.
func (c *conn) sayGoodbye(breach *ConnError) {
	c.endStreams(breach)
	c.mu.Lock()
	c.out = appendGoAway(c.out, c.lastPeer, breach.Code, breach.Reason)
	c.stop()
	c.mu.Unlock()
	c.drain()
}

// stop has the connection closed once what is gathered is written. c.mu is held.
func (c *conn) stop() {
	if c.stopping {
		return
	}
	c.stopping, c.goingAway = true, true
	c.netConn.SetWriteDeadline(time.Now().Add(lingerTime)) // a peer that does not read does not keep us
	c.kick()
	c.writer.Signal()
}

// abort ends the connection at once; the reading goroutine does the rest.
func (c *conn) abort() {
	c.mu.Lock()
	c.lose(ErrClosed)
	c.mu.Unlock()
	c.netConn.Close()
}

// lose ends a connection that is of no more use: the reading goroutine finds its deadline passed and does the rest. Closing is left
// to it because that may wait in TLS. c.mu is held.
func (c *conn) lose(err error) {
	if c.err == nil {
		c.err = err
	}
	c.goingAway = true
	c.netConn.SetReadDeadline(time.Unix(1, 0))
}

// end marks the connection as ended and wakes whoever waits. It reports whether it ended in order.
func (c *conn) end(err error, breach *ConnError) bool {
	c.mu.Lock()
	if c.writeErr != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = c.writeErr // the deadline was readOut's
	}
	// After a GOAWAY the peer may close at any time, also while we write.
	leaving := c.draining || c.stopping && c.err == nil || errors.Is(err, io.EOF)
	inOrder := leaving && len(c.live) == 0 && breach == nil
	c.ended, c.stopping, c.goingAway = true, true, true
	if c.client && !c.settled {
		c.settled = true
		close(c.settling)
	}
	for _, w := range c.idle {
		w.next <- nil
	}
	c.idle = nil
	c.clock.stop()
	c.writer.Signal()
	c.mu.Unlock()
	if inOrder {
		err = ErrClosed
	}
	c.endStreams(err)
	return inOrder
}

// endStreams tells all streams that the connection is gone and calls their cancel functions. Only the reading goroutine calls it.
func (c *conn) endStreams(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	for {
		f, s := c.nextToEnd()
		if s == nil {
			return
		}
		c.callCancel(s, f)
	}
}

// nextToEnd ends streams up to one whose cancel function is to be called. c.mu is held.
func (c *conn) nextToEnd() (func(), *Stream) {
	for _, s := range c.live {
		if s.gone.Load() {
			continue
		}
		if f := s.fail(c.err); f != nil {
			return f, s
		}
	}
	return nil, nil
}

// callCancel calls a stream's cancel function without the lock, and holds the stream's end back until it has returned. c.mu is held
// before and after.
func (c *conn) callCancel(s *Stream, f func()) {
	s.canceling = true
	c.mu.Unlock()
	f()
	c.mu.Lock()
	s.canceling = false
	c.canceled.Broadcast()
}
