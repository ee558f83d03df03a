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

// release sends what is kept, but for the last bytes.
func (g *gathering) release(but int) {
	g.held = but > 0
	g.Conn.Write(g.kept.Next(g.kept.Len() - but))
}

// What a backend says unasked in a record of its own, right behind a response, lies in the buffers of TLS where no look at the socket finds
// it. It must not be taken for the answer to the next request (response queue poisoning).
func TestRecordThatFollowsAResponseUnaskedIsNotTheNextAnswer(t *testing.T) {
	for name, later := range map[string]int{"whole": 0, "its last byte later": 1, "all but its first byte later": 65} {
		t.Run(name, func(t *testing.T) { poison(t, later) })
	}
}

// poison has a backend answer twice, the last bytes of the second answer when it is asked the next time.
func poison(t *testing.T, later int) {
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
			wire.release(0)
			wire.held = r.URL.Path == "/poison"
			io.WriteString(secure, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			if wire.held {
				io.WriteString(secure, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
				wire.release(later)
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
