package socket

import (
	"syscall"
	"time"
)

// writer is what Write and its callback share; one goroutine at a time writes.
type writer struct {
	limit time.Duration // see SetWriteTimeout

	conn   *Conn
	step   func(fd uintptr) bool // made once, so that a Write allocates nothing
	head   []byte
	body   []byte
	sent   int
	errno  syscall.Errno
	waited bool
}

func (w *writer) init(c *Conn) {
	w.conn = c
	w.step = w.write
}

// write is called by the poller's side of Write, first at once and then when the socket takes more.
func (w *writer) write(fd uintptr) (done bool) {
	w.sent, w.errno = transmitAll(fd, w.head, w.body, w.sent)
	if w.errno != syscall.EAGAIN {
		return true
	}
	if w.limit > 0 {
		w.waited = true
		w.conn.limitWait(time.Now().Add(w.limit))
	}
	return false
}

// Write writes all of p, unless it returns an error.
func (c *Conn) Write(p []byte) (int, error) { return c.WriteBoth(nil, p) }

// WriteBoth writes head and then body as one Write would, without first copying them into one piece.
func (c *Conn) WriteBoth(head, body []byte) (int, error) {
	w := &c.writer
	w.head, w.body, w.sent, w.errno = head, body, 0, 0
	err := c.write(w.step)
	w.head, w.body = nil, nil
	if w.waited {
		w.waited = false
		c.limitWait(time.Time{})
	}
	switch {
	case err != nil:
		return w.sent, err
	case w.errno != 0:
		return w.sent, c.failed("write", "sendto", w.errno)
	}
	return w.sent, nil
}
