package socket

import (
	"sync"
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

	mu    sync.Mutex // guards until, and with it which of two deadlines the socket has
	until time.Time  // the write deadline that was set; zero: none
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
		w.arm(time.Now().Add(w.limit))
	}
	return false
}

// arm has the wait end at a time, unless it is to end before.
func (w *writer) arm(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.until.IsZero() && w.until.Before(at) {
		at = w.until
	}
	w.conn.TCPConn.SetWriteDeadline(at)
}

// disarm leaves the write deadline that was set.
func (w *writer) disarm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn.TCPConn.SetWriteDeadline(w.until)
}

// SetWriteDeadline is that of [net.Conn]. It holds beside the timeout of SetWriteTimeout: a Write that waits ends with the earlier of the two.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	c.writer.until = t
	return c.TCPConn.SetWriteDeadline(t)
}

// SetDeadline is that of [net.Conn], for reading and writing.
func (c *Conn) SetDeadline(t time.Time) error {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	c.writer.until = t
	return c.TCPConn.SetDeadline(t)
}

// Write writes all of p, unless it returns an error.
func (c *Conn) Write(p []byte) (int, error) { return c.WriteBoth(nil, p) }

// WriteBoth writes head and then body as one Write would, without first copying them into one piece.
func (c *Conn) WriteBoth(head, body []byte) (int, error) {
	w := &c.writer
	w.head, w.body, w.sent, w.errno = head, body, 0, 0
	err := c.raw.Write(w.step)
	w.head, w.body = nil, nil
	if w.waited {
		w.waited = false
		w.disarm()
	}
	switch {
	case err != nil:
		return w.sent, renamed("write", err)
	case w.errno != 0:
		return w.sent, c.failed("write", "sendto", w.errno)
	}
	return w.sent, nil
}
