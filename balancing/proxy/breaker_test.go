package proxy

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// countingBreaker opens after three failures in a row.
type countingBreaker struct {
	mu               sync.Mutex
	failures, passed int
	released         int
}

func (b *countingBreaker) Configure(headroom.CircuitBreaker) {}
func (b *countingBreaker) Allow(time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < 3 {
		b.passed++
	}
	return b.failures < 3
}
func (b *countingBreaker) RecordSince(_, _ time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.passed--
	if b.failures++; ok {
		b.failures = 0
	}
}
func (b *countingBreaker) Release(time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.passed--
	b.released++
}
func (b *countingBreaker) State(time.Time) headroom.BreakerState {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures >= 3 {
		return headroom.BreakerOpen
	}
	return headroom.BreakerClosed
}

func TestBackendWhoseBreakerIsOpenIsLeftAlone(t *testing.T) {
	var breakers []*countingBreaker
	s := start(t, Options{NewBreaker: func(headroom.CircuitBreaker) Breaker {
		breakers = append(breakers, &countingBreaker{})
		return breakers[len(breakers)-1]
	}})
	bad := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	good := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) })
	apply(t, s, route(bad.address(), good.address()))
	c := connect(t, s.Addr(anyPort).String())
	statuses := map[int]int{}
	for range 20 {
		c.write(request("GET /"))
		res, _ := c.response("GET")
		statuses[res.StatusCode]++
	}
	if statuses[503] != 3 || statuses[404] != 17 {
		t.Errorf("got %v, want three 503 and then the other backend alone", statuses)
	}
	settled(t, s)
	m := s.Measure(time.Now()).Services[0]
	if m.Backends[0].Breaker != headroom.BreakerOpen || m.Backends[1].Breaker != headroom.BreakerClosed {
		t.Errorf("breakers are %s and %s", m.Backends[0].Breaker, m.Backends[1].Breaker)
	}
	apply(t, s, route(bad.address()))
	c.write(request("GET /"))
	if res, body := c.response("GET"); res.StatusCode != 503 || !strings.Contains(body, "no backend") {
		t.Errorf("got %d %s: breakers must outlive a change of the table", res.StatusCode, body)
	}
	for i, b := range breakers {
		if b.passed != 0 {
			t.Errorf("breaker %d: %d attempts have no result", i, b.passed)
		}
	}
}

func TestEveryAllowedAttemptIsSettledWhenClientsLeave(t *testing.T) {
	breaker := &countingBreaker{}
	s := start(t, Options{NewBreaker: func(headroom.CircuitBreaker) Breaker { return breaker }})
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	apply(t, s, route(o.address()))
	c := connect(t, s.Addr(anyPort).String())
	c.write(request("GET /"))
	eventually(t, "the request is in flight", func() bool { return s.loads()[0].InFlight == 1 })
	c.conn.Close()
	eventually(t, "it ended", func() bool { return s.loads()[0].InFlight == 0 })
	breaker.mu.Lock()
	defer breaker.mu.Unlock()
	if breaker.passed != 0 || breaker.released != 1 {
		t.Errorf("%d without result, %d released, want 0 and 1", breaker.passed, breaker.released)
	}
}
