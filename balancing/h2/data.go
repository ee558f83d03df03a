package h2

import "time"

// onData takes a part of a body.
func (c *conn) onData(f frame, payload []byte) error {
	if f.stream == 0 {
		return protocolError("DATA without a stream")
	}
	data, ok := unpad(f, payload)
	if !ok {
		return protocolError("DATA with more padding than payload")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.window.take(f.length) {
		return connError(FlowControlError, "DATA beyond the connection's window")
	}
	if c.isBeyond(f.stream) {
		c.giveBack(f.length)
		return nil
	}
	if c.isIdle(f.stream) {
		return protocolError("DATA on a stream that was never opened")
	}
	end := f.flags&flagEndStream != 0
	if len(data) > 0 {
		c.guard.earn(dataEarns)
	} else if !end && !c.guard.noise(frameCost) {
		return errFlood
	}
	s := c.streams[f.stream]
	if s == nil {
		c.giveBack(f.length)
		return c.late(f.stream)
	}
	if s.err != nil {
		c.giveBack(f.length)
		if s.resetByPeer {
			return connError(StreamClosed, "DATA after RST_STREAM")
		}
		return nil
	}
	if s.recvEnd {
		c.giveBack(f.length)
		if s.complete() {
			return connError(StreamClosed, "DATA on a closed stream")
		}
		return c.refuse(s, StreamClosed, "DATA after the end of the stream")
	}
	if reason := s.receive(f.length, data, end); reason != "" {
		c.giveBack(f.length)
		code := ProtocolError
		if s.window.left < 0 {
			code = FlowControlError
		}
		return c.refuse(s, code, reason)
	}
	if end {
		c.endReceived(s)
	}
	return nil
}

// receive takes the data in, or says what is wrong with it. c.mu is held.
func (s *Stream) receive(length int, data []byte, end bool) string {
	if !s.window.take(length) {
		return "DATA beyond the stream's window"
	}
	s.received += int64(len(data))
	switch {
	case s.c.client && !s.final:
		return "DATA before the response head"
	case s.bodiless && len(data) > 0:
		return "DATA after a head that ends its message"
	case !s.bodiless && s.length >= 0 && s.received > s.length:
		return "DATA beyond Content-Length"
	case !s.bodiless && s.length >= 0 && end && s.received < s.length:
		return "DATA ends before Content-Length"
	}
	if padding := length - len(data); padding > 0 {
		s.giveBack(padding)
	}
	if len(data) == 0 {
		return ""
	}
	s.in.add(s.c.memory, data)
	s.c.unread += len(data)
	if s.c.client {
		s.c.giveBack(len(data))
	} else {
		s.c.widen()
	}
	s.c.wakeSoon(s)
	return ""
}

// late judges a frame on a stream that is closed. c.mu is held.
func (c *conn) late(id uint32) error {
	switch c.closed.find(id) {
	case byReset:
		return nil
	case forgotten:
		if !c.guard.noise(frameCost) {
			return errFlood
		}
		return nil
	}
	return connError(StreamClosed, "frame on a closed stream")
}

// giveBack gives bytes back to the connection's window. c.mu is held.
func (c *conn) giveBack(n int) {
	unread := c.unread
	if c.client {
		unread = 0
	}
	increment := c.window.give(n, (c.window.size-unread)/2)
	if increment > 0 && c.window.quick(time.Now()) {
		increment += c.window.grow()
	}
	c.addWindow(0, increment)
}

// widen makes a server's window larger when half of it is held by streams that do not read, of which each has a window of its own, so that the
// others can go on. c.mu is held.
func (c *conn) widen() {
	if c.unread > c.window.size/2 {
		c.addWindow(0, c.window.grow())
	}
}

// addWindow tells the peer that it may send so much more. c.mu is held.
func (c *conn) addWindow(id uint32, increment int) {
	if increment > 0 {
		c.out = appendWindowUpdate(c.out, id, increment)
		c.kick()
	}
}

// giveBack gives padding back to both windows. c.mu is held.
func (s *Stream) giveBack(n int) {
	s.c.giveBack(n)
	s.giveBackOwn(n)
}

// gaveAway gives bytes that wait no more back to the connection's window, to which a client has given them when they came. c.mu is held.
func (s *Stream) gaveAway(n int) {
	if !s.c.client {
		s.c.giveBack(n)
	}
}

// giveBackOwn gives bytes back to the stream's window. c.mu is held.
func (s *Stream) giveBackOwn(n int) {
	if s.recvEnd || s.err != nil {
		return
	}
	increment := s.window.give(n, s.window.size/2)
	if increment > 0 && s.window.quick(time.Now()) && s.in.size < s.window.size/4 { // the reader keeps pace
		increment += s.window.grow()
	}
	s.c.addWindow(s.id, increment)
}

// endReceived notes the peer's END_STREAM. c.mu is held.
func (c *conn) endReceived(s *Stream) {
	s.recvEnd = true
	s.readable.Signal()
	c.checkComplete(s)
	if s.waiting {
		c.dispatch(s)
	}
}

// checkComplete has a stream no longer count as open when both sides have ended it. c.mu is held.
func (c *conn) checkComplete(s *Stream) {
	if !s.complete() || s.counted {
		return
	}
	s.counted = true
	c.open--
	c.guard.completed++
}

// isIdle reports a stream that was never opened. c.mu is held.
func (c *conn) isIdle(id uint32) bool {
	if id%2 == 0 {
		return true // push is not allowed, and clients have odd numbers
	}
	if c.client {
		return id >= c.nextID
	}
	return id > c.lastPeer
}

// isBeyond reports a stream that the client opened before it saw the last stream of our GOAWAY. What comes on it is not looked at
// (RFC 9113 section 6.8). c.mu is held.
func (c *conn) isBeyond(id uint32) bool {
	return !c.client && c.final && id > c.lastPeer && id%2 == 1
}

// refuse resets a stream for what the peer did on it. c.mu is held. An error ends the connection.
func (c *conn) refuse(s *Stream, code ErrorCode, reason string) error {
	if !c.client && !c.guard.reset() {
		return errResetFlood
	}
	c.reset(s, code, reason)
	s.gone.Store(true)
	f := s.cancel
	s.cancel = nil
	if s.waiting {
		c.forget(s)
		return nil
	}
	if f != nil {
		c.callCancel(s, f)
	}
	return nil
}

// reset ends a stream from this side. c.mu is held.
func (c *conn) reset(s *Stream, code ErrorCode, reason string) {
	if s.err != nil || s.complete() {
		return
	}
	if s.id != 0 {
		c.out = appendReset(c.out, s.id, code)
		c.kick()
	}
	s.err = &StreamError{Code: code, Local: true, Reason: reason}
	s.dropUnread()
	s.readable.Signal()
	s.writable.Signal()
}

// dropUnread gives back what will not be read. c.mu is held.
func (s *Stream) dropUnread() {
	for s.in.size > 0 {
		chunk := s.in.next()
		s.c.unread -= len(chunk)
		s.gaveAway(len(chunk))
		s.c.memory.putChunk(chunk)
	}
}

// dropPart gives back the part that was handed out last. c.mu is held.
func (s *Stream) dropPart() {
	if s.part == nil {
		return
	}
	s.gaveAway(len(s.part))
	s.giveBackOwn(len(s.part))
	s.c.memory.putChunk(s.part)
	s.part = nil
}
