package socket

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Listener accepts connections of a [net.TCPListener], several at a time and with one system call for each.
type Listener struct {
	file   *os.File
	raw    syscall.RawConn
	closed atomic.Bool
}

// NewListener makes a listener of another, with a descriptor of its own; both are to be closed.
func NewListener(tcp *net.TCPListener) (*Listener, error) {
	file, err := tcp.File()
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetDeadline(time.Time{}) // an error where the poller could not take it
	}
	if err == nil {
		err = inheritNoDelay(raw)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("prepare the listener: %w", err)
	}
	return &Listener{file: file, raw: raw}, nil
}

// inheritNoDelay has accepted sockets send at once, without a system call for each.
func inheritNoDelay(listening syscall.RawConn) error {
	var failure error
	err := listening.Control(func(fd uintptr) { failure = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) })
	return errors.Join(err, os.NewSyscallError("setsockopt", failure))
}

// Accept calls serve for each connection, until one cannot be accepted, which is the error; [net.ErrClosed] after Close. serve must return soon.
func (l *Listener) Accept(serve func(*Conn)) error {
	var failure error
	err := l.raw.Read(func(listening uintptr) (done bool) {
		for !l.closed.Load() {
			fd, remote, errno := accept(listening)
			switch errno {
			case 0:
				serve(newConn(fd, remote))
			case syscall.EAGAIN:
				return false
			case syscall.EINTR, syscall.ECONNABORTED:
			default:
				failure = os.NewSyscallError("accept4", errno)
				return true
			}
		}
		return true
	})
	switch {
	case l.closed.Load():
		return net.ErrClosed
	case err != nil:
		return fmt.Errorf("wait for a connection: %w", err)
	}
	return failure
}

// Close ends Accept, also while connections keep coming, and waits for the serve that it is in.
func (l *Listener) Close() error {
	l.closed.Store(true)
	return l.file.Close()
}

// accept is made without telling the scheduler, so that the runtime's monitor sleeps on. It must not block then: whoever shares the socket, as
// the process of an upgrade does, leaves it non-blocking.
func accept(listening uintptr) (fd int, remote netip.AddrPort, errno syscall.Errno) {
	var addr syscall.RawSockaddrAny
	length := uint32(unsafe.Sizeof(addr))
	const flags = syscall.SOCK_NONBLOCK | syscall.SOCK_CLOEXEC
	got, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, listening, uintptr(unsafe.Pointer(&addr)), uintptr(unsafe.Pointer(&length)), flags, 0, 0)
	if errno != 0 {
		return -1, netip.AddrPort{}, errno
	}
	return int(got), addressIn(&addr), 0
}

// closeDescriptor closes a socket or pipe, which does not block.
func closeDescriptor(fd int) { syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }
