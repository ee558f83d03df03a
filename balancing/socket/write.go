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
	data   []byte
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
	n, errno := transmitAll(fd, w.data[w.sent:])
	w.sent += n
	if errno != syscall.EAGAIN {
		w.errno = errno
		return true
	}
	if w.limit > 0 {
		w.waited = true
		w.conn.SetWriteDeadline(time.Now().Add(w.limit))
	}
	return false
}

// Write writes all of p, unless it returns an error.
func (c *Conn) Write(p []byte) (int, error) {
	w := &c.writer
	w.data, w.sent, w.errno = p, 0, 0
	err := c.raw.Write(w.step)
	w.data = nil
	if w.waited {
		w.waited = false
		c.SetWriteDeadline(time.Time{})
	}
	switch {
	case err != nil:
		return w.sent, renamed("write", err)
	case w.errno != 0:
		return w.sent, c.failed("write", "sendto", w.errno)
	}
	return w.sent, nil
}
