package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// ErrStale says that a connection that was to be asked had ended, or had bytes that nobody asked for. Nothing was sent. It must be closed.
var ErrStale = errors.New("the other end closed the connection, or sent something, before it was asked")

// ErrNothing says that there was nothing to read.
var ErrNothing = errors.New("nothing to read yet")

// failed makes an error of a system call's, such as net would return.
func (c *Conn) failed(op, call string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(call, errno)}
}

// renamed gives an error of [syscall.RawConn], which calls all it does raw, the name of what was done.
func renamed(op string, err error) error {
	var wrapped *net.OpError
	if errors.As(err, &wrapped) {
		wrapped.Op = op
	}
	return err
}

// received makes the result of a reading method of that of a system call.
func (c *Conn) received(n int, errno syscall.Errno) (int, error) {
	switch {
	case errno == syscall.EAGAIN:
		return 0, ErrNothing
	case errno != 0:
		return 0, c.failed("read", "recvfrom", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
