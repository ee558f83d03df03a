package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestRequestGoesToAnotherBackendWhereOneCannotBeReached(t *testing.T) {
	o := newOrigin(t, ok)
	s, address := serve(t, refused(t), o.address(), refused(t))
	c := connect(t, address)
	for range 10 {
		c.write(request("POST /", "Content-Length: 3") + "abc") // safe for any method: nothing was sent
		if res, _ := c.response("POST"); res.StatusCode != 200 {
			t.Fatalf("got %d", res.StatusCode)
		}
	}
	settled(t, s)
	m := s.Measure(time.Now()).Services[0]
	if m.Traffic.Outcomes.Success != 10 || m.Traffic.Outcomes.Total() != 10 {
		t.Errorf("service: %+v", m.Traffic.Outcomes)
	}
	if n := m.Backends[0].Traffic.Outcomes.ConnectError; n == 0 || !strings.Contains(m.Backends[0].LastFailure, "connection refused") {
		t.Errorf("backend: %+v, %q", m.Backends[0].Traffic.Outcomes, m.Backends[0].LastFailure)
	}
}

func TestAtMostThreeBackendsAreTried(t *testing.T) {
	s, address := serve(t, refused(t), refused(t), refused(t), refused(t))
	c := connect(t, address)
	c.write(request("GET /"))
	if res, _ := c.response("GET"); res.StatusCode != 502 {
		t.Errorf("got %d, want 502", res.StatusCode)
	}
	settled(t, s)
	m := s.Measure(time.Now()).Services[0]
	attempts := uint64(0)
	for _, b := range m.Backends {
		attempts += b.Traffic.Arrivals
		if b.Traffic.Arrivals > 1 {
			t.Error("a backend was tried twice")
		}
	}
	if attempts != 3 || m.Traffic.Outcomes.ConnectError != 1 {
		t.Errorf("%d attempts, %+v", attempts, m.Traffic.Outcomes)
	}
}

// dropper answers the first request of each connection and closes when it gets the second.
func dropper(t *testing.T) string {
	return script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		if _, err := readRequest(in); err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		readRequest(in)
	})
}

func readRequest(in *bufio.Reader) (*http.Request, error) {
	r, err := http.ReadRequest(in)
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	return r, err
}

func TestStaleConnectionIsReplacedForIdempotentRequestsOnly(t *testing.T) {
	s, address := serve(t, dropper(t))
	c := connect(t, address)
	for range 5 {
		c.write(request("GET /"))
		if res, _ := c.response("GET"); res.StatusCode != 200 {
			t.Fatalf("GET: got %d", res.StatusCode)
		}
		c.write(request("PUT /", "Content-Length: 3") + "abc")
		if res, _ := c.response("PUT"); res.StatusCode != 200 {
			t.Fatalf("PUT: got %d", res.StatusCode)
		}
	}
	settled(t, s)
	if o := s.Measure(time.Now()).Services[0].Backends[0].Traffic.Outcomes; o.Success != 10 || o.Total() != 10 {
		t.Errorf("a stale connection was taken for a failure: %+v", o)
	}
	c.write(request("POST /", "Content-Length: 3") + "abc")
	if res, _ := c.response("POST"); res.StatusCode != 502 {
		t.Errorf("POST: got %d, want 502: it may have been done", res.StatusCode)
	}
}

// Many servers close connections that were idle for 2 s (gunicorn) or 5 s (Node.js). A POST that is sent at that instant cannot be sent again.
func TestPostTakesNoConnectionThatItsBackendMayBeAboutToClose(t *testing.T) {
	s, address := serve(t, dropper(t))
	c := connect(t, address)
	c.write(request("GET /"))
	c.response("GET")
	settled(t, s)
	pool := &s.backends["b0"].connections.h1
	pool.mu.Lock()
	pool.idle[0].idleSince = time.Now().Add(-freshIdle - time.Millisecond)
	pool.mu.Unlock()
	c.write(request("POST /", "Content-Length: 3") + "abc")
	if res, _ := c.response("POST"); res.StatusCode != 200 {
		t.Errorf("got %d", res.StatusCode)
	}
}

func TestConnectionThatTheBackendClosedWhileIdleIsNotUsed(t *testing.T) {
	closed := make(chan struct{}, 1)
	backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		readRequest(in)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		conn.Close()
		closed <- struct{}{}
	})
	_, address := serve(t, backend)
	c := connect(t, address)
	for range 5 {
		c.write(request("POST /", "Content-Length: 0"))
		if res, _ := c.response("POST"); res.StatusCode != 200 {
			t.Fatalf("got %d", res.StatusCode)
		}
		<-closed
	}
}

