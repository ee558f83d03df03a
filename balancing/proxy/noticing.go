package proxy

import (
	"crypto/tls"
	"io"
	"net"

	"headroom.dev/headroom/balancing/socket"
)

// noticing is a socket beneath TLS that notes when the other end has closed it. TLS ends with close_notify, behind which nothing is read, so
// whoever got as far as the end of the socket was cut off. crypto/tls takes that for an end in order where it falls between two records.
//
// It also follows the records (RFC 8446 section 5.1): the beginning of one lies in the buffers of TLS, where neither a look at the socket nor a
// read that waits for nothing finds it.
type noticing struct {
	*socket.Conn
	cut    bool
	header [5]byte // of a record: type, version, and two bytes of length
	known  int     // bytes of header that came
	left   int     // bytes of the record behind it that are to come
}

func (n *noticing) Read(p []byte) (int, error) {
	read, err := n.Conn.Read(p)
	n.cut = n.cut || err == io.EOF
	n.follow(p[:read])
	return read, err
}

// follow takes note of where in a record the bytes end.
func (n *noticing) follow(data []byte) {
	for len(data) > 0 {
		skipped := min(n.left, len(data))
		n.left -= skipped
		data = data[skipped:]
		copied := copy(n.header[n.known:], data)
		data = data[copied:]
		n.known += copied
		if n.known == len(n.header) {
			n.known, n.left = 0, int(n.header[3])<<8|int(n.header[4])
		}
	}
}

// between reports whether no record has come in part.
func (n *noticing) between() bool { return n.known == 0 && n.left == 0 }

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
