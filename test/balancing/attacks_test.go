package balancing

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// attack is what one hostile client does with one connection, until it is closed or the attack is over, which closes it.
type attack struct {
	name    string
	clients int
	do      func(ctx context.Context, conn net.Conn)
}

// beat is the pause between two steps of an attacker: it lasts by being slow, and leaves the processors to those who measure.
const beat = 20 * time.Millisecond

var attacks = []attack{
	{"heads byte by byte", 200, func(ctx context.Context, conn net.Conn) {
		for _, b := range []byte(get("X: " + strings.Repeat("a", 1000))) {
			if !write(ctx, conn, string(b)) {
				return
			}
		}
	}},
	{"endless heads", 50, func(ctx context.Context, conn net.Conn) {
		endless(ctx, conn, "GET / HTTP/1.1\r\nHost: a\r\n", strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 8))
	}},
	{"endless request lines", 50, func(ctx context.Context, conn net.Conn) { endless(ctx, conn, "GET /", strings.Repeat("a", 8<<10)) }},
	{"endless chunk extensions", 50, func(ctx context.Context, conn net.Conn) {
		endless(ctx, conn, chunked("5;a"), strings.Repeat("a", 8<<10))
	}},
	{"endless small chunks", 50, func(ctx context.Context, conn net.Conn) {
		endless(ctx, conn, chunked(""), strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 40))
	}},
	{"endless trailers", 50, func(ctx context.Context, conn net.Conn) {
		endless(ctx, conn, chunked("0\r\n"), strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 8))
	}},
	{"bodies byte by byte", 50, func(ctx context.Context, conn net.Conn) { endless(ctx, conn, post("Content-Length: 100000"), "x") }},
	{"chunks byte by byte", 50, func(ctx context.Context, conn net.Conn) { endless(ctx, conn, chunked(""), "1\r\nx\r\n") }},
	{"clients that never read", 30, func(ctx context.Context, conn net.Conn) {
		conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		io.WriteString(conn, head("GET /large HTTP/1.1"))
		<-ctx.Done()
	}},
	{"pipelines that nobody reads", 20, func(ctx context.Context, conn net.Conn) {
		conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		endless(ctx, conn, "", strings.Repeat(get(), 50))
		<-ctx.Done()
	}},
	{"clients that end their side and stay", 200, func(ctx context.Context, conn net.Conn) {
		io.WriteString(conn, get())
		conn.(*net.TCPConn).CloseWrite()
		<-ctx.Done()
	}},
	{"clients that leave at once", 20, func(ctx context.Context, conn net.Conn) { write(ctx, conn, head("GET /medium HTTP/1.1")) }},
	{"resets in the middle of a body", 20, func(ctx context.Context, conn net.Conn) {
		write(ctx, conn, post("Content-Length: 1000000")+strings.Repeat("x", 20000))
		conn.(*net.TCPConn).SetLinger(0)
	}},
	{"resets in the middle of a response", 20, func(ctx context.Context, conn net.Conn) {
		io.WriteString(conn, head("GET /medium HTTP/1.1"))
		io.CopyN(io.Discard, conn, 10000)
		conn.(*net.TCPConn).SetLinger(0)
	}},
	{"garbage", 50, func(ctx context.Context, conn net.Conn) {
		endless(ctx, conn, "", strings.Repeat("\x16\x03\x01\xff", 2000))
	}},
}

// write sends a text and waits a beat; it reports whether the attack goes on.
func write(ctx context.Context, conn net.Conn, text string) bool {
	if _, err := io.WriteString(conn, text); err != nil {
		return false
	}
	return pause(ctx)
}

func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(beat):
		return true
	}
}

// endless begins with one text and goes on with another until the connection is closed.
func endless(ctx context.Context, conn net.Conn, begin, again string) {
	if _, err := io.WriteString(conn, begin); err != nil {
		return
	}
	for write(ctx, conn, again) {
	}
}

// launch attacks an address until ctx ends, with a new connection for each that is closed. It returns how many there were.
func (a attack) launch(ctx context.Context, address string) (connections int, err error) {
	type result struct {
		connections int
		err         error
	}
	results := make(chan result)
	for range a.clients {
		go func() {
			var r result
			for ctx.Err() == nil && r.err == nil {
				r.err = a.once(ctx, address)
				r.connections++
				pause(ctx)
			}
			results <- r
		}()
	}
	for range a.clients {
		r := <-results
		connections += r.connections
		if r.err != nil && err == nil {
			err = fmt.Errorf("attack %q: %w", a.name, r.err)
		}
	}
	return connections, err
}

func (a attack) once(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if timeout, ok := err.(net.Error); ctx.Err() != nil || ok && timeout.Timeout() {
		return nil // the attack is over
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	a.do(ctx, conn)
	return nil
}
