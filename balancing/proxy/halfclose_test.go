package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A client that has announced its last request may close its side behind it, as `nc -N` does, and still wants the answer. From any other one
// the end of its side is all that tells that it has left, and so it is by HTTP/1.0 (RFC 1945 section 1.3).
func TestClientThatClosesItsSideBehindItsLastRequestIsAnswered(t *testing.T) {
	const old = "GET /wait HTTP/1.0\r\nHost: shop\r\n\r\n"
	closes := func(conn net.Conn) { conn.(interface{ CloseWrite() error }).CloseWrite() }
	leaves := func(conn net.Conn) { conn.(*net.TCPConn).SetLinger(0); conn.Close() }
	for name, c := range map[string]struct {
		front    wire
		text     string
		ends     func(net.Conn)
		answered bool
	}{
		"the last request":           {wire{}, request("GET /", "Connection: close"), closes, true},
		"the last request, with TLS": {wire{tls: true}, request("GET /", "Connection: close"), func(conn net.Conn) { closes(conn); closes(conn.(*tls.Conn).NetConn()) }, true},
		"a last request with a body": {wire{}, request("POST /", "Connection: close", "Content-Length: 9000") + string(make([]byte, 9000)), closes, true},
		"one of many":                {wire{}, request("GET /wait"), closes, false},
		"a request of HTTP/1.0":      {wire{}, old, closes, false},
		"the last, and resets":       {wire{}, request("GET /wait", "Connection: close"), leaves, false},
	} {
		t.Run(name, func(t *testing.T) {
			left := make(chan struct{}, 1)
			w := between(t, c.front, wire{}, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				if r.URL.Path == "/wait" {
					<-r.Context().Done()
					left <- struct{}{}
					return
				}
				ok(w, r)
				http.NewResponseController(w).Flush()
				select { // longer than the balancer waits before it looks after the client
				case <-r.Context().Done():
					left <- struct{}{}
				case <-time.After(2 * patience):
					ok(w, r)
				}
			})
			client := connect(t, w.server.Addr(anyPort).String())
			if c.front.tls {
				client.secure()
			}
			client.write(c.text)
			c.ends(client.conn)
			if !c.answered {
				<-left
				return
			}
			if res, body := client.response("GET"); res.StatusCode != 200 || body != "okok" {
				t.Errorf("got %d %q", res.StatusCode, body)
			}
			client.expectClosed()
		})
	}
}
