package socket

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is a TCP connection. One goroutine may read while another writes; other methods say who may call them, and deadlines, looks and closing
// are for all. Go's poller learns of an accepted connection when something has to be waited for the first time: one whose request is
// there when it is accepted, and which ends with the answer, is never told to it.
type Conn struct {
	fd     int
	remote netip.AddrPort
	life   life
	polled atomic.Pointer[polled] // nil as long as nothing was waited for

	mu                sync.Mutex // guards what follows, and storing polled
	readDue, writeDue time.Time  // the deadlines that were set
	waitDue           time.Time  // that of a Write which waits, by its timeout

	reader    reader
	writer    writer
	asker     asker
	attention attention
	looker    looker
}

// polled is a descriptor that the poller knows, and owns: it alone may close it from then on.
type polled struct {
	syscall.RawConn
	descriptor
}

// descriptor is an [os.File] or a [net.TCPConn].
type descriptor interface {
	SetDeadline(t time.Time) error
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	Close() error
}

// New takes over a connection. It cannot fail for one that was accepted or dialed.
func New(tcp *net.TCPConn) (*Conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := newConn(-1, addressOf(tcp.RemoteAddr()))
	if err := raw.Control(func(fd uintptr) { c.fd = int(fd) }); err != nil {
		return nil, err
	}
	c.polled.Store(&polled{raw, tcp})
	return c, nil
}

// newConn makes a connection of a socket that does not block.
func newConn(fd int, remote netip.AddrPort) *Conn {
	c := &Conn{fd: fd, remote: remote}
	c.reader.init()
	c.writer.init(c)
	c.asker.init()
	c.attention.init()
	c.looker.init()
	return c
}

// SetWriteTimeout bounds how long a Write waits for the other end to take something, each time that it has to wait; 0 waits for ever. Unlike a
// deadline it costs nothing where Write need not wait. It is not called while a Write is under way.
func (c *Conn) SetWriteTimeout(limit time.Duration) { c.writer.limit = limit }

// Close closes the connection and wakes whoever waits on it. The descriptor lives on until all calls of methods have returned, among them that
// of Attend whose function may have called Close.
func (c *Conn) Close() error {
	unused, first := c.life.end()
	switch {
	case !first:
		return net.ErrClosed
	case unused:
		c.destroy()
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// Who waits, waits at the poller. Who is about to tell it of the connection sees that the life is over.
	if p := c.polled.Load(); p != nil {
		return p.SetDeadline(time.Unix(1, 0))
	}
	return nil
}

// leave ends what enter of life began.
func (c *Conn) leave() {
	if c.life.leave() {
		c.destroy()
	}
}

// destroy is called once, when the life is over and the last who used the descriptor has left: nobody can enter, so nobody can tell the
// poller of it any more.
func (c *Conn) destroy() {
	if p := c.polled.Load(); p != nil {
		p.Close()
	} else {
		closeDescriptor(c.fd)
	}
}

// poll makes the connection known to the poller. Only who has entered it may call poll.
func (c *Conn) poll() (*polled, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.polled.Load(); p != nil {
		return p, nil
	}
	if c.life.over() {
		return nil, net.ErrClosed
	}
	file := os.NewFile(uintptr(c.fd), "socket") // which closes the descriptor when it is collected, so it must be kept
	raw, err := file.SyscallConn()
	p := &polled{raw, file}
	c.polled.Store(p)
	if err == nil && !c.readDue.IsZero() {
		err = p.SetReadDeadline(c.readDue)
	}
	if due := c.writeEnds(); err == nil && !due.IsZero() {
		err = p.SetWriteDeadline(due)
	}
	return p, err
}

// read calls step at once, and then when there may be something to read, until it returns true.
func (c *Conn) read(step func(fd uintptr) (done bool)) error {
	if !c.life.enter() {
		return c.closed("read")
	}
	p := c.polled.Load()
	if p == nil {
		if step(uintptr(c.fd)) {
			c.leave()
			return nil
		}
		var err error
		if p, err = c.poll(); err != nil {
			return c.left("read", err)
		}
	}
	return c.left("read", p.Read(step))
}

// write calls step at once, and then when something may be written, until it returns true.
func (c *Conn) write(step func(fd uintptr) (done bool)) error {
	if !c.life.enter() {
		return c.closed("write")
	}
	p := c.polled.Load()
	if p == nil {
		if step(uintptr(c.fd)) {
			c.leave()
			return nil
		}
		var err error
		if p, err = c.poll(); err != nil {
			return c.left("write", err)
		}
	}
	return c.left("write", p.Write(step))
}

// left leaves the connection and gives an error of the poller the name of what was done.
func (c *Conn) left(op string, err error) error {
	over := c.life.over()
	c.leave()
	switch {
	case err == nil:
		return nil
	case over:
		return c.closed(op)
	}
	return renamed(op, err)
}

// control calls f with the descriptor.
func (c *Conn) control(f func(fd uintptr)) error {
	if !c.life.enter() {
		return net.ErrClosed
	}
	defer c.leave()
	f(uintptr(c.fd))
	return nil
}

func (c *Conn) closed(op string) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: c.RemoteAddr(), Err: net.ErrClosed}
}
