package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestMeasureCountsEachWindowOnce(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/3":
			w.WriteHeader(302)
		case "/4":
			w.WriteHeader(404)
		case "/5":
			w.WriteHeader(500)
		default:
			io.WriteString(w, strings.Repeat("x", 100))
		}
	})
	s, address := serve(t, o.address())
	began := time.Now()
	s.Measure(began)
	c := connect(t, address)
	for _, path := range []string{"/2", "/2", "/3", "/4", "/5"} {
		c.write(request("POST "+path, "Content-Length: 10") + "0123456789")
		c.response("POST")
	}
	settled(t, s)
	m := s.Measure(began.Add(time.Second))
	if m.TableVersion != 1 || m.Window != headroom.Duration(time.Second) {
		t.Errorf("version %d, window %v", m.TableVersion, m.Window)
	}
	for name, traffic := range map[string]headroom.Traffic{"service": m.Services[0].Traffic, "backend": m.Services[0].Backends[0].Traffic} {
		want := headroom.Outcomes{Success: 2, Redirect: 1, ClientError: 1, ServerError: 1}
		if traffic.Arrivals != 5 || traffic.Outcomes != want || traffic.InFlight != 0 {
			t.Errorf("%s: %+v", name, traffic)
		}
		if traffic.BytesIn != 50 || traffic.BytesOut != 200 {
			t.Errorf("%s: %d bytes in, %d out, want 50 and 200", name, traffic.BytesIn, traffic.BytesOut)
		}
		if traffic.Latency.Count != 5 || traffic.Latency.Sum <= 0 {
			t.Errorf("%s: latency %+v", name, traffic.Latency)
		}
	}
	if again := s.Measure(began.Add(2 * time.Second)).Services[0].Traffic; again.Arrivals != 0 || again.Outcomes.Total() != 0 || again.Latency.Count != 0 {
		t.Errorf("counted twice: %+v", again)
	}
}

func TestMeasureSamplesRequestsInFlight(t *testing.T) {
	release := make(chan struct{})
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	s, address := serve(t, o.address())
	for range 3 {
		connect(t, address).write(request("GET /"))
	}
	eventually(t, "three in flight", func() bool { return s.loads()[0].InFlight == 3 })
	s.Measure(time.Now())
	eventually(t, "some samples", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.services["shop"].window.samples >= 2 && s.backends["b0"].window.samples >= 2
	})
	m := s.Measure(time.Now()).Services[0]
	close(release)
	if m.Traffic.InFlight != 3 || m.Traffic.InFlightMean != 3 || m.Backends[0].Traffic.InFlightMean != 3 {
		t.Errorf("in flight %d, mean %v and %v", m.Traffic.InFlight, m.Traffic.InFlightMean, m.Backends[0].Traffic.InFlightMean)
	}
}

func TestBackendTakenOutIsReportedUntilItsLastRequestHasEnded(t *testing.T) {
	release := make(chan struct{})
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	s, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("GET /"))
	eventually(t, "one in flight", func() bool { return s.loads()[0].InFlight == 1 })
	apply(t, s, route())
	if list := s.loads(); len(list) != 1 || list[0].Active || list[0].InFlight != 1 {
		t.Errorf("got %+v", list)
	}
	s.Measure(time.Now())
	close(release)
	c.response("GET")
	settled(t, s)
	m := s.Measure(time.Now()).Services[0]
	if len(m.Backends) != 1 || m.Backends[0].Traffic.Outcomes.Success != 1 {
		t.Errorf("its last request is missing: %+v", m.Backends)
	}
	if m := s.Measure(time.Now()).Services[0]; len(m.Backends) != 0 {
		t.Errorf("still reported: %+v", m.Backends)
	}
}
