package h2

// keptBuffer is the largest buffer that a stream keeps for its next use.
const keptBuffer = 16 << 10

// take gives a stream to use. c.mu is held.
func (c *conn) take() *Stream {
	var s *Stream
	if n := len(c.free); n > 0 {
		s = c.free[n-1]
		c.free[n-1] = nil
		c.free = c.free[:n-1]
	} else {
		s = &Stream{c: c}
		s.readable.L, s.writable.L = &c.mu, &c.mu
	}
	s.window = newWindow(firstStreamWindow, mostStreamWindow, nil)
	if c.client {
		s.window.memory = c.memory
	}
	s.sendWindow = c.peerWindow
	s.length = -1
	s.place = len(c.live)
	c.live = append(c.live, s)
	c.open++
	return s
}

// release ends the use of a stream, when no cancel function of it is running any more. c.mu is held.
func (c *conn) release(s *Stream) {
	s.cancel = nil
	for s.canceling {
		c.canceled.Wait()
	}
	s.dropUnread()
	s.dropPart()
	c.remember(s)
	c.forget(s)
}

// remember notes how the stream ended. c.mu is held.
func (c *conn) remember(s *Stream) {
	if s.id == 0 {
		return
	}
	switch {
	case s.complete():
		c.closed.add(s.id, inOrder)
	case s.resetByPeer:
		c.closed.add(s.id, byPeer)
	default:
		c.closed.add(s.id, byReset)
	}
}

// forget gives a stream back. c.mu is held.
func (c *conn) forget(s *Stream) {
	if s.waiting {
		// Its handler was never called: it ends here, before release could see it.
		s.waiting = false
		c.remember(s)
		s.dropUnread()
	}
	delete(c.streams, s.id)
	s.window.end()
	if !s.counted {
		c.open--
	}
	last := c.live[len(c.live)-1]
	last.place = s.place
	c.live[s.place] = last
	c.live[len(c.live)-1] = nil
	c.live = c.live[:len(c.live)-1]
	s.reset()
	if len(c.free) < c.maxStreams {
		c.free = append(c.free, s)
	}
}

// stopIfUnused ends a connection that takes no new streams when it has none. c.mu is held.
func (c *conn) stopIfUnused() {
	if c.goingAway && len(c.live) == 0 {
		c.stop()
	}
}
