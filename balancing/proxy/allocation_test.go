//go:build !race

// The race detector makes pools forget at random, so `make test` runs this test without it.

package proxy

import "testing"

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
