package socket

import "syscall"

// Glance is what Look has seen.
type Glance uint8

// What there is on a connection.
const (
	Quiet  Glance = iota // open, and nothing to read
	Data                 // something to read
	Closed               // the stream has ended, or the connection is broken or closed
)

// looker is what Look and its callback share.
type looker struct {
	step func(fd uintptr)
	seen Glance
	buf  [1]byte
}

func (l *looker) init() { l.step = l.look }

func (l *looker) look(fd uintptr) {
	n, errno := peek(fd, l.buf[:])
	switch {
	case errno == syscall.EAGAIN:
		l.seen = Quiet
	case errno != 0 || n == 0:
		l.seen = Closed
	default:
		l.seen = Data
	}
}

// Look looks whether there is something to read, without waiting, reading, or regard to deadlines. One goroutine at a time may look, whoever
// reads.
func (c *Conn) Look() Glance {
	// Control rather than Read: Read fails once a deadline has passed, and would wait for whoever reads.
	if c.control(c.looker.step) != nil {
		return Closed
	}
	return c.looker.seen
}

// Discard drops what has come, at most so many bytes, without waiting: closing with unread bytes would reset the connection, and the other end might
// never see what was sent before. It is for whoever may read.
func (c *Conn) Discard(most int) {
	_ = c.control(func(fd uintptr) { discard(fd, most) })
}
