package proxy

import (
	"crypto/tls"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// glance is what a look at a connection without reading from it has shown.
type glance uint8

const (
	peekNothing glance = iota // open, nothing to read
	peekData                  // something to read
	peekClosed                // closed or broken by the other end
)

// peeker looks whether a connection has something to read, without blocking and without reading. It allocates only when made.
type peeker struct {
	raw    syscall.RawConn
	look1  func(fd uintptr)
	result glance
	buf    [1]byte
}

// newPeeker returns a peeker, which sees nothing on a connection that is no socket.
func newPeeker(conn net.Conn) *peeker {
	p := &peeker{}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if socket, ok := conn.(syscall.Conn); ok {
		p.raw, _ = socket.SyscallConn()
	}
	p.look1 = func(fd uintptr) {
		for {
			n, _, err := syscall.Recvfrom(int(fd), p.buf[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				p.result = peekNothing
			case err != nil || n == 0:
				p.result = peekClosed
			default:
				p.result = peekData
			}
			return
		}
	}
	return p
}

func (p *peeker) look() glance {
	if p.raw == nil {
		return peekNothing
	}
	// Control rather than Read: Read fails once a deadline has passed, and those of idle connections have.
	if err := p.raw.Control(p.look1); err != nil {
		return peekClosed
	}
	return p.result
}

// hungUp reports whether the other end has closed its side, also where bytes that it sent before wait to be read: of TLS there is always a
// last message (close_notify).
func (p *peeker) hungUp() bool {
	if p.raw == nil {
		return false
	}
	closed := false
	err := p.raw.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(poll, 0)
		closed = err == nil && n > 0
	})
	return err != nil || closed
}
