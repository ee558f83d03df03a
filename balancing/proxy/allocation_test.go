//go:build !race

// The race detector makes pools forget at random, so `make test` runs this test without it.

package proxy

import (
	"testing"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/affinity"
)

func TestSmallRequestsAllocateNothing(t *testing.T) {
	_, address := serve(t, quiet(t), quiet(t))
	for name, text := range map[string]string{
		"GET":  request("GET /some/path?query=1", "User-Agent: test", "Accept: */*"),
		"POST": request("POST /", "Content-Length: 5", "X-Request-Id: mine") + "12345",
	} {
		p := newPinger(t, address, text)
		for range 100 {
			p.ping(t)
		}
		// The whole process is counted; one allocation in ten requests leaves room for timers.
		if got := testing.AllocsPerRun(500, func() { p.ping(t) }); got > 0.1 {
			t.Errorf("%s: %v allocations a request, want 0", name, got)
		}
	}
}

func TestRequestsOfSessionsAllocateNothing(t *testing.T) {
	for kind, fields := range map[headroom.AffinityType][]string{
		"cookie": {"Cookie: a=1; headroom-shop=" + string(affinityValue("shop", "b1")) + "; b=2"}, "header": {"X-User: anna"}, "ip": nil,
	} {
		s := start(t, Options{AffinitySecret: []byte("secret")})
		apply(t, s, kept(kind, quiet(t), quiet(t)))
		p := newPinger(t, s.Addr(anyPort).String(), request("GET /", fields...))
		for range 100 {
			p.ping(t)
		}
		if got := testing.AllocsPerRun(500, func() { p.ping(t) }); got > 0.1 {
			t.Errorf("by %s: %v allocations a request, want 0", kind, got)
		}
	}
}

func TestPickedRequestsAllocateNothing(t *testing.T) {
	for _, algorithm := range headroom.Algorithms() {
		s, r := start(t, Options{}), route(quiet(t), quiet(t))
		r.LoadBalancing.Algorithm, r.LoadBalancing.Hash.Key = algorithm, "id"
		r.LoadBalancing.Geographic = headroom.GeographicSettings{Header: "Country", Regions: []headroom.Region{{Name: "eu", Continents: []string{"EU"}}, {Name: "us"}}}
		r.Backends[0].Region, r.Backends[1].Region = "eu", "us"
		apply(t, s, r)
		p := newPinger(t, s.Addr(anyPort).String(), request("GET /?id=7", "Country: DE", "Cookie: a=1; id=7", "Id: 7"))
		for range 100 {
			p.ping(t)
		}
		if got := testing.AllocsPerRun(500, func() { p.ping(t) }); got > 0.1 {
			t.Errorf("%s: %v allocations a request, want 0", algorithm, got)
		}
	}
}

func TestLimitedRequestsAllocateNothing(t *testing.T) {
	s, r := start(t, Options{}), route(quiet(t), quiet(t))
	for i, by := range [][]string{{"ip"}, {"header:User-Agent"}, {"cookie:id", "route"}} {
		l := aMinute(string(rune('a'+i)), 1_000_000, by...)
		l.Except = []string{"10.0.0.0/8"}
		r.LoadBalancing.RateLimits = append(r.LoadBalancing.RateLimits, l)
	}
	apply(t, s, r)
	p := newPinger(t, s.Addr(anyPort).String(), request("GET /", "User-Agent: test", "Cookie: a=1; id=7"))
	for range 100 {
		p.ping(t)
	}
	if got := testing.AllocsPerRun(500, func() { p.ping(t) }); got > 0.1 {
		t.Errorf("%v allocations a request, want 0", got)
	}
}

// affinityValue is the cookie of a session on a backend.
func affinityValue(service, backend string) []byte {
	key := affinity.NewKey([]byte("secret"), service)
	return key.Append(nil, key.Tag(backend), affinity.Nonce{})
}
