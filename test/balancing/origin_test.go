package balancing

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// reply is what an origin does with a request.
type reply struct {
	raw   string // empty: 200 with the proof of the request
	early bool   // before the body was read
	late  string // sent once the next request, for whomever, has been answered
	end   ending
}

// ending is what becomes of an origin's connection after its reply.
type ending int

const (
	stays ending = iota
	closes
	resets
)

// seen is a request as it reached an origin.
type seen struct {
	conn  int    // which connection, counted from 1
	raw   string // head and body, byte by byte
	line  string
	body  string
	whole bool // false when it broke off or is not HTTP
}

// origin is a backend that keeps what it gets and replies as it is told.
type origin struct {
	listener net.Listener
	mu       sync.Mutex // guards all below
	conns    int
	log      []seen
	reply    reply
	late     chan struct{} // closed when late bytes may go
}

func newOrigin(t testing.TB) *origin {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{listener: listener, late: make(chan struct{})}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go o.serve(conn)
		}
	}()
	return o
}

func (o *origin) address() string { return o.listener.Addr().String() }

// expect sets the reply to what comes and forgets what came.
func (o *origin) expect(r reply) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reply, o.log = r, nil
}

// requests are what came since expect.
func (o *origin) requests() []seen {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]seen(nil), o.log...)
}

// proof is the body that ties a default reply to its request.
func proof(line, body string) string { return fmt.Sprintf("%s with %q", line, body) }

func (o *origin) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(conn, &raw))
	o.mu.Lock()
	o.conns++
	id := o.conns
	o.mu.Unlock()
	for {
		request, err := http.ReadRequest(in)
		if err != nil {
			if raw.Len() > 0 {
				o.keep(seen{conn: id, raw: raw.String()})
			}
			return
		}
		line := request.Method + " " + request.RequestURI
		sentinel := strings.HasPrefix(request.RequestURI, "/sentinel/") || request.RequestURI == "/ready"
		o.mu.Lock()
		r := o.reply
		o.mu.Unlock()
		if sentinel {
			r = reply{}
		}
		if r.early && !o.send(conn, request, r, line, "") {
			return
		}
		if request.Header.Get("Expect") != "" {
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		body, err := io.ReadAll(request.Body)
		for field, values := range request.Trailer {
			for _, value := range values {
				line += " trailer " + field + "=" + value
			}
		}
		rest := make([]byte, in.Buffered())
		copy(rest, must(in.Peek(in.Buffered())))
		o.keep(seen{conn: id, raw: strings.TrimSuffix(raw.String(), string(rest)), line: line, body: string(body), whole: err == nil})
		raw.Reset()
		raw.Write(rest)
		if err != nil || !r.early && !o.send(conn, request, r, line, string(body)) {
			return
		}
	}
}

// keep notes a request before it is answered, so that whoever got the answer finds it.
func (o *origin) keep(s seen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !strings.HasPrefix(s.line, "GET /ready") {
		o.log = append(o.log, s)
	}
}

// send replies and reports whether the connection goes on.
func (o *origin) send(conn net.Conn, request *http.Request, r reply, line, body string) bool {
	raw := r.raw
	if raw == "" {
		text := proof(line, body)
		raw = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(text))
		if request.Method != "HEAD" {
			raw += text
		}
	}
	io.WriteString(conn, raw)
	if r.late != "" {
		<-o.late
		io.WriteString(conn, r.late)
	}
	if r.end == resets {
		conn.(*net.TCPConn).SetLinger(0)
	}
	return r.end == stays
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err) // Peek of what is buffered cannot fail
	}
	return b
}
