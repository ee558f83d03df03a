package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func outliers(addresses ...string) headroom.ServiceRoute {
	r := route(addresses...)
	r.LoadBalancing.Outliers = headroom.OutlierDetection{Enabled: true, Interval: headroom.Duration(time.Hour), ConsecutiveErrors: 5,
		EjectionTime: headroom.Duration(time.Hour), MaxEjectionTime: headroom.Duration(time.Hour), MaxEjectionPercent: 10}
	return r
}

// inService runs f on the service with the server's lock held.
func inService(s *Server, f func(svc *service)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.services["shop"])
}

func TestABackendThatFailsFiveTimesInARowIsEjectedAndReturnsSlowly(t *testing.T) {
	bad := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	s := start(t, Options{})
	r := outliers(bad.address(), newOrigin(t, ok).address())
	r.LoadBalancing.SlowStart = headroom.SlowStart{Window: headroom.Duration(100 * time.Second), Aggression: 1, MinPercent: 10}
	apply(t, s, r)
	c := connect(t, s.Addr(anyPort).String())
	failed := 0
	eventually(t, "the failing one is ejected", func() bool {
		c.write(request("GET /"))
		if res, _ := c.response("GET"); res.StatusCode == 500 {
			failed++
		}
		return s.Measure(time.Now()).Services[0].Backends[0].Ejected != ""
	})
	if failed < 5 {
		t.Errorf("ejected after %d failures", failed)
	}
	if said := s.Measure(time.Now()).Services[0].Backends[0].Ejected; !strings.Contains(said, "errors in a row") {
		t.Errorf("said %q", said)
	}
	for range 20 {
		c.write(request("GET /"))
		if res, _ := c.response("GET"); res.StatusCode != 200 {
			t.Fatalf("an ejected backend answered %d", res.StatusCode)
		}
	}
	later := time.Now().Add(2 * time.Hour)
	inService(s, func(svc *service) {
		s.ejectOutliers(svc, later)
		if b := svc.members[0].backend; b.conduct.ejected.Load() || !b.warmsSince.Equal(later) {
			t.Error("it has not returned, or has its whole share at once")
		}
	})
}

func TestAllEjectionsEndWhenDetectionIsTurnedOff(t *testing.T) {
	s := start(t, Options{})
	addresses := []string{newOrigin(t, ok).address(), newOrigin(t, ok).address()}
	apply(t, s, outliers(addresses...))
	now := time.Now()
	inService(s, func(svc *service) {
		svc.members[0].backend.conduct.consecutive.Store(5)
		s.ejectOutliers(svc, now)
		if n := len(svc.members); n != 2 || !svc.members[0].backend.conduct.ejected.Load() {
			t.Fatal("not ejected")
		}
	})
	apply(t, s, route(addresses...))
	inService(s, func(svc *service) {
		s.ejectOutliers(svc, now)
		if svc.members[0].backend.conduct.ejected.Load() {
			t.Error("still ejected")
		}
	})
}

func TestBackendsThatJoinGetTheirShareLittleByLittleUnlessAllAreNew(t *testing.T) {
	s := start(t, Options{})
	first, second := newOrigin(t, ok).address(), newOrigin(t, ok).address()
	slow := headroom.SlowStart{Window: headroom.Duration(time.Hour), Aggression: 1, MinPercent: 10}
	r := route(first)
	r.LoadBalancing.SlowStart = slow
	apply(t, s, r)
	r = route(first, second)
	r.LoadBalancing.SlowStart = slow
	apply(t, s, r)
	inService(s, func(svc *service) {
		old, joined := svc.members[0].backend, svc.members[1].backend
		if !old.warmsSince.IsZero() || joined.warmsSince.IsZero() {
			t.Error("the first warms up, or the one that joined does not")
		}
		old.warmsSince = time.Now() // as if it were new as well
		s.warm(svc, time.Now())
		if !svc.guards.warming {
			t.Error("none warms up")
		}
	})
	counts := func() (shares [2]uint64) {
		c := connect(t, s.Addr(anyPort).String())
		for range 400 {
			c.write(request("GET /"))
			c.response("GET")
		}
		settled(t, s)
		for i, b := range s.Measure(time.Now()).Services[0].Backends {
			shares[i] = b.Traffic.Arrivals
		}
		return shares
	}
	counts()
	if got := counts(); got[1] < 150 {
		t.Errorf("both are new, and the second got %d of 400", got[1])
	}
	inService(s, func(svc *service) {
		svc.members[0].backend.warmsSince = time.Time{}
		s.warm(svc, time.Now())
	})
	// Round robin deals it every second turn, of which a tenth is taken: 1 in 11 of all.
	if got := counts(); got[1] < 10 || got[1] > 80 {
		t.Errorf("with a tenth of its share the new one got %d of 400, want about 36", got[1])
	}
	inService(s, func(svc *service) { s.warm(svc, time.Now().Add(2*time.Hour)) })
	if got := counts(); got[1] < 150 {
		t.Errorf("when it is warm it got %d of 400", got[1])
	}
}
