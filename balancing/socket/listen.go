package socket

import (
	"net"

	"golang.org/x/sys/unix"
)

// Defer says whether the clients of a listener speak first. Then the kernel keeps their connections until they have: accepting one and waiting
// for its first bytes is one wake-up rather than two. Who says nothing is accepted a second later, when the kernel has asked
// once more. Where that cannot be set nothing else is lost.
func Defer(ln net.Listener, clientSpeaksFirst bool) {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	seconds := 0
	if clientSpeaksFirst {
		seconds = 1
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, seconds) })
}
