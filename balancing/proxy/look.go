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
func hungUp(s *socket.Conn) bool { return polls(s, unix.POLLRDHUP) }

// broken reports whether a connection is reset or closed on both sides: one that is open in either direction is not.
func broken(s *socket.Conn) bool { return polls(s, 0) } // POLLERR and POLLHUP need not be asked for

func polls(s *socket.Conn, events int16) bool {
	raw, err := s.SyscallConn()
	if err != nil {
		return true
	}
	seen := false
	err = raw.Control(func(fd uintptr) { seen = pollsFD(fd, events) })
	return err != nil || seen
}

// closedBy is hungUp for a descriptor.
func closedBy(fd uintptr) bool { return pollsFD(fd, unix.POLLRDHUP) }

func pollsFD(fd uintptr, events int16) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: events}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0
}
