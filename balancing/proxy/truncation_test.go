package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
)

// secureScript is a script behind TLS of HTTP/1.1.
func secureScript(t tester, f func(conn *tls.Conn, in *bufio.Reader)) string {
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	return script(t, func(_ int, conn net.Conn, _ *bufio.Reader) {
		secure := tls.Server(conn, config)
		f(secure, bufio.NewReader(secure))
	})
}

// A body that ends with its connection is whole only if TLS says so (close_notify, RFC 9112 section 9.8): anyone on the way could have sent
// the FIN. crypto/tls takes a FIN between two records for the end.
func TestResponseCutBelowTLSIsNotTakenForWhole(t *testing.T) {
	for _, notify := range []bool{true, false} {
		address := secureScript(t, func(conn *tls.Conn, in *bufio.Reader) {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nsome of it")
			if notify {
				conn.CloseWrite()
			}
			conn.NetConn().(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, conn)
		})
		w := before(t, wire{}, wire{tls: true}, []string{address})
		res, err := w.client.Do(w.ask("GET", "/", ""))
		if err == nil {
			var body []byte
			body, err = io.ReadAll(res.Body)
			res.Body.Close()
			if notify && string(body) != "some of it" {
				t.Errorf("got %q", body)
			}
		}
		if notify != (err == nil) {
			t.Errorf("close_notify %v: %v", notify, err)
		}
	}
}
