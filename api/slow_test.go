package api

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections in memory, whose deadlines follow the clock of the test.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// net/http reads what is left of a body before it answers, however slowly it comes: also where nobody asked for it, and
// before anybody has shown a token.
func TestABodyThatNeverEndsIsNotWaitedFor(t *testing.T) {
	for name, c := range map[string]struct{ head, token string }{
		"of a change":            {head: "POST /api/scaling/scale HTTP/1.1\r\n"},
		"of a question":          {head: "GET /livez HTTP/1.1\r\n"},
		"of an unknown path":     {head: "POST /nowhere HTTP/1.1\r\n"},
		"without the token":      {head: "POST /api/scaling/scale HTTP/1.1\r\n", token: "secret"},
		"of a change, in chunks": {head: "POST /api/scaling/scale HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.token = c.token
			w.restart()
			head := c.head + "Host: 127.0.0.1:7070\r\nContent-Type: application/json\r\n"
			if name != "of a change, in chunks" {
				head += "Content-Length: 1000\r\n"
			}
			synctest.Test(t, func(t *testing.T) {
				listener := pipes{make(chan net.Conn), make(chan struct{})}
				server := &http.Server{Handler: w.handler}
				done := make(chan struct{})
				go func() { defer close(done); _ = server.Serve(listener) }()
				client, served := net.Pipe()
				listener.conns <- served
				_, _ = io.WriteString(client, head+"\r\n")
				began := time.Now()
				_ = client.SetReadDeadline(began.Add(time.Hour))
				answer, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Errorf("no answer: %v", err)
				} else if took := time.Since(began); took > bodyTimeout || !answer.Close {
					t.Errorf("answered %d after %v, to be closed: %v; expected that within %v", answer.StatusCode, took, answer.Close, bodyTimeout)
				}
				_ = client.Close()
				_ = server.Close()
				<-done
			})
		})
	}
}
