package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// named answers with its name.
func named(t tester, name string) *origin {
	return newOrigin(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, name) })
}

func TestServicesThatShareAListenerAreToldApartByHost(t *testing.T) {
	s := start(t, Options{})
	routeTo := func(service string, hosts ...string) headroom.ServiceRoute {
		r := route(named(t, service).address())
		r.Service, r.LoadBalancing.Hosts, r.Backends[0].ID = service, hosts, service+"-0"
		return r
	}
	apply(t, s, routeTo("a", "a.example.com", "A2.example.com"), routeTo("b", "b.example.com"))
	c := connect(t, s.Addr(anyPort).String())
	for host, want := range map[string]string{
		"a.example.com": "a", "A.Example.COM": "a", "a2.example.com:8080": "a", "b.example.com.": "b", "b.example.com": "b",
	} {
		c.write("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if res, body := c.response("GET"); body != want {
			t.Errorf("%s: got %d %q, want %q", host, res.StatusCode, body, want)
		}
	}
	c.write("GET http://b.example.com/ HTTP/1.1\r\nHost: b.example.com\r\n\r\n")
	if _, body := c.response("GET"); body != "b" {
		t.Errorf("absolute target: got %q", body)
	}
	c.write("GET / HTTP/1.1\r\nHost: other\r\n\r\n")
	if res, _ := c.response("GET"); res.StatusCode != 404 {
		t.Errorf("unknown host: got %d, want 404", res.StatusCode)
	}
	// A body after an unknown host is no request.
	c.write("POST / HTTP/1.1\r\nHost: other\r\nContent-Length: 44\r\n\r\nGET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n.....")
	if res, _ := c.response("POST"); res.StatusCode != 404 || !res.Close {
		t.Errorf("unknown host with a body: got %d, close %v", res.StatusCode, res.Close)
	}
	c.expectClosed()
}

func TestTableThatCannotBeAppliedChangesNothing(t *testing.T) {
	o := named(t, "old")
	s, address := serve(t, o.address())
	busy, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken := route(refused(t))
	taken.LoadBalancing.Listen = busy.Addr().String()
	two, three := route(refused(t)), route(refused(t))
	two.Service, two.Backends[0].ID = "two", "x"
	three.Service = "three"
	bad := route(refused(t))
	bad.LoadBalancing.Algorithm = "fastest"
	for name, c := range map[string]struct {
		routes []headroom.ServiceRoute
		say    string
	}{
		"port in use":      {[]headroom.ServiceRoute{taken}, "another program uses this port"},
		"same hosts":       {[]headroom.ServiceRoute{route(refused(t)), two}, "neither has hosts"},
		"same backend ID":  {[]headroom.ServiceRoute{route(refused(t)), three}, ""},
		"same service":     {[]headroom.ServiceRoute{route(refused(t)), route()}, "each service once"},
		"unknown algoritm": {[]headroom.ServiceRoute{bad}, "least-connections"},
	} {
		err := s.Apply(headroom.RoutingTable{Version: 2, Services: c.routes})
		if err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := s.Apply(headroom.RoutingTable{Services: []headroom.ServiceRoute{taken}}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want EADDRINUSE inside", err)
	}
	c := connect(t, address)
	c.write(request("GET /"))
	if _, body := c.response("GET"); body != "old" {
		t.Errorf("got %q", body)
	}
	if v := s.Measure(time.Now()).TableVersion; v != 1 {
		t.Errorf("table version %d, want 1", v)
	}
}

func TestListenersComeAndGoWithoutCuttingRequests(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-release
		}
		io.WriteString(w, "ok")
	})
	s, address := serve(t, o.address())
	slow, idle := connect(t, address), connect(t, address)
	idle.write(request("GET /"))
	idle.response("GET")
	slow.write(request("GET /slow"))
	<-entered

	moved := route(o.address())
	moved.LoadBalancing.Listen = "localhost:0"
	apply(t, s, moved)
	idle.expectClosed()
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("the old listener still accepts")
	}
	c := connect(t, s.Addr("localhost:0").String())
	c.write(request("GET /"))
	if _, body := c.response("GET"); body != "ok" {
		t.Errorf("new listener: got %q", body)
	}
	close(release)
	if res, body := slow.response("GET"); body != "ok" || !res.Close {
		t.Errorf("request in progress: got %q, close %v", body, res.Close)
	}
	slow.expectClosed()
}

// load sends requests over keep-alive connections until stopped and counts those that were not answered 200.
type load struct {
	done         chan struct{}
	wg           sync.WaitGroup
	sent, failed atomic.Int64
	first        atomic.Pointer[string]
}

func startLoad(address string, clients int) *load {
	l := &load{done: make(chan struct{})}
	for range clients {
		l.wg.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patiently}
			for i := 0; ; i++ {
				select {
				case <-l.done:
					return
				default:
				}
				l.sent.Add(1)
				var res *http.Response
				var err error
				if i%2 == 0 {
					res, err = client.Get("http://" + address)
				} else {
					res, err = client.Post("http://"+address, "", strings.NewReader("body"))
				}
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
				if err != nil || res.StatusCode != 200 {
					l.failed.Add(1)
					what := fmt.Sprint(res, err)
					l.first.CompareAndSwap(nil, &what)
				}
			}
		})
	}
	return l
}

