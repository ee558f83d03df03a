package h2

import (
	"errors"
	"io"
	"syscall"
	"time"
)

const (
	// firstBuffer holds many small frames; it grows to a whole frame when one is larger, and to mostBuffer while reads fill it.
	firstBuffer = 4 << 10
	mostBuffer  = 64 << 10
	// manySmall reads in a row have the buffer shrink again.
	manySmall = 64
)

var errSilent = errors.New("h2: the peer did not answer a PING")

// reader is what the reading goroutine has for itself.
type reader struct {
	buf        []byte
	start, end int // what of buf is not used yet
	small      int // reads in a row for which the buffer was too large
	block      *block

	started bool // the first SETTINGS has come

	// a head whose CONTINUATION frames are awaited
	continuing    uint32 // its stream, or 0
	continuations int
	endStream     bool
	selfDependent bool

	waiting []*Stream // new requests whose handler waits for the rest of what was read
	woken   []*Stream // streams for which something came, whose readers wait for the rest of what was read
}

// read reads frames until the connection ends or the peer breaks the protocol.
func (c *conn) read() error {
	r := &c.reader
	c.netConn.SetReadDeadline(time.Now().Add(handshakeTime))
	if !c.client {
		if err := c.readPreface(); err != nil {
			return err
		}
	}
	for {
		if r.end-r.start < frameHead {
			if err := c.fill(frameHead); err != nil {
				return err
			}
			continue
		}
		f := parseFrame(r.buf[r.start:])
		if f.length > maxFrame {
			return connError(FrameSizeError, "frame is larger than SETTINGS_MAX_FRAME_SIZE")
		}
		if r.end-r.start < frameHead+f.length {
			if err := c.fill(frameHead + f.length); err != nil {
				return err
			}
			continue
		}
		payload := r.buf[r.start+frameHead : r.start+frameHead+f.length]
		r.start += frameHead + f.length
		if err := c.process(f, payload); err != nil {
			return err
		}
	}
}

// readPreface reads the client's preface (RFC 9113 section 3.4).
func (c *conn) readPreface() error {
	r := &c.reader
	for r.end-r.start < len(preface) {
		if string(r.buf[r.start:r.end]) != preface[:r.end-r.start] {
			return protocolError("the connection does not begin with the HTTP/2 preface")
		}
		if err := c.fill(len(preface)); err != nil {
			return err
		}
	}
	if string(r.buf[r.start:r.start+len(preface)]) != preface {
		return protocolError("the connection does not begin with the HTTP/2 preface")
	}
	r.start += len(preface)
	return nil
}

// fill reads once, with room for a frame of so many bytes in all. Before it may wait, what came gets its handlers and readers.
func (c *conn) fill(need int) error {
	c.handOver()
	r := &c.reader
	if r.start == r.end {
		r.start, r.end = 0, 0
		if r.small >= manySmall {
			r.buf, r.small = make([]byte, firstBuffer), 0
		}
	}
	size := len(r.buf)
	for size < need {
		size *= 2
	}
	if size > len(r.buf) {
		larger := make([]byte, size)
		r.end = copy(larger, r.buf[r.start:r.end])
		r.buf, r.start = larger, 0
	} else if r.start > 0 && r.start+need > len(r.buf) {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	n, err := c.netConn.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		c.reads.Add(1)
		r.note(n)
		if r.start == 0 && r.end == len(r.buf) && len(r.buf) < mostBuffer {
			r.grow()
		}
		return nil
	}
	if err == nil {
		return nil
	}
	return c.readError(err)
}

// note counts the small reads in a row into a large buffer.
func (r *reader) note(n int) {
	if len(r.buf) <= firstBuffer || n > firstBuffer/2 {
		r.small = 0
		return
	}
	r.small++
}

// grow doubles a buffer that one read has filled.
func (r *reader) grow() {
	larger := make([]byte, 2*len(r.buf))
	copy(larger, r.buf[:r.end])
	r.buf = larger
}

// readError tells why reading ended: what ended the connection on this side first, then what the net says.
func (c *conn) readError(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if c.said != nil {
		return c.said
	}
	if errors.Is(err, io.EOF) && (len(c.live) > 0 || c.reader.start != c.reader.end) && !c.stopping {
		return io.ErrUnexpectedEOF
	}
	if len(c.live) == 0 && errors.Is(err, syscall.ECONNRESET) {
		return io.EOF // the peer closed with something unread, and nobody waits for it
	}
	return err
}

// drain reads and drops what comes until the peer closes or the read deadline, which the writing goroutine sets at its end, has passed.
// A connection closed with something unread is reset, and the peer may then lose what we said last.
func (c *conn) drain() {
	<-c.writerDone
	for {
		if _, err := c.netConn.Read(c.reader.buf); err != nil {
			return
		}
	}
}

// process takes one frame. An error ends the connection.
func (c *conn) process(f frame, payload []byte) error {
	r := &c.reader
	if !r.started {
		if f.kind != frameSettings || f.flags&flagAck != 0 {
			return protocolError("the first frame is not SETTINGS")
		}
		r.started = true
		c.mu.Lock()
		if !c.stopping && c.err == nil {
			c.netConn.SetReadDeadline(time.Time{})
		}
		c.mu.Unlock()
	}
	if r.continuing != 0 && (f.kind != frameContinuation || f.stream != r.continuing) {
		return protocolError("a head is interrupted by another frame")
	}
	switch f.kind {
	case frameData:
		return c.onData(f, payload)
	case frameHeaders:
		return c.onHeaders(f, payload)
	case framePriority:
		return c.onPriority(f, payload)
	case frameRSTStream:
		return c.onReset(f, payload)
	case frameSettings:
		return c.onSettings(f, payload)
	case framePushPromise:
		return protocolError("PUSH_PROMISE, which this side has not allowed")
	case framePing:
		return c.onPing(f, payload)
	case frameGoAway:
		return c.onGoAway(f, payload)
	case frameWindowUpdate:
		return c.onWindowUpdate(f, payload)
	case frameContinuation:
		return c.onContinuation(f, payload)
	}
	return c.onNoise()
}
