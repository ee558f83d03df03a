package proxy

import (
	"errors"
	"io"
	"os"
	"time"

	"headroom.dev/headroom/balancing/socket"
)

// phase is what a client connection is being read for, which decides its deadline.
type phase uint8

const (
	awaitingRequest phase = iota
	readingHead
	readingBody
	lingering
)

// h1Reader is what the reader of a client's connection reads from: it sets the deadline of the phase before it waits.
type h1Reader h1Client

func (r *h1Reader) Read(p []byte) (int, error) {
	c := (*h1Client)(r)
	if c.attending {
		n, err := c.tcp.TryRead(p)
		c.short = n < len(p)
		return n, err
	}
	for {
		began := time.Now()
		if err := c.armRead(began); err != nil {
			return 0, err
		}
		if c.canceled.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		if c.phase == awaitingRequest && c.listener.waking.Load() && c.tcp.Look() != socket.Data {
			return 0, errWoken
		}
		n, err := c.conn.Read(p)
		if c.phase == readingBody {
			c.pace.took(time.Since(began), n)
		}
		if n > 0 || !isTimeout(err) {
			return n, err
		}
		// wake may have meant the wait for a request that has meanwhile come. Then the time is not up.
		early := c.phase == readingHead || c.phase == readingBody
		if early && !c.canceled.Load() && time.Now().Before(c.reading.at) {
			c.reading.exactly(c.reading.at)
			continue
		}
		return n, err
	}
}

// armRead sets the deadline of the phase.
func (c *h1Client) armRead(now time.Time) error {
	r := c.listener.routes.Load()
	switch c.phase {
	case awaitingRequest:
		c.reading.within(now, r.idle)
	case readingBody:
		wait, err := c.pace.wait(r)
		if err != nil {
			return err
		}
		if c.most > 0 {
			wait = min(wait, c.most)
		}
		c.reading.within(now, wait)
	case readingHead:
		if c.headDue.IsZero() {
			c.headDue = now.Add(r.header)
			c.reading.exactly(c.headDue)
		}
	}
	return nil
}

// enlarge reads a large body through a larger buffer.
func (c *h1Client) enlarge() {
	if c.large == nil && len(c.x.in.Buffer()) < largeBuffer { // a large head may have made it larger already
		c.large = c.server.large.Get().(*[]byte)
		c.x.in.Swap(*c.large)
	}
}

// linger closes for writing and reads on for a while, until the client closes as well.
func (c *h1Client) linger() {
	if closeWrite(c.conn) != nil {
		return
	}
	c.canceled.Store(false)
	c.phase = lingering
	c.reading.exactly(time.Now().Add(lingerTime))
	for total := 0; total < lingerBytes; {
		c.x.in.Discard(len(c.x.in.Buffered()))
		if c.x.in.Fill() != nil {
			return
		}
		total += len(c.x.in.Buffered())
	}
}

func isTimeout(err error) bool {
	if err == nil || err == io.EOF {
		return false
	}
	return errors.Is(err, os.ErrDeadlineExceeded)
}
