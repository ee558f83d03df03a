package socket

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// CloseWrite tells the other end that nothing more comes.
func (c *Conn) CloseWrite() error {
	var failure error
	if err := c.control(func(fd uintptr) { failure = syscall.Shutdown(int(fd), syscall.SHUT_WR) }); err != nil {
		return err
	}
	return os.NewSyscallError("shutdown", failure)
}

// SetLinger is that of [net.TCPConn].
func (c *Conn) SetLinger(seconds int) error {
	l := syscall.Linger{Onoff: 1, Linger: int32(seconds)}
	if seconds < 0 {
		l = syscall.Linger{}
	}
	var failure error
	if err := c.control(func(fd uintptr) {
		failure = syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &l)
	}); err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt", failure)
}

// KeepAlive has the kernel find out after 15 seconds of silence, and then every 15 seconds, whether the other end is still there.
func (c *Conn) KeepAlive() error {
	var failure error
	err := c.control(func(fd uintptr) {
		for _, option := range [][3]int{
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1}, {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15}, {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15},
		} {
			if failure == nil {
				failure = unix.SetsockoptInt(int(fd), option[0], option[1], option[2])
			}
		}
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt", failure)
}

// SyscallConn gives the descriptor to whoever does with it what is not done here.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return (*rawConn)(c), nil }

type rawConn Conn

func (r *rawConn) Control(f func(fd uintptr)) error           { return (*Conn)(r).control(f) }
func (r *rawConn) Read(f func(fd uintptr) (done bool)) error  { return (*Conn)(r).read(f) }
func (r *rawConn) Write(f func(fd uintptr) (done bool)) error { return (*Conn)(r).write(f) }
