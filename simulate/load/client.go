package load

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// dialer opens TCP or TLS connections to the host of a URL.
func dialer(target *url.URL) func(context.Context) (net.Conn, error) {
	address := target.Host
	if target.Port() == "" {
		address = net.JoinHostPort(strings.Trim(target.Hostname(), "[]"), target.Scheme) // the service name is the port
	}
	if target.Scheme == "http" {
		var d net.Dialer
		return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", address) }
	}
	d := tls.Dialer{Config: &tls.Config{NextProtos: []string{"http/1.1"}}}
	return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", address) }
}

// client sends one request at a time over a connection that it keeps. It is used by one goroutine.
//
// It is written on net.Conn because the generator shares its machine with what it measures. At 3,000 requests per second
// against one loopback server http.Transport used 1.2 to 1.4 times the CPU in all: it passes each request through two more
// goroutines and builds its header anew. Besides, Transport repeats some failed requests unseen.
type client struct {
	plan    *plan
	method  *http.Request // tells http.ReadResponse whether a body follows
	conn    net.Conn      // nil when there is none
	release func() bool   // ends the watch over conn by the run's context
	source  source
	reader  *bufio.Reader // of source
}

// source reads from a connection and keeps the error that ended it: what http.ReadResponse makes of half an answer says
// how the half is malformed, and not that the rest never came.
type source struct {
	conn net.Conn
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	s.err = err
	return n, err
}

func newClient(p *plan) *client {
	return &client{plan: p, method: &http.Request{Method: p.Method}, reader: bufio.NewReader(nil)}
}

// do sends the request and reads the whole answer. Hot path.
func (c *client) do(ctx context.Context) outcome {
	deadline := time.Now().Add(c.plan.Timeout)
	if c.conn != nil && stale(c.conn) {
		c.close()
	}
	if c.conn == nil {
		if err := c.connect(ctx, deadline); err != nil {
			if ctx.Err() != nil {
				return outcome{kind: Canceled, err: context.Cause(ctx)}
			}
			return outcome{kind: Connect, err: err}
		}
	}
	status, keep, err := c.exchange(deadline)
	if err != nil || !keep {
		c.close()
	}
	if err != nil {
		return classify(ctx, cmp.Or(c.source.err, err))
	}
	return outcome{status: status}
}

func (c *client) connect(ctx context.Context, deadline time.Time) error {
	dialing, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	conn, err := c.plan.Dial(dialing)
	if err != nil {
		return err
	}
	c.conn = conn
	c.release = context.AfterFunc(ctx, func() { conn.Close() })
	c.source = source{conn: conn}
	c.reader.Reset(&c.source)
	return nil
}

// exchange writes the request and reads the answer to its end; keep says whether the connection can be used again.
func (c *client) exchange(deadline time.Time) (status int, keep bool, err error) {
	if err := c.conn.SetDeadline(deadline); err != nil {
		return 0, false, err
	}
	if _, err := c.conn.Write(c.plan.request); err != nil {
		return 0, false, err
	}
	for {
		response, err := http.ReadResponse(c.reader, c.method)
		if err != nil {
			return 0, false, err
		}
		if response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols {
			continue // 100 Continue, 103 Early Hints: the answer is still to come
		}
		_, err = io.Copy(io.Discard, response.Body)
		return response.StatusCode, !response.Close && c.reader.Buffered() == 0, err
	}
}

func (c *client) close() {
	if c.conn == nil {
		return
	}
	c.release()
	c.conn.Close()
	c.conn = nil
}

// stale reports whether the server has closed an idle connection, or sent something nobody asked for: one look into the
// receive buffer that neither waits nor takes anything. Without it every idle connection that a server rightly closes
// would cost a failed request. On TLS it is bytes that show it, a close_notify: session tickets come before the first
// answer and were read with it.
func stale(conn net.Conn) bool {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	socket, err := raw.SyscallConn()
	if err != nil {
		return true
	}
	quiet := false
	err = socket.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EINTR
		return true
	})
	return !quiet || err != nil
}
