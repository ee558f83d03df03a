package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
)

// gathering holds back what is written until release, so that several records of TLS arrive in one piece.
type gathering struct {
	net.Conn
	held bool
	kept bytes.Buffer
}

func (g *gathering) Write(p []byte) (int, error) {
	if g.held {
		return g.kept.Write(p)
	}
	return g.Conn.Write(p)
}

func (g *gathering) release() {
	g.held = false
	g.Conn.Write(g.kept.Bytes())
	g.kept.Reset()
}

// What a backend says unasked in a record of its own, right behind a response, lies in the buffers of TLS where no look at the socket finds
// it. It must not be taken for the answer to the next request (response queue poisoning).
func TestRecordThatFollowsAResponseUnaskedIsNotTheNextAnswer(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	address := script(t, func(_ int, conn net.Conn, _ *bufio.Reader) {
		wire := &gathering{Conn: conn}
		secure := tls.Server(wire, config)
		in := bufio.NewReader(secure)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			wire.held = r.URL.Path == "/poison"
			io.WriteString(secure, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			if wire.held {
				io.WriteString(secure, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
				wire.release()
			}
		}
	})
	w := before(t, wire{}, wire{tls: true}, []string{address})
	for _, path := range []string{"/first", "/poison", "/victim", "/other"} {
		res := w.do(w.ask("GET", path, ""))
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != "ok" {
			t.Errorf("%s: got %q, %v", path, body, err)
		}
	}
}
