package proxy

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/guard"
)

// holding is a backend that answers when it is told to.
type holding struct {
	*origin
	release chan struct{}
}

func newHolding(t *testing.T) *holding {
	h := &holding{release: make(chan struct{})}
	h.origin = newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-h.release:
		case <-r.Context().Done():
		}
	})
	return h
}

// inFlight is how many requests the service has, those that it is turning away included.
func inFlight(s *Server) (n int) {
	inService(s, func(svc *service) { n = int(svc.traffic.inFlight.Load()) })
	return n
}

// fill sends requests that are held, and waits until all of them are in flight.
func fill(t *testing.T, s *Server, n int) {
	for range n {
		connect(t, s.Addr(anyPort).String()).write(request("GET /"))
	}
	eventually(t, "they are in flight", func() bool { return s.loads()[0].InFlight == int64(n) })
}

func TestWhatIsBeyondTheLimitIsAnswered429TheLeastImportantFirst(t *testing.T) {
	s := start(t, Options{})
	h := newHolding(t)
	r := route(h.address())
	r.LoadBalancing.Overload = headroom.Overload{MaxRequests: 4, Priorities: headroom.RequestPriorities{Header: "X-Priority", Default: "normal",
		Classes: []headroom.RequestPriority{{Name: "critical", Percent: 100}, {Name: "normal", Percent: 75}, {Name: "batch", Percent: 50}}}}
	r.LoadBalancing.Routes = []headroom.Route{{Path: "/report", Priority: "batch"}}
	apply(t, s, r)
	for _, c := range []struct {
		held          int // before
		target, field string
		status        int
		class         string
	}{
		{2, "/", "X-Priority: batch", 429, "batch"},
		{2, "/report", "X-Priority: critical", 429, "batch"},
		{3, "/", "X-Other: 1", 429, "normal"},
		{3, "/", "X-Priority: unheard-of", 429, "normal"},
		{4, "/", "X-Priority: critical", 429, "critical"},
	} {
		if have := inFlight(s); have < c.held {
			for range c.held - have {
				connect(t, s.Addr(anyPort).String()).write(request("GET /", "X-Priority: critical"))
			}
			eventually(t, "they are in flight", func() bool { return inFlight(s) == c.held })
		}
		s.Measure(time.Now())
		client := connect(t, s.Addr(anyPort).String())
		client.write(request("GET "+c.target, c.field))
		res, _ := client.response("GET")
		if res.StatusCode != c.status || res.Header.Get("Retry-After") == "" {
			t.Errorf("%d in flight, %s %s: got %d, Retry-After %q", c.held, c.target, c.field, res.StatusCode, res.Header.Get("Retry-After"))
		}
		eventually(t, "it is counted", func() bool { return inFlight(s) == c.held })
		if got := s.Measure(time.Now()).Services[0].Guard.Shed; got[c.class] != 1 || len(got) != 1 {
			t.Errorf("%d in flight, %s %s: counted %v, want one of %s", c.held, c.target, c.field, got, c.class)
		}
	}
	close(h.release)
	settled(t, s)
}

func TestBackendsThatAreFullArePassedOver(t *testing.T) {
	s := start(t, Options{})
	held, other := newHolding(t), newOrigin(t, ok)
	r := route(held.address())
	r.LoadBalancing.Overload.PerBackend.MaxRequests = 2
	apply(t, s, r)
	fill(t, s, 2)
	client := connect(t, s.Addr(anyPort).String())
	client.write(request("GET /"))
	if res, _ := client.response("GET"); res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
		t.Errorf("all are full: got %d", res.StatusCode)
	}
	with := route(held.address(), other.address())
	with.LoadBalancing.Overload = r.LoadBalancing.Overload
	apply(t, s, with)
	for range 10 {
		client.write(request("GET /"))
		if res, _ := client.response("GET"); res.StatusCode != 200 {
			t.Fatalf("another has room: got %d", res.StatusCode)
		}
	}
	close(held.release)
	settled(t, s)
}

func TestNoMoreConnectionsThanAllowedAreOpened(t *testing.T) {
	s := start(t, Options{})
	h := newHolding(t)
	r := route(h.address())
	r.LoadBalancing.Overload.PerBackend.MaxConnections = 3
	apply(t, s, r)
	fill(t, s, 3)
	var statuses sync.Map
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			client := connect(t, s.Addr(anyPort).String())
			client.write(request("GET /"))
			res, _ := client.response("GET")
			statuses.Store(i, res.StatusCode)
		})
	}
	all.Wait()
	statuses.Range(func(_, status any) bool {
		if status != 429 {
			t.Errorf("got %v, want 429", status)
		}
		return true
	})
	if n := h.conns.Load(); n != 3 {
		t.Errorf("%d connections were opened, want 3", n)
	}
	close(h.release)
	settled(t, s)
	client := connect(t, s.Addr(anyPort).String()) // unused ones give way to one that may not be reused
	client.write(request("POST /"))
	if res, _ := client.response("POST"); res.StatusCode != 200 {
		t.Errorf("got %d", res.StatusCode)
	}
}

func TestTheServicesOwnBreakerAnswersAtOnce(t *testing.T) {
	s := start(t, Options{NewBreaker: func(settings headroom.CircuitBreaker) Breaker {
		return guard.NewBreaker(settings, time.Now(), func() float64 { return 0 })
	}})
	var asked sync.Map
	bad := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path, true)
		w.WriteHeader(502)
	})
	r := route(bad.address(), bad.address(), bad.address())
	r.LoadBalancing.CircuitBreaker = headroom.CircuitBreaker{Enabled: true, Service: true, FailureThreshold: 3, RecoveryTimeout: headroom.Duration(time.Hour)}
	apply(t, s, r)
	client := connect(t, s.Addr(anyPort).String())
	for _, c := range []struct {
		path   string
		status int
	}{{"/1", 502}, {"/2", 502}, {"/3", 502}, {"/4", 503}} {
		client.write(request("GET " + c.path))
		if res, _ := client.response("GET"); res.StatusCode != c.status {
			t.Errorf("%s: got %d, want %d", c.path, res.StatusCode, c.status)
		}
	}
	if _, reached := asked.Load("/4"); reached {
		t.Error("a backend was asked although the breaker is open")
	}
	settled(t, s)
	m := s.Measure(time.Now()).Services[0]
	if m.Guard.Breaker != headroom.BreakerOpen || m.Backends[0].Breaker != headroom.BreakerClosed {
		t.Errorf("the service's breaker is %q, that of a backend %q", m.Guard.Breaker, m.Backends[0].Breaker)
	}
}

func TestTheAdaptiveLimitFollowsWhatWasSeen(t *testing.T) {
	g := &guards{}
	settings := headroom.AdaptiveLimit{Enabled: true, MinLimit: 20, MaxLimit: 100, Tolerance: 1.5}
	for range 1000 {
		g.samples.Add(10)
		g.firstByte.Add(int64(100 * time.Millisecond))
		g.adapt(settings, 1000)
	}
	if got := g.limit.Load(); got != 100 {
		t.Errorf("the limit is %d, want the greatest, 100", got)
	}
	settings.Enabled = false
	g.adapt(settings, 0)
	if got := g.limit.Load(); got != 0 {
		t.Errorf("when it is turned off the limit is %d", got)
	}
}
