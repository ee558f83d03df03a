package certificate

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// pipe is a connection in memory with room in between, as TCP has: where both ends write at once, as in a handshake that is resumed, those
// of net.Pipe would wait for each other. It works in a bubble of testing/synctest, in which sockets do not.
func pipe() (near, far net.Conn) {
	a, b := newStream(), newStream()
	return &end{in: a, out: b}, &end{in: b, out: a}
}

type end struct{ in, out *stream }

func (e *end) Read(b []byte) (int, error)       { return e.in.read(b) }
func (e *end) Write(b []byte) (int, error)      { return e.out.write(b) }
func (e *end) Close() error                     { e.in.close(); e.out.close(); return nil }
func (e *end) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (e *end) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (e *end) SetDeadline(time.Time) error      { return nil }
func (e *end) SetReadDeadline(time.Time) error  { return nil }
func (e *end) SetWriteDeadline(time.Time) error { return nil }

// stream is one direction.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond
	bytes   bytes.Buffer
	closed  bool
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.bytes.Len() == 0 && !s.closed {
		s.changed.Wait()
	}
	return s.bytes.Read(b) // io.EOF once it is closed and empty
}

func (s *stream) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, io.ErrClosedPipe
	}
	s.changed.Broadcast()
	return s.bytes.Write(b)
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.changed.Broadcast()
}
