package proxy

import (
	"net"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom/balancing/socket"
)

// plain makes a socket of a TCP connection, which needs fewer system calls than net.Conn; nil for any other connection.
func plain(conn net.Conn) *socket.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	s, err := socket.New(tcp)
	if err != nil {
		return nil
	}
	s.SetWriteTimeout(pieceTime)
	return s
}

// hungUp reports whether the other end of a socket has closed its side, also where bytes that it sent before wait to be read: of TLS there is
// always a last message (close_notify).
func hungUp(s *socket.Conn) bool {
	raw, err := s.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Control(func(fd uintptr) { closed = closedBy(fd) })
	return err != nil || closed
}

// closedBy is hungUp for a descriptor.
func closedBy(fd uintptr) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0
}
