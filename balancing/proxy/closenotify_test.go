package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"headroom.dev/headroom/balancing/socket"
)

// A body that ends with its connection is whole to a client only if TLS says so (close_notify, RFC 9112 section 9.8).
func TestBodyThatEndsWithItsConnectionEndsWithACloseNotify(t *testing.T) {
	address := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nall of it")
	})
	w := before(t, wire{tls: true}, wire{}, []string{address})
	for _, fields := range []string{"", "Connection: keep-alive\r\n"} {
		c := connect(t, w.server.Addr(anyPort).String())
		tcp, err := socket.New(c.conn.(*net.TCPConn))
		if err != nil {
			t.Fatal(err)
		}
		below := &noticing{Conn: tcp}
		secure := tls.Client(below, &tls.Config{InsecureSkipVerify: true})
		io.WriteString(secure, "GET / HTTP/1.0\r\nHost: shop\r\n"+fields+"\r\n")
		got, err := io.ReadAll(secure)
		if err != nil || !strings.HasSuffix(string(got), "all of it") || below.cut {
			t.Errorf("%q: got %q, %v, cut off %v", fields, got, err, below.cut)
		}
	}
}
