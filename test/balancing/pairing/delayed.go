package pairing

import (
	"fmt"
	"syscall"
	"time"
)

// delay is how long after a response the second one comes that nobody asked for.
const delay = 2 * time.Millisecond

// A second response that crosses a request on the way is taken for the request's own, by any proxy, and each response behind it for
// the next one's. So responses on such a connection are marked, and the time is kept at which they were on their way: a client that
// sent its request only then must not get them.

// begin notes that a request has come.
func (s *session) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = true
	s.turn++
}

// end notes that the request is answered, and has a second response sent where the behavior is that, unless another request comes first.
func (s *session) end(b behavior, proof string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
	if b != delayed {
		return
	}
	turn := s.turn
	time.AfterFunc(delay, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.busy || s.turn != turn || s.waiting() {
			return
		}
		s.late = true
		mark := s.origin.newMark()
		s.write(stray(proof, mark))
		s.origin.note(mark)
	})
}

// waiting reports whether a request has come that was not read yet.
func (s *session) waiting() bool {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return true
	}
	var buf [1]byte
	n := 0
	err = raw.Control(func(fd uintptr) {
		n, _, _ = syscall.Recvfrom(int(fd), buf[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return err != nil || n > 0
}

// mark makes a mark for a response where a delayed one came before it on its connection, else none.
func (s *session) mark() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.late {
		return ""
	}
	return s.origin.newMark()
}

func markField(mark string) string {
	if mark == "" {
		return ""
	}
	return "X-Mark: " + mark + "\r\n"
}

func (o *Origin) newMark() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.delayed++
	return fmt.Sprintf("%s/%d", o.Address(), o.delayed)
}

// note keeps when a marked response was on its way.
func (o *Origin) note(mark string) {
	if mark == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent[mark] = time.Now()
}

// crossed reports whether a request that a client sent then may have crossed the marked response.
func (o *Origin) crossed(mark string, request time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	sent, known := o.sent[mark]
	return known && request.Before(sent)
}
