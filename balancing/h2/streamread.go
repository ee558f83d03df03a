package h2

import (
	"io"
	"os"

	"headroom.dev/headroom/balancing/h1"
)

// Head is the request as an HTTP/1.1 head, on a server; valid until the stream ends. The body is announced as HTTP/1.1 would: by
// content-length if that came, else as "transfer-encoding: chunked", and by nothing if the request ended with its head.
func (s *Stream) Head() []byte { return s.head }

// ReadHead waits for the next response head, on a client, as an HTTP/1.1 head with the framing announced likewise. Interim responses
// (1xx) come one after the other before the final one. Heads are valid until the stream ends. io.EOF after the final one.
func (s *Stream) ReadHead() ([]byte, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for {
		if len(s.heads) > 0 {
			at := s.heads[0]
			s.heads = append(s.heads[:0], s.heads[1:]...)
			return s.head[at.start:at.end:at.end], nil
		}
		if s.final {
			return nil, io.EOF
		}
		if err := s.waitReadable(); err != nil {
			return nil, err
		}
	}
}

// Poll returns the part of the body that is there. h1.ErrIncomplete says that there is none yet, io.EOF that the body has ended, as it
// should. The part is valid until the next Poll or Next, which also gives its bytes back to the peer's flow-control window.
func (s *Stream) Poll() ([]byte, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.poll()
}

// Next is Poll that waits.
func (s *Stream) Next() ([]byte, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for {
		part, err := s.poll()
		if err != h1.ErrIncomplete {
			return part, err
		}
		if err := s.waitReadable(); err != nil {
			return nil, err
		}
	}
}

// poll is Poll. c.mu is held.
func (s *Stream) poll() ([]byte, error) {
	s.dropPart()
	if s.in.size > 0 {
		s.part = s.in.next()
		s.c.unread -= len(s.part)
		return s.part, nil
	}
	if s.recvEnd && !s.resetHere() {
		return nil, io.EOF
	}
	if s.err != nil {
		return nil, s.err
	}
	return nil, h1.ErrIncomplete
}

// resetHere reports that this side has reset the stream, so that its body does not count as whole even if its end had come. c.mu is held.
func (s *Stream) resetHere() bool {
	reset, ok := s.err.(*StreamError)
	return ok && reset.Local
}

// waitReadable waits until something has come or happened. What was written goes out first: the peer may be waiting for it. c.mu is held.
func (s *Stream) waitReadable() error {
	if s.err != nil {
		return s.err
	}
	if s.reading.passed {
		return os.ErrDeadlineExceeded
	}
	s.c.kick()
	s.readable.Wait()
	return nil
}

// Trailers are the trailer fields as "name: value\r\n" lines, once Poll or Next has returned io.EOF; empty if there were none. Fields
// that RFC 9110 section 6.5.1 forbids there are left out.
func (s *Stream) Trailers() []byte { return s.trailers }
