package h2

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stream is one exchange: a request and its response.
//
// One goroutine may read and another write at the same time; Reset, Gone and SetCancel may be called from any. After the handler has
// returned, or after Close, it must not be used: it is another exchange by then.
type Stream struct {
	c        *conn
	gone     atomic.Bool
	sending  sendHead // of the goroutine that writes
	readable sync.Cond
	writable sync.Cond
	exchange
}

// exchange is what of a stream is new for each use. It is guarded by conn.mu.
type exchange struct {
	id    uint32 // 0 on a client before WriteHead
	place int    // in conn.live
	head  []byte // the request on a server; all response heads one after the other on a client

	// reading
	heads    []span // of head, not handed out yet
	final    bool   // client: the response proper has come
	toHead   bool   // client: the request is a HEAD
	bodiless bool   // client: the response ends with its head, whatever Content-Length says
	interims int
	in       inbox
	part     []byte // the chunk that was handed out, or nil
	recvEnd  bool
	length   int64 // Content-Length, −1 when absent
	received int64
	trailers []byte
	window   window
	reading  deadline
	woken    bool // in reader.woken

	// writing
	sentHead   bool // the final one
	sentEnd    bool
	sendWindow int64
	writing    deadline

	// ending
	waiting     bool  // server: the handler is not called yet
	counted     bool  // no longer in conn.open
	err         error // the stream was reset or the connection ended
	resetByPeer bool
	cancel      func()
	canceling   bool
}

// span is a part of a buffer.
type span struct{ start, end int }

// reset makes the stream ready for its next use, with the buffers it has grown.
func (s *Stream) reset() {
	s.gone.Store(false)
	s.exchange = exchange{
		head: keep(s.head), heads: s.heads[:0], in: inbox{queue: s.in.queue[:0]}, trailers: keep(s.trailers),
	}
}

// keep empties a buffer, and drops a large one.
func keep(b []byte) []byte {
	if cap(b) > keptBuffer {
		return nil
	}
	return b[:0]
}

// complete reports whether both sides have ended the stream. c.mu is held.
func (s *Stream) complete() bool { return s.recvEnd && s.sentEnd }

// fail ends the stream because the peer or the connection has, and returns the function that is to be called for that. c.mu is held.
func (s *Stream) fail(err error) func() {
	if s.err == nil {
		s.err = err
	}
	s.gone.Store(true)
	s.readable.Signal()
	s.writable.Signal()
	f := s.cancel
	s.cancel = nil
	return f
}

// Reset ends the stream at once, both ways, and tells the peer why. After the end of both directions it does nothing.
func (s *Stream) Reset(code ErrorCode) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.reset(s, code, "")
}

// Gone reports whether the peer has reset the stream or the connection is gone.
func (s *Stream) Gone() bool { return s.gone.Load() }

// SetCancel has f called once, from the connection's reading goroutine, when the peer resets the stream, breaks its protocol, or the
// connection goes; at once and from here if that has happened. nil removes it: when SetCancel(nil) or the end of the stream's use has
// returned, f is not running and will not be called. f must be quick, must not call SetCancel, and must not wait for anything that
// waits for SetCancel.
func (s *Stream) SetCancel(f func()) {
	s.c.mu.Lock()
	s.cancel = nil
	for s.canceling {
		s.c.canceled.Wait()
	}
	if !s.gone.Load() {
		s.cancel = f
		f = nil
	}
	s.c.mu.Unlock()
	if f != nil {
		f()
	}
}

// SetReadDeadline bounds ReadHead and Next, those that wait now too: they return os.ErrDeadlineExceeded at most 200 ms after t and can
// be called again with a later deadline. Zero means none.
func (s *Stream) SetReadDeadline(t time.Time) { s.setDeadline(&s.reading, t) }

// SetWriteDeadline bounds WriteHead, Write and WriteTrailers likewise. A Write that fails may have sent a part of its data.
func (s *Stream) SetWriteDeadline(t time.Time) { s.setDeadline(&s.writing, t) }

func (s *Stream) setDeadline(d *deadline, t time.Time) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	*d = deadline{at: t}
	if !t.IsZero() {
		s.c.hurry()
	}
}

// Close ends the use of a client's stream and gives its place back. If the exchange is not complete it is reset with CANCEL.
// On a server the return of the handler does this: Close does nothing there.
func (s *Stream) Close() {
	c := s.c
	if !c.client {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset(s, Cancel, "")
	c.release(s)
	c.stopIfUnused()
}

// deadline is a time after which a wait ends. The connection's clock looks at it.
type deadline struct {
	at     time.Time
	passed bool
}

// pending reports a deadline that is still to come.
func (d *deadline) pending() bool { return !d.at.IsZero() && !d.passed }