func (l *load) stop(t *testing.T) {
	t.Helper()
	close(l.done)
	l.wg.Wait()
	if l.failed.Load() > 0 {
		t.Errorf("%d of %d requests failed, the first: %s", l.failed.Load(), l.sent.Load(), *l.first.Load())
	}
	if l.sent.Load() < 20 {
		t.Errorf("only %d requests were sent", l.sent.Load())
	}
}

func TestBackendsAreDrainedAndReplacedUnderLoadWithoutAFailedRequest(t *testing.T) {
	s := start(t, Options{})
	r := route()
	add := func(id string) *origin {
		o := named(t, id)
		r.Backends = append(r.Backends, headroom.Backend{ID: id, Service: "shop", Address: o.address(), Weight: 1, State: headroom.BackendActive})
		return o
	}
	inFlight := func(id string) int64 {
		for _, b := range s.loads() {
			if b.ID == id {
				return b.InFlight
			}
		}
		return 0
	}
	current := add("gen0")
	apply(t, s, r)
	l := startLoad(s.Addr(anyPort).String(), 8)
	for generation := 1; generation <= 12; generation++ {
		sent := l.sent.Load()
		eventually(t, "the load goes on", func() bool { return l.sent.Load() > sent+30 })
		old, oldID := current, r.Backends[0].ID
		switch generation % 3 {
		case 0: // all in one step
			r.Backends[0].State = headroom.BackendDraining
			current = add(fmt.Sprint("gen", generation))
			apply(t, s, r)
		case 1: // first the new one
			current = add(fmt.Sprint("gen", generation))
			apply(t, s, r)
			r.Backends[0].State = headroom.BackendDraining
			apply(t, s, r)
		case 2: // the old one is not even drained but taken out
			r.Backends = nil
			current = add(fmt.Sprint("gen", generation))
			apply(t, s, r)
		}
		eventually(t, "the old backend is drained", func() bool { return inFlight(oldID) == 0 })
		old.CloseClientConnections() // as hard as a kill
		old.Close()
		if generation%3 != 2 {
			r.Backends = r.Backends[1:]
			apply(t, s, r)
		}
	}
	l.stop(t)
}

func TestShutdownAnswersWhatItHas(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-release
		}
		io.WriteString(w, "ok")
	})
	s, address := serve(t, o.address())
	slow, idle := connect(t, address), connect(t, address)
	idle.write(request("GET /"))
	idle.response("GET")
	slow.write(request("GET /slow"))
	<-entered
	result := make(chan error)
	go func() { result <- s.Shutdown(context.Background()) }()
	idle.expectClosed()
	select {
	case err := <-result:
		t.Fatalf("shut down before the last request ended: %v", err)
	default:
	}
	close(release)
	if res, body := slow.response("GET"); body != "ok" || !res.Close {
		t.Errorf("got %q, close %v", body, res.Close)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	if err := s.Apply(headroom.RoutingTable{}); err == nil {
		t.Error("a server that was shut down took a table")
	}
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("GET /"))
	eventually(t, "the request is in flight", func() bool { return s.loads()[0].InFlight == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if n := s.loads()[0].InFlight; n != 0 {
		t.Errorf("%d in flight after shutdown", n)
	}
}

func TestConnectionsBeyondTheLimitAreTurnedAway(t *testing.T) {
	o := newOrigin(t, ok)
	s := start(t, Options{})
	r := route(o.address())
	r.LoadBalancing.MaxConnections = 2
	apply(t, s, r)
	address := s.Addr(anyPort).String()
	first, second := connect(t, address), connect(t, address)
	for _, c := range []*rawClient{first, second} {
		c.write(request("GET /"))
		c.response("GET")
	}
	third := connect(t, address)
	if res, _ := third.response("GET"); res.StatusCode != 503 {
		t.Errorf("got %d, want 503", res.StatusCode)
	}
	first.conn.Close()
	eventually(t, "there is room again", func() bool {
		c := connect(t, address)
		io.WriteString(c.conn, request("GET /"))
		res, err := http.ReadResponse(c.in, nil)
		return err == nil && res.StatusCode == 200
	})
}

// failingListener fails to accept at first, as when the process has no file descriptors left.
type failingListener struct {
	net.Listener
	failures atomic.Int64
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestListenerSurvivesALackOfFileDescriptors(t *testing.T) {
	o := newOrigin(t, ok)
	s, _ := serve(t, o.address())
	ln, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	failing := &failingListener{Listener: ln}
	failing.failures.Store(3)
	l := newListener(s, "failing", failing)
	s.mu.Lock()
	l.routes.Store(s.listeners[anyPort].routes.Load())
	s.listeners["failing"] = l
	s.mu.Unlock()
	l.start()
	c := connect(t, ln.Addr().String())
	c.write(request("GET /"))
	if res, _ := c.response("GET"); res.StatusCode != 200 {
		t.Errorf("got %d", res.StatusCode)
	}
}
