package h2

import "encoding/binary"

// onHeaders begins a head.
func (c *conn) onHeaders(f frame, payload []byte) error {
	if f.stream == 0 {
		return protocolError("HEADERS without a stream")
	}
	if f.stream%2 == 0 {
		return protocolError("HEADERS on a stream with an even number")
	}
	fragment, ok := unpad(f, payload)
	if !ok {
		return protocolError("HEADERS with more padding than payload")
	}
	r := &c.reader
	r.selfDependent = false
	if f.flags&flagPriority != 0 {
		if len(fragment) < 5 {
			return connError(FrameSizeError, "HEADERS is too short for its priority")
		}
		r.selfDependent = binary.BigEndian.Uint32(fragment)&maxStreamID == f.stream
		fragment = fragment[5:]
	}
	r.endStream = f.flags&flagEndStream != 0
	r.block.begin(c.kindOf(f.stream))
	return c.onFragment(f, fragment)
}

// kindOf tells which head comes next on a stream.
func (c *conn) kindOf(id uint32) blockKind {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.client {
		if id > c.lastPeer {
			return requestBlock
		}
		return trailerBlock
	}
	if s := c.streams[id]; s != nil && s.final {
		return trailerBlock
	}
	return responseBlock
}

// onContinuation goes on with a head.
func (c *conn) onContinuation(f frame, payload []byte) error {
	r := &c.reader
	if r.continuing == 0 {
		return protocolError("CONTINUATION without HEADERS")
	}
	r.continuations++
	if r.continuations > maxContinuations {
		return connError(EnhanceYourCalm, "too many CONTINUATION frames")
	}
	return c.onFragment(f, payload)
}

// onFragment decodes a part of a head; the last one ends it.
func (c *conn) onFragment(f frame, fragment []byte) error {
	r := &c.reader
	if _, err := r.block.decoder.Write(fragment); err != nil {
		return connError(CompressionError, err.Error())
	}
	if f.flags&flagEndHeaders == 0 {
		r.continuing = f.stream
		return nil
	}
	r.continuing, r.continuations = 0, 0
	if err := r.block.decoder.Close(); err != nil {
		return connError(CompressionError, err.Error())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.streams[f.stream]
	switch {
	case c.client:
		return c.onResponse(f.stream, s)
	case s == nil && f.stream > c.lastPeer:
		return c.onRequest(f.stream)
	case s == nil:
		return c.onLateHead(f.stream)
	}
	return c.onTrailers(s)
}

// onLateHead judges a head on a stream that is closed, or was passed over (RFC 9113 section 5.1.1). c.mu is held.
func (c *conn) onLateHead(id uint32) error {
	switch c.closed.find(id) {
	case byReset:
		return nil
	case forgotten:
		return protocolError("HEADERS on a stream with a number that was passed over")
	}
	return connError(StreamClosed, "HEADERS on a closed stream")
}

// onRequest begins a stream on a server. c.mu is held.
func (c *conn) onRequest(id uint32) error {
	if c.final {
		return nil // beyond the last stream of GOAWAY: the client knows that we do not look at it
	}
	c.lastPeer = id
	r := &c.reader
	b := r.block
	b.checkRequest(r.endStream)
	if r.selfDependent {
		b.malformed("stream that depends on itself")
	}
	switch {
	case b.bad != "":
		c.tellMalformed(b.bad)
		return c.refuseRequest(id, ProtocolError)
	case c.open >= c.maxStreams || len(c.live) >= 2*c.maxStreams:
		return c.refuseRequest(id, RefusedStream)
	}
	c.guard.earn(headEarns)
	s := c.take()
	s.id = id
	s.head = b.appendRequest(s.head, r.endStream)
	s.length, s.recvEnd = b.length, r.endStream
	c.streams[id] = s
	c.clock.served++
	if r.endStream {
		c.dispatch(s)
		return nil
	}
	s.waiting = true
	r.waiting = append(r.waiting, s)
	return nil
}

// tellMalformed tells of a request whose head is malformed, without the lock. c.mu is held before and after.
func (c *conn) tellMalformed(reason string) {
	if c.malformed == nil {
		return
	}
	c.mu.Unlock()
	defer c.mu.Lock()
	c.malformed(reason)
}

// refuseRequest resets a stream that never becomes one. Those that were malformed or too many count as resets, because the client has
// caused them (CVE-2025-8671).
func (c *conn) refuseRequest(id uint32, code ErrorCode) error {
	if !c.guard.reset() {
		return errResetFlood
	}
	c.out = appendReset(c.out, id, code)
	c.closed.add(id, byReset)
	c.kick()
	return nil
}

// onTrailers ends a stream with trailers. c.mu is held.
func (c *conn) onTrailers(s *Stream) error {
	b := c.reader.block
	switch {
	case s.err != nil && s.resetByPeer:
		return connError(StreamClosed, "HEADERS after RST_STREAM")
	case s.err != nil:
		return nil
	case s.complete():
		return connError(StreamClosed, "HEADERS on a closed stream")
	case s.recvEnd:
		return c.refuse(s, StreamClosed, "HEADERS after the end of the stream")
	case !c.reader.endStream:
		return c.refuse(s, ProtocolError, "trailers without END_STREAM")
	case c.reader.selfDependent:
		return c.refuse(s, ProtocolError, "stream that depends on itself")
	case b.bad != "":
		return c.refuse(s, ProtocolError, b.bad)
	case b.full:
		return c.refuse(s, EnhanceYourCalm, "trailers beyond the limits")
	case !s.bodiless && s.length >= 0 && s.received != s.length:
		return c.refuse(s, ProtocolError, "trailers before the end of Content-Length")
	}
	s.trailers = append(s.trailers, b.lines...)
	c.endReceived(s)
	return nil
}

// onResponse takes a head on a client. c.mu is held.
func (c *conn) onResponse(id uint32, s *Stream) error {
	if s == nil {
		if id >= c.nextID {
			return protocolError("HEADERS on a stream that was never opened")
		}
		return c.late(id)
	}
	if s.final || s.recvEnd {
		return c.onTrailers(s)
	}
	if s.err != nil {
		return nil
	}
	b := c.reader.block
	b.checkResponse(c.reader.endStream)
	switch {
	case b.bad != "":
		return c.refuse(s, ProtocolError, b.bad)
	case b.full:
		s.final = true
		s.addHead(b.appendResponse(s.head, false, false))
	case b.status[0] == '1':
		return c.onInterim(s)
	default:
		return c.onFinal(s)
	}
	if c.reader.endStream {
		c.endReceived(s)
	}
	return nil
}

// onInterim takes a 1xx head. c.mu is held.
func (c *conn) onInterim(s *Stream) error {
	s.interims++
	if s.interims > maxInterim || len(s.head) > c.limits.Head {
		return c.refuse(s, EnhanceYourCalm, "too many interim responses")
	}
	s.addHead(c.reader.block.appendResponse(s.head, false, true))
	return nil
}

// onFinal takes the head of the response proper. c.mu is held.
func (c *conn) onFinal(s *Stream) error {
	b, end := c.reader.block, c.reader.endStream
	s.bodiless = s.toHead || string(b.status) == "204" || string(b.status) == "304"
	if end && !s.bodiless && b.length > 0 {
		return c.refuse(s, ProtocolError, "Content-Length of a response that has ended")
	}
	c.guard.earn(headEarns)
	s.final, s.length = true, b.length
	s.addHead(b.appendResponse(s.head, end, s.bodiless))
	if end {
		c.endReceived(s)
	}
	return nil
}

// addHead hands a response head to the reader. c.mu is held.
func (s *Stream) addHead(longer []byte) {
	s.heads = append(s.heads, span{len(s.head), len(longer)})
	s.head = longer
	s.c.wakeSoon(s)
}