func TestFreshConnectionThatBreaksIsRetriedElsewhereForIdempotentRequestsOnly(t *testing.T) {
	bad := script(t, func(_ int, _ net.Conn, in *bufio.Reader) { readRequest(in) })
	o := newOrigin(t, ok)
	s, address := serve(t, bad, o.address())
	c := connect(t, address)
	for range 4 {
		c.write(request("GET /"))
		if res, _ := c.response("GET"); res.StatusCode != 200 {
			t.Errorf("GET: got %d", res.StatusCode)
		}
	}
	if why := s.Measure(time.Now()).Services[0].Backends[0].LastFailure; !strings.Contains(why, "closed the connection before its response was whole") {
		t.Errorf("last failure: %q", why)
	}
	failed := 0
	for range 4 {
		c.write(request("POST /", "Content-Length: 0"))
		if res, _ := c.response("POST"); res.StatusCode == 502 {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d of 4 POSTs failed, want the 2 that the bad backend got", failed)
	}
}

func TestResponseThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	for name, start := range map[string]string{
		"length":       "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
		"chunked":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n",
		"bad chunking": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n7\r\n" + strings.Repeat("x", 100000),
	} {
		backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			readRequest(in)
			io.WriteString(conn, start+strings.Repeat("x", 100000))
		})
		s, address := serve(t, backend)
		c := connect(t, address)
		c.write(request("GET /") + request("GET /"))
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			continue // reset before the client read the head: not taken for whole either
		}
		if _, err := io.ReadAll(res.Body); err == nil && res.StatusCode != 502 {
			t.Errorf("%s: the client got a whole response", name)
		}
		settled(t, s)
		if o := s.Measure(time.Now()).Services[0].Traffic.Outcomes; o.Reset == 0 || o.Reset != o.Total() {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestSmallResponseThatBreaksOffIsA502(t *testing.T) {
	backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		readRequest(in)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
	})
	_, address := serve(t, backend)
	c := connect(t, address)
	for range 2 { // the client's connection goes on
		c.write(request("GET /"))
		if res, _ := c.response("GET"); res.StatusCode != 502 {
			t.Errorf("got %d, want 502", res.StatusCode)
		}
	}
}

func TestMalformedResponsesAre502AndTheirConnectionIsNotUsedAgain(t *testing.T) {
	for _, response := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"hello\r\n\r\n",
		strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20),
	} {
		backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			readRequest(in)
			io.WriteString(conn, response)
			io.Copy(io.Discard, in)
		})
		_, address := serve(t, backend)
		c := connect(t, address)
		c.write("GET / HTTP/1.0\r\n\r\n")
		if res, _ := c.response("GET"); res.StatusCode != 502 {
			t.Errorf("%q: got %d, want 502", response, res.StatusCode)
		}
	}
}

func TestUnaskedBytesOfABackendReachNobody(t *testing.T) {
	backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		for {
			if _, err := readRequest(in); err != nil {
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
		}
	})
	_, address := serve(t, backend)
	c := connect(t, address)
	for range 10 {
		c.write(request("GET /"))
		if _, body := c.response("GET"); body != "ok" {
			t.Fatalf("got %q", body)
		}
	}
}

func TestBackendThatDoesNotAnswerInTimeIsA504(t *testing.T) {
	release := make(chan struct{})
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	defer close(release)
	s := start(t, Options{})
	r := route(o.address())
	r.LoadBalancing.Timeouts.Response = headroom.Duration(100 * time.Millisecond)
	apply(t, s, r)
	c := connect(t, s.Addr(anyPort).String())
	c.write(request("GET /"))
	if res, _ := c.response("GET"); res.StatusCode != 504 {
		t.Errorf("got %d, want 504", res.StatusCode)
	}
	settled(t, s)
	if n := s.Measure(time.Now()).Services[0].Backends[0].Traffic.Outcomes.Timeout; n != 1 {
		t.Errorf("%d timeouts, want 1", n)
	}
}

