package h2

import "encoding/binary"

const (
	// alivePing asks a silent peer; drainPing is answered when the peer has seen the first GOAWAY of a shutdown. What they say is
	// of no matter, only that they differ.
	alivePing uint64 = 0x616c697665
	drainPing uint64 = 0x647261696e
)

func (c *conn) onPing(f frame, payload []byte) error {
	if f.stream != 0 {
		return protocolError("PING on a stream")
	}
	if len(payload) != 8 {
		return connError(FrameSizeError, "PING is not 8 bytes")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.guard.noise(frameCost) {
		return errFlood
	}
	what := binary.BigEndian.Uint64(payload)
	if f.flags&flagAck != 0 {
		if what == drainPing && c.draining {
			c.finish()
		}
		return nil
	}
	c.out = appendPing(c.out, flagAck, what)
	c.kick()
	return nil
}

// onPriority checks what RFC 9113 section 6.3 has left of PRIORITY, and ignores it.
func (c *conn) onPriority(f frame, payload []byte) error {
	if f.stream == 0 {
		return protocolError("PRIORITY without a stream")
	}
	if len(payload) != 5 {
		return connError(FrameSizeError, "PRIORITY is not 5 bytes")
	}
	if binary.BigEndian.Uint32(payload)&maxStreamID == f.stream {
		return protocolError("stream that depends on itself")
	}
	return c.onNoise()
}

// onNoise takes a frame that is ignored.
func (c *conn) onNoise() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.guard.noise(frameCost) {
		return errFlood
	}
	return nil
}

func (c *conn) onReset(f frame, payload []byte) error {
	if f.stream == 0 {
		return protocolError("RST_STREAM without a stream")
	}
	if len(payload) != 4 {
		return connError(FrameSizeError, "RST_STREAM is not 4 bytes")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isBeyond(f.stream) {
		return nil
	}
	if c.isIdle(f.stream) {
		return protocolError("RST_STREAM on a stream that was never opened")
	}
	s := c.streams[f.stream]
	if s == nil || s.gone.Load() || s.complete() {
		if !c.guard.noise(frameCost) {
			return errFlood
		}
		return nil
	}
	if !c.client && !c.guard.reset() {
		return errResetFlood
	}
	code := ErrorCode(binary.BigEndian.Uint32(payload))
	s.resetByPeer = true
	cancel := s.fail(&StreamError{Code: code})
	if s.waiting {
		c.forget(s)
		return nil
	}
	if cancel != nil {
		c.callCancel(s, cancel)
	}
	return nil
}

func (c *conn) onGoAway(f frame, payload []byte) error {
	if f.stream != 0 {
		return protocolError("GOAWAY on a stream")
	}
	if len(payload) < 8 {
		return connError(FrameSizeError, "GOAWAY is shorter than 8 bytes")
	}
	last := binary.BigEndian.Uint32(payload) & maxStreamID
	code := ErrorCode(binary.BigEndian.Uint32(payload[4:]))
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.guard.noise(frameCost) {
		return errFlood
	}
	if !c.client {
		return nil // its streams go on; it opens no more
	}
	c.goingAway = true
	if code != NoError && c.said == nil {
		c.said = &ConnError{Code: code, Reason: string(payload[8:min(len(payload), 8+mostReason)])}
	}
	for {
		s, f := c.nextBeyond(last)
		if s == nil {
			break
		}
		if f != nil {
			c.callCancel(s, f)
		}
	}
	c.stopIfUnused()
	return nil
}

// mostReason is how much of the text in a GOAWAY is kept.
const mostReason = 200

// nextBeyond ends one stream that the server says it has not looked at (RFC 9113 section 6.8). c.mu is held.
func (c *conn) nextBeyond(last uint32) (*Stream, func()) {
	for _, s := range c.live {
		if s.id > last && !s.gone.Load() {
			return s, s.fail(&StreamError{Code: RefusedStream})
		}
	}
	return nil, nil
}

func (c *conn) onWindowUpdate(f frame, payload []byte) error {
	if len(payload) != 4 {
		return connError(FrameSizeError, "WINDOW_UPDATE is not 4 bytes")
	}
	increment := int64(binary.BigEndian.Uint32(payload) & maxWindow)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.guard.noise(frameCost) {
		return errFlood
	}
	if f.stream == 0 {
		if increment == 0 {
			return protocolError("WINDOW_UPDATE of 0")
		}
		c.sendWindow += increment
		if c.sendWindow > maxWindow {
			return connError(FlowControlError, "WINDOW_UPDATE overflows the connection's window")
		}
		c.nextTurn()
		return nil
	}
	if c.isBeyond(f.stream) {
		return nil
	}
	if c.isIdle(f.stream) {
		return protocolError("WINDOW_UPDATE on a stream that was never opened")
	}
	s := c.streams[f.stream]
	if s == nil || s.err != nil {
		return nil
	}
	if increment == 0 {
		return c.refuse(s, ProtocolError, "WINDOW_UPDATE of 0")
	}
	s.sendWindow += increment
	if s.sendWindow > maxWindow {
		return c.refuse(s, FlowControlError, "WINDOW_UPDATE overflows the stream's window")
	}
	s.writable.Signal()
	return nil
}
