package proxy

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// tallied is a backend that counts its requests.
func tallied(t *testing.T, n *atomic.Int64, answer http.HandlerFunc) string {
	return newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		n.Add(1)
		answer(w, r)
	}).address()
}

// answering is a backend that answers every request of a connection with the same bytes and closes it.
func answering(t *testing.T, answer string) string {
	ln, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	return ln.Addr().String()
}

func retrying(s *Server, t *testing.T, settings headroom.Retries, addresses ...string) string {
	r := route(addresses...)
	r.LoadBalancing.Retries = settings
	apply(t, s, r)
	return s.Addr(anyPort).String()
}

func TestAnswersWithAStatusToTryAgainAreReplacedWhereAnotherBackendIsLeft(t *testing.T) {
	for _, c := range []struct {
		name, request string
		settings      headroom.Retries
		bad, good     int // backends
		status        int
		asked         int64 // of the bad ones
	}{
		{"GET", "GET /", headroom.Retries{Statuses: []int{503}}, 2, 1, 200, 2},
		{"another status", "GET /", headroom.Retries{Statuses: []int{502}}, 2, 1, 503, 1},
		{"nobody is left: the answer itself", "GET /", headroom.Retries{Statuses: []int{503}}, 2, 0, 503, 2},
		{"attempts are used up", "GET /", headroom.Retries{Statuses: []int{503}, Attempts: 2}, 5, 0, 503, 2},
		{"not idempotent", "POST /", headroom.Retries{Statuses: []int{503}}, 2, 1, 503, 1},
		{"with a back-off", "GET /", headroom.Retries{Statuses: []int{503}, Backoff: headroom.Backoff{Base: 1e6, Max: 1e7}}, 2, 1, 200, 2},
		{"no budget", "GET /", headroom.Retries{Statuses: []int{503}, Budget: headroom.RetryBudget{Percent: 1}}, 2, 1, 503, 1},
	} {
		var asked atomic.Int64
		var addresses []string
		for range c.bad {
			addresses = append(addresses, tallied(t, &asked, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(503)
				io.WriteString(w, "the backend's own page")
			}))
		}
		for range c.good {
			addresses = append(addresses, newOrigin(t, ok).address())
		}
		s := start(t, Options{Seed: 0})
		client := connect(t, retrying(s, t, c.settings, addresses...))
		client.write(request(c.request))
		res, body := client.response("GET")
		if res.StatusCode != c.status || asked.Load() != c.asked {
			t.Errorf("%s: got %d after %d bad answers, want %d after %d", c.name, res.StatusCode, asked.Load(), c.status, c.asked)
		}
		if c.status == 503 && body != "the backend's own page" {
			t.Errorf("%s: got %q, want the backend's answer", c.name, body)
		}
		settled(t, s)
		m := s.Measure(time.Now()).Services[0]
		if want := uint64(c.asked); c.status == 200 && m.Guard.Retries != want {
			t.Errorf("%s: %d retries are reported, want %d", c.name, m.Guard.Retries, want)
		}
		if c.name == "no budget" && m.Guard.Exhausted != 1 {
			t.Errorf("%d retries are reported as without budget, want 1", m.Guard.Exhausted)
		}
	}
}

// The answer was settled when another backend was looked for, so nothing is left to be learned of it.
func TestAnAnswerIsRelayedWhereTheBackendThatIsLeftIsFull(t *testing.T) {
	for _, algorithm := range []headroom.Algorithm{headroom.RoundRobin, headroom.LeastResponseTime, headroom.Adaptive} {
		full := newOrigin(t, ok)
		bad := newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Endpoint-Load-Metrics", "TEXT cpu_utilization=0.5")
			w.WriteHeader(503)
			io.WriteString(w, "the backend's own page")
		})
		s := start(t, Options{})
		r := route(full.address(), bad.address())
		r.LoadBalancing.Algorithm = algorithm
		r.LoadBalancing.Retries = headroom.Retries{Statuses: []int{503}, Budget: headroom.RetryBudget{PerSecond: 10}}
		r.LoadBalancing.Overload.PerBackend.MaxRequests = 1
		apply(t, s, r)
		s.backends["b0"].traffic.inFlight.Add(1)
		client := connect(t, s.Addr(anyPort).String())
		client.write(request("GET /"))
		if res, body := client.response("GET"); res.StatusCode != 503 || body != "the backend's own page" {
			t.Errorf("%s: got %d %q, want the backend's answer", algorithm, res.StatusCode, body)
		}
		s.backends["b0"].traffic.inFlight.Add(-1)
	}
}

func TestFailuresAreTriedAgainAsConditionsHaveIt(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		on           []headroom.RetryCondition
		status       int
	}{
		{"closed without an answer", "", nil, 200},
		{"the same, not wanted", "", []headroom.RetryCondition{headroom.RetryTimeout}, 502},
		{"malformed, by default", "garbage\r\n\r\n", nil, 502},
		{"malformed, wanted", "garbage\r\n\r\n", []headroom.RetryCondition{headroom.RetryMalformed}, 200},
	} {
		s := start(t, Options{})
		client := connect(t, retrying(s, t, headroom.Retries{On: c.on}, answering(t, c.answer), newOrigin(t, ok).address()))
		client.write(request("GET /"))
		if res, body := client.response("GET"); res.StatusCode != c.status || c.status == 200 && body != "ok" {
			t.Errorf("%s: got %d %q, want %d", c.name, res.StatusCode, body, c.status)
		}
	}
}

func TestATryThatTakesTooLongIsGivenUpForAnotherBackend(t *testing.T) {
	gone := make(chan struct{}, 1)
	slow := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		gone <- struct{}{}
	})
	s := start(t, Options{})
	settings := headroom.Retries{PerTryTimeout: headroom.Duration(50 * time.Millisecond)}
	client := connect(t, retrying(s, t, settings, slow.address(), newOrigin(t, ok).address()))
	began := time.Now()
	client.write(request("GET /"))
	if res, _ := client.response("GET"); res.StatusCode != 200 {
		t.Errorf("got %d", res.StatusCode)
	}
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("it took %v, less than perTryTimeout", took)
	}
	<-gone // its request was ended
	// Nobody else is left for the last try, which may take as long as a response may.
	only := retrying(s, t, settings, newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(100 * time.Millisecond) // twice as long as a try that is not the last may take
		ok(w, r)
	}).address())
	client = connect(t, only)
	client.write(request("GET /"))
	if res, _ := client.response("GET"); res.StatusCode != 200 {
		t.Errorf("alone: got %d, want 200", res.StatusCode)
	}
}

func TestBackOffEndsWhenTheClientLeaves(t *testing.T) {
	s := start(t, Options{})
	settings := headroom.Retries{Backoff: headroom.Backoff{Base: headroom.Duration(time.Hour), Max: headroom.Duration(time.Hour)}}
	client := connect(t, retrying(s, t, settings, answering(t, ""), newOrigin(t, ok).address()))
	client.write(request("GET /"))
	eventually(t, "it waits", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.services["shop"].guards.retries.Load() == 1
	})
	client.conn.Close()
	settled(t, s)
}

func TestTCPConnectionsAreTriedAgainWithinTheBudget(t *testing.T) {
	dead, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	s := start(t, Options{})
	r := route(dead.Addr().String(), answering(t, "hello"))
	r.LoadBalancing.Protocol = headroom.ProtocolTCP
	apply(t, s, r)
	conn, err := net.Dial("tcp", s.Addr(anyPort).String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "hi")
	if said, _ := io.ReadAll(conn); !strings.HasPrefix(string(said), "hello") {
		t.Errorf("got %q", said)
	}
}
