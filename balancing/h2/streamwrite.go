package h2

import "os"

// WriteHead sends an HTTP/1.1 head: request line or status line, fields, blank line. Fields of the connection are left out, as is TE
// other than trailers; Host becomes :authority. With end, there is no body. A server may send several interim heads before the final one.
func (s *Stream) WriteHead(head []byte, end bool) error {
	c := s.c
	line, fields, ok := parseStart(head, c.client)
	if !ok || !s.sending.parseLines(fields) || c.client && len(s.sending.host) == 0 {
		return errBadHead
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.sentHead {
		return errAfterEnd
	}
	if err := s.waitRoom(); err != nil {
		return err
	}
	if c.client {
		return s.sendRequest(line, end)
	}
	s.sentHead = line.status[0] != '1'
	at := c.beginHead(s.id, end && s.sentHead)
	c.out = c.encodeStatus(c.out, line.status)
	c.out = c.encodeFields(c.out, &s.sending)
	c.endHead(at)
	if end && s.sentHead {
		s.endSent()
	}
	return nil
}

// sendRequest opens the stream with its head. c.mu is held.
func (s *Stream) sendRequest(line startLine, end bool) error {
	c := s.c
	if c.goingAway || c.nextID > maxStreamID {
		c.goingAway = true
		s.err = &StreamError{Code: RefusedStream}
		return s.err
	}
	s.id = c.nextID
	c.nextID += 2
	c.streams[s.id] = s
	c.clock.served++
	s.sendWindow = c.peerWindow // may have changed since Open
	s.toHead = string(line.method) == "HEAD"
	s.sentHead = true
	at := c.beginHead(s.id, end)
	c.out = c.encodeRequest(c.out, line, s.sending.host)
	c.out = c.encodeFields(c.out, &s.sending)
	c.endHead(at)
	if end {
		s.endSent()
	}
	return nil
}

// Write sends a part of the body, waiting for flow control and for room in the connection's 64 KB; with end, the last one, which may
// be empty. The data is copied.
func (s *Stream) Write(data []byte, end bool) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.sentHead || s.sentEnd {
		return errAfterEnd
	}
	for len(data) > 0 {
		n, err := s.waitTurn(len(data))
		if err != nil {
			return err
		}
		flags := uint8(0)
		if end && n == len(data) {
			flags = flagEndStream
		}
		c.out = appendFrame(c.out, frameData, flags, s.id, n)
		c.out = append(c.out, data[:n]...)
		data = data[n:]
		s.sendWindow -= int64(n)
		c.sendWindow -= int64(n)
		c.guard.earn(dataEarns)
		if end && len(data) == 0 {
			s.endSent()
			return nil
		}
	}
	if !end {
		return nil
	}
	if s.err != nil {
		return s.err
	}
	c.out = appendFrame(c.out, frameData, flagEndStream, s.id, 0)
	s.endSent()
	return nil
}

// WriteTrailers ends the stream with trailer fields, given as "name: value\r\n" lines without a blank line. No lines: the stream just ends.
func (s *Stream) WriteTrailers(lines []byte) error {
	if !s.sending.parseLines(lines) {
		return errBadHead
	}
	if len(s.sending.fields) == 0 {
		return s.Write(nil, true)
	}
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.sentHead || s.sentEnd {
		return errAfterEnd
	}
	if err := s.waitRoom(); err != nil {
		return err
	}
	at := c.beginHead(s.id, true)
	c.out = c.encodeFields(c.out, &s.sending)
	c.endHead(at)
	s.endSent()
	return nil
}

// Flush has everything that was written sent soon. It does not wait for it; a connection that fails is told by the next call.
func (s *Stream) Flush() error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.kick()
	return s.err
}

// endSent notes that END_STREAM was written. c.mu is held.
func (s *Stream) endSent() {
	s.sentEnd = true
	s.c.checkComplete(s)
}

// waitRoom waits until the connection has less than roomy bytes unsent. c.mu is held.
func (s *Stream) waitRoom() error {
	for {
		if s.err != nil {
			return s.err
		}
		if len(s.c.out) < roomy {
			return nil
		}
		if s.writing.passed {
			return os.ErrDeadlineExceeded
		}
		s.c.crowded = append(s.c.crowded, s)
		s.c.kick()
		s.writable.Wait()
		s.c.crowded = without(s.c.crowded, s)
		s.c.nextTurn()
	}
}

// waitTurn waits until some of want bytes may be sent: the stream's window, the connection's window and room all have some, no
// other stream has waited for the latter two for longer, and none has a head to send. It returns how many. c.mu is held.
func (s *Stream) waitTurn(want int) (int, error) {
	c := s.c
	queued := false
	defer func() {
		if queued {
			c.turns = without(c.turns, s)
		}
		c.nextTurn()
	}()
	for {
		if s.err != nil {
			return 0, s.err
		}
		first := len(c.crowded) == 0 && (len(c.turns) == 0 || c.turns[0] == s)
		if n := min(int64(want), maxFrame, s.sendWindow, c.sendWindow, int64(roomy-len(c.out))); n > 0 && first {
			return int(n), nil
		}
		if s.writing.passed {
			return 0, os.ErrDeadlineExceeded
		}
		switch {
		case s.sendWindow > 0 && !queued:
			c.turns = append(c.turns, s)
			queued = true
		case s.sendWindow <= 0 && queued:
			c.turns = without(c.turns, s)
			queued = false
			c.nextTurn()
		}
		c.kick()
		s.writable.Wait()
	}
}

// without takes a stream out of a queue.
func without(queue []*Stream, s *Stream) []*Stream {
	for i, other := range queue {
		if other == s {
			return append(queue[:i], queue[i+1:]...)
		}
	}
	return queue
}
