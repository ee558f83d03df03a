package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// patiently is how long a test waits for what should happen soon.
const patiently = 10 * time.Second

// tester is what tests, benchmarks and fuzz targets share.
type tester = testing.TB

// start makes a server of backends that are taken as healthy, and ends it with the test.
func start(t tester, options Options) *Server {
	t.Helper()
	options.Logger = slog.New(slog.DiscardHandler)
	options.AssumeHealthy = true
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		s.Shutdown(ctx)
	})
	return s
}

const anyPort = "127.0.0.1:0"

// route is a service "shop" on any port with these addresses as backends b0, b1, …
func route(addresses ...string) headroom.ServiceRoute {
	r := headroom.ServiceRoute{Service: "shop", LoadBalancing: headroom.LoadBalancing{Listen: anyPort, Algorithm: headroom.RoundRobin}}
	for i, a := range addresses {
		r.Backends = append(r.Backends, headroom.Backend{ID: fmt.Sprintf("b%d", i), Service: "shop", Address: a, Weight: 1, State: headroom.BackendActive})
	}
	return r
}

func apply(t tester, s *Server, routes ...headroom.ServiceRoute) {
	t.Helper()
	if err := s.Apply(headroom.RoutingTable{Version: 1, Services: routes}); err != nil {
		t.Fatal(err)
	}
}

// serve starts a server before these backends and returns it with its address.
func serve(t tester, addresses ...string) (*Server, string) {
	t.Helper()
	s := start(t, Options{})
	apply(t, s, route(addresses...))
	return s, s.Addr(anyPort).String()
}

// origin is a net/http server that counts its connections.
type origin struct {
	*httptest.Server
	conns atomic.Int64
}

func newOrigin(t tester, handler http.HandlerFunc) *origin {
	o := &origin{}
	o.Server = httptest.NewUnstartedServer(handler)
	o.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			o.conns.Add(1)
		}
	}
	o.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	o.Start()
	t.Cleanup(o.Close)
	return o
}

func (o *origin) address() string { return o.Listener.Addr().String() }

// script is a backend that runs a function for each connection.
func script(t tester, f func(n int, conn net.Conn, in *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patiently))
				f(n, conn, bufio.NewReader(conn))
			}()
		}
	}()
	return ln.Addr().String()
}

// refused is an address that nobody listens on.
func refused(t tester) string {
	t.Helper()
	ln, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// rawClient is a raw connection to the balancer.
type rawClient struct {
	t    tester
	conn net.Conn
	in   *bufio.Reader
}

func connect(t tester, address string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patiently))
	return &rawClient{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func (c *rawClient) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// response reads one response to a method.
func (c *rawClient) response(method string) (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res, string(body)
}

// expectClosed wants the connection to end without another byte.
func (c *rawClient) expectClosed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.in); len(rest) > 0 || isTimeout(err) {
		c.t.Fatalf("connection is open or has more: %q, %v", rest, err)
	}
}

// request is a simple one with fields given as lines.
func request(line string, fields ...string) string {
	return line + " HTTP/1.1\r\nHost: shop\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

// eventually waits until a condition holds.
func eventually(t tester, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patiently)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("after %v still not: %s", patiently, what)
		}
	}
}

// settled waits until nothing is in flight: clients have their response an instant before it is counted.
func settled(t tester, s *Server) {
	t.Helper()
	eventually(t, "nothing is in flight", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, svc := range s.services {
			if svc.traffic.inFlight.Load() != 0 {
				return false
			}
		}
		return true
	})
}

func ok(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }
