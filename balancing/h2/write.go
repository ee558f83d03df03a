package h2

import (
	"errors"
	"io"
	"runtime"
	"time"
)

const (
	// roomy is how much may be unsent before streams wait. What is being written at the time comes on top.
	roomy = 64 << 10
	// mostUnsent ends the connection: streams stop at roomy and a head is at most as large again, so what is beyond are answers to a
	// peer that asks and does not read (CVE-2019-9512, -9515).
	mostUnsent = 256 << 10
	// readOutTime is how long what has come already may take to be read.
	readOutTime = 100 * time.Millisecond
	// keptUnsent is the largest buffer that is kept.
	keptUnsent = 128 << 10
)

var errUnread = errors.New("h2: the peer does not read what it asks for")

// kick has what is gathered written. c.mu is held.
func (c *conn) kick() {
	if len(c.out) > mostUnsent {
		c.lose(errUnread)
		return
	}
	if c.wanted || len(c.out) == 0 {
		return
	}
	c.wanted = true
	c.writer.Signal()
}

// write is the writing goroutine: it writes what all streams have gathered while the last write was under way, in one call.
func (c *conn) write() {
	defer close(c.writerDone)
	c.mu.Lock()
	defer c.mu.Unlock()
	var extended time.Time
	for c.waitWanted() {
		if len(c.live) > 1 {
			// Others are at work: those that are about to write get the time to.
			c.mu.Unlock()
			runtime.Gosched()
			c.mu.Lock()
		}
		c.wanted = false
		buf := c.out
		if len(buf) == 0 {
			continue
		}
		c.out, c.spare = c.spare[:0], nil
		c.makeRoom()
		if now := time.Now(); !c.stopping && now.Sub(extended) > time.Second {
			extended = now
			c.netConn.SetWriteDeadline(now.Add(c.writeTimeout))
		}
		c.mu.Unlock()
		_, err := c.netConn.Write(buf)
		c.mu.Lock()
		if cap(buf) <= keptUnsent {
			c.spare = buf
		}
		if err != nil {
			if len(c.live) == 0 {
				err = io.EOF // the peer has gone, and nobody waits for it
			}
			c.readOut(err)
			return
		}
	}
	c.hangUp()
}

// readOut ends a connection that cannot be written to, once what the peer sent before it closed is read: a GOAWAY among it tells which requests
// may be sent again. c.mu is held.
func (c *conn) readOut(err error) {
	c.writeErr, c.goingAway = err, true
	c.netConn.SetReadDeadline(time.Now().Add(readOutTime))
}

// waitWanted waits for something to write; false at the end. c.mu is held.
func (c *conn) waitWanted() bool {
	for !c.wanted {
		if c.stopping {
			return false
		}
		c.writer.Wait()
	}
	return !c.ended
}

// hangUp tells the peer that nothing more comes, and gives it a little time to close its side. c.mu is held.
func (c *conn) hangUp() {
	if c.ended {
		return
	}
	c.netConn.SetReadDeadline(time.Now().Add(lingerTime))
	half, ok := c.netConn.(interface{ CloseWrite() error })
	c.mu.Unlock()
	if !ok || half.CloseWrite() != nil {
		c.netConn.Close()
	}
	c.mu.Lock()
}

// makeRoom wakes the streams that waited for room. c.mu is held.
func (c *conn) makeRoom() {
	for _, s := range c.crowded {
		s.writable.Signal()
	}
	c.nextTurn()
}

// nextTurn wakes the stream that waits the longest, if it may send. c.mu is held.
func (c *conn) nextTurn() {
	if len(c.turns) > 0 && len(c.crowded) == 0 && c.sendWindow > 0 && len(c.out) < roomy {
		c.turns[0].writable.Signal()
	}
}

// beginHead begins a HEADERS frame and returns where. c.mu is held.
func (c *conn) beginHead(id uint32, end bool) int {
	flags := uint8(flagEndHeaders)
	if end {
		flags |= flagEndStream
	}
	at := len(c.out)
	c.out = appendFrame(c.out, frameHeaders, flags, id, 0)
	c.out = c.encoder.begin(c.out)
	return at
}

// endHead gives the frame that began there its length, or makes several of it. c.mu is held.
func (c *conn) endHead(at int) {
	size := len(c.out) - at - frameHead
	if size <= maxFrame {
		putLength(c.out[at:], size)
		return
	}
	id := parseFrame(c.out[at:]).stream
	block := append([]byte(nil), c.out[at+frameHead:]...) // rare: heads of over 16 KB
	putLength(c.out[at:], maxFrame)
	c.out[at+4] &^= flagEndHeaders
	c.out = c.out[:at+frameHead+maxFrame]
	for block = block[maxFrame:]; len(block) > 0; {
		n := min(len(block), maxFrame)
		flags := uint8(0)
		if n == len(block) {
			flags = flagEndHeaders
		}
		c.out = appendFrame(c.out, frameContinuation, flags, id, n)
		c.out = append(c.out, block[:n]...)
		block = block[n:]
	}
}