func TestClientsHaveTheirTimes(t *testing.T) {
	o := newOrigin(t, ok)
	s := start(t, Options{})
	r := route(o.address())
	r.LoadBalancing.Timeouts.Header = headroom.Duration(100 * time.Millisecond)
	r.LoadBalancing.Timeouts.Idle = headroom.Duration(300 * time.Millisecond)
	apply(t, s, r)
	address := s.Addr(anyPort).String()

	slow := connect(t, address)
	slow.write("GET / HTTP/1.1\r\n")
	if res, _ := slow.response("GET"); res.StatusCode != 408 {
		t.Errorf("half a head: got %d, want 408", res.StatusCode)
	}
	idle := connect(t, address)
	idle.write(request("GET /"))
	idle.response("GET")
	idle.expectClosed()
	body := connect(t, address)
	body.write(request("POST /", "Content-Length: 5") + "ab")
	if res, _ := body.response("POST"); res.StatusCode != 408 {
		t.Errorf("half a body: got %d, want 408", res.StatusCode)
	}
}

func TestClientThatLeavesFreesTheBackend(t *testing.T) {
	left := make(chan struct{}, 3)
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/streaming" {
			w.(http.Flusher).Flush()
		}
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		left <- struct{}{}
	})
	s, address := serve(t, o.address())
	for _, text := range []string{
		request("GET /waiting"), request("GET /streaming"), request("POST /uploading", "Content-Length: 1000000") + "x",
	} {
		c := connect(t, address)
		c.write(text)
		eventually(t, "the backend has the request", func() bool { return s.loads()[0].InFlight == 1 && o.conns.Load() > 0 })
		c.conn.Close()
		select {
		case <-left:
		case <-time.After(patiently):
			t.Fatalf("%.20q: the backend's request goes on", text)
		}
		eventually(t, "nothing is in flight", func() bool { return s.loads()[0].InFlight == 0 })
	}
	eventually(t, "three aborts counted", func() bool {
		return s.services["shop"].traffic.outcomes[clientAborted].Load() == 3
	})
	settled(t, s)
	if m := s.Measure(time.Now()).Services[0]; m.Traffic.Outcomes.Failed() != 0 || m.Backends[0].Traffic.Outcomes.Failed() != 0 {
		t.Errorf("a client's leaving counts as failure: %+v, %+v", m.Traffic.Outcomes, m.Backends[0].Traffic.Outcomes)
	}
}

func TestWithoutReadyBackendTheClientIsToldWhenToTryAgain(t *testing.T) {
	o := newOrigin(t, ok)
	s := start(t, Options{})
	s.options.AssumeHealthy = false
	apply(t, s, route(o.address()))
	c := connect(t, s.Addr(anyPort).String())
	want := func(status int, when string) {
		t.Helper()
		c.write(request("POST /", "Content-Length: 2", "X-Request-Id: mine") + "ab")
		res, body := c.response("POST")
		if res.StatusCode != status {
			t.Errorf("%s: got %d, want %d", when, res.StatusCode, status)
		}
		if status == 503 && (res.Header.Get("Retry-After") == "" || !strings.Contains(body, `"requestId":"mine"`) || res.Close) {
			t.Errorf("%s: got %v %s", when, res.Header, body)
		}
	}
	want(503, "not checked yet")
	s.SetHealth("b0", headroom.HealthHealthy, "")
	want(200, "healthy")
	s.SetHealth("b0", headroom.HealthUnhealthy, "12:00:00 status 500")
	want(503, "unhealthy")
	s.SetHealth("b0", headroom.HealthHealthy, "")
	want(200, "healthy again")
	r := route(o.address())
	r.Backends[0].State = headroom.BackendDraining
	apply(t, s, r)
	want(503, "draining")
	r.Backends[0].State = headroom.BackendActive
	r.Backends[0].Weight = 0
	apply(t, s, r)
	want(503, "weight 0")
	settled(t, s)
	m := s.Measure(time.Now()).Services[0]
	if m.Traffic.Outcomes.NoBackend != 4 || m.Backends[0].Health != headroom.HealthHealthy || m.Backends[0].LastFailure != "12:00:00 status 500" {
		t.Errorf("%+v, %+v", m.Traffic.Outcomes, m.Backends[0])
	}
}

func TestRetriedRequestCarriesItsWholeBody(t *testing.T) {
	bad := script(t, func(_ int, _ net.Conn, in *bufio.Reader) { readRequest(in) })
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	_, address := serve(t, bad, o.address())
	c := connect(t, address)
	for i := range 4 {
		want := fmt.Sprint("body ", i)
		c.write(request("PUT /", fmt.Sprintf("Content-Length: %d", len(want))) + want)
		if _, got := c.response("PUT"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
