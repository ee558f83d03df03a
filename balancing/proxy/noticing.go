package proxy

import (
	"crypto/tls"
	"io"
	"net"

	"headroom.dev/headroom/balancing/socket"
)

// noticing is a socket beneath TLS that notes when the other end has closed it. TLS ends with close_notify, behind which nothing is read, so
// whoever got as far as the end of the socket was cut off. crypto/tls takes that for an end in order where it falls between two records.
type noticing struct {
	*socket.Conn
	cut bool
}

func (n *noticing) Read(p []byte) (int, error) {
	read, err := n.Conn.Read(p)
	n.cut = n.cut || err == io.EOF
	return read, err
}

// beneath is the socket of a connection that was dialed, with TLS or without.
func beneath(conn net.Conn) *socket.Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if noticed, ok := conn.(*noticing); ok {
		return noticed.Conn
	}
	s, _ := conn.(*socket.Conn)
	return s
}
