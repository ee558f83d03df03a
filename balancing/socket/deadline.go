package socket

import (
	"net"
	"time"
)

// SetDeadline sets both deadlines; the zero time takes them away.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets when waiting for something to read ends.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.readDue, t) }

// SetWriteDeadline sets when waiting for something to be taken ends. It holds beside the timeout of SetWriteTimeout: a Write that waits ends with
// the earlier of the two.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.writeDue, t) }

// limitWait sets when a Write that waits has waited long enough.
func (c *Conn) limitWait(t time.Time) { _ = c.setDeadline(&c.waitDue, t) }

// setDeadline sets one of the deadlines and tells the poller, where that knows the connection.
func (c *Conn) setDeadline(due *time.Time, t time.Time) error {
	if !c.life.enter() {
		return net.ErrClosed
	}
	defer c.leave()
	// What is over already also ends what need not wait: that is the poller's business.
	if c.polled.Load() == nil && !t.IsZero() && time.Until(t) <= 0 {
		if _, err := c.poll(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.over() { // Close has set its own, which must stay
		return net.ErrClosed
	}
	*due = t
	p := c.polled.Load()
	switch {
	case p == nil:
		return nil
	case due == &c.readDue:
		return p.SetReadDeadline(t)
	}
	return p.SetWriteDeadline(c.writeEnds())
}

// writeEnds is the earlier of the two deadlines for writing, if there is any. Its caller holds the lock.
func (c *Conn) writeEnds() time.Time {
	if c.waitDue.IsZero() || !c.writeDue.IsZero() && c.writeDue.Before(c.waitDue) {
		return c.writeDue
	}
	return c.waitDue
}
