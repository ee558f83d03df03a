package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// asleep is a service whose replicas are started when somebody waits, and have been not yet.
func asleep(hold headroom.Hold) headroom.ServiceRoute {
	r := route()
	r.Starts = true
	r.LoadBalancing.Hold = hold
	return r
}

func awake(r headroom.ServiceRoute, address string) headroom.ServiceRoute {
	r.Backends = route(address).Backends
	return r
}

func TestRequestsWaitForAFirstReplicaInTheirOrderAndAreLetGoAsItTakesThem(t *testing.T) {
	for _, front := range fronts() {
		var atOnce, most atomic.Int64
		var mu sync.Mutex
		var order []string
		o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			order = append(order, r.URL.Path+string(body))
			mu.Unlock()
			if n := atOnce.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(2 * time.Millisecond) // so that they would overlap if they were not paced
			atOnce.Add(-1)
		})
		waits := make(chan headroom.Waiting, 100)
		s := start(t, Options{AssumeHealthy: true, Waiting: func(w headroom.Waiting) { waits <- w }})
		r := asleep(headroom.Hold{Enabled: true, Timeout: headroom.Duration(time.Minute), MaxRequests: 20, MaxBytes: 1 << 20, Release: 1})
		apply(t, s, r)
		transport := &http.Transport{Protocols: front.protocols()}
		t.Cleanup(transport.CloseIdleConnections)
		client := http.Client{Transport: transport}
		const n = 8
		var done sync.WaitGroup
		for i := range n {
			done.Go(func() {
				response, err := client.Post(fmt.Sprintf("http://%s/%d", s.Addr(anyPort), i), "", strings.NewReader("body"))
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				if response.StatusCode != 200 {
					t.Errorf("request %d got %d", i, response.StatusCode)
				}
			})
			eventually(t, "it waits", func() bool { return s.services["shop"].holding.waiting.Load() == int64(i+1) })
		}
		if w := <-waits; w.Service != "shop" || w.Requests != 1 {
			t.Errorf("%v: told %+v", front, w)
		}
		apply(t, s, awake(r, o.address()))
		done.Wait()
		for i, got := range order {
			if want := fmt.Sprintf("/%dbody", i); got != want {
				t.Errorf("%v: request %d was %s, want %s", front, i, got, want)
			}
		}
		if most.Load() != 1 {
			t.Errorf("%v: %d requests at once, want 1", front, most.Load())
		}
		m := s.Measure(time.Now()).Services[0].Hold
		if m.Held != n || m.GaveUp+m.TurnedAway != 0 || m.Waiting != 0 {
			t.Errorf("%v: measured %+v", front, m)
		}
	}
}

func TestWaitingEndsWithItsTimeItsRoomAndItsClient(t *testing.T) {
	s := start(t, Options{AssumeHealthy: true})
	r := asleep(headroom.Hold{Enabled: true, Timeout: headroom.Duration(300 * time.Millisecond), MaxRequests: 1, MaxBytes: 1 << 20})
	apply(t, s, r)
	waiting := func(n int64) func() bool {
		return func() bool { return s.services["shop"].holding.waiting.Load() == n }
	}
	address := s.Addr(anyPort).String()

	began := time.Now()
	first := connect(t, address)
	first.write(request("GET /first"))
	eventually(t, "it waits", waiting(1))
	second := connect(t, address)
	second.write(request("GET /second"))
	if response, body := second.response("GET"); response.StatusCode != 503 || !strings.Contains(body, "too many requests wait") || response.Header.Get("Retry-After") == "" {
		t.Errorf("one too many got %d %s", response.StatusCode, body)
	}
	if response, body := first.response("GET"); response.StatusCode != 503 || !strings.Contains(body, "is ready") || time.Since(began) < 300*time.Millisecond {
		t.Errorf("got %d %s after %s", response.StatusCode, body, time.Since(began))
	}

	r.LoadBalancing.Hold.Timeout = headroom.Duration(time.Minute)
	apply(t, s, r)
	gone := connect(t, address)
	gone.write(request("GET /gone"))
	eventually(t, "it waits", waiting(1))
	gone.conn.Close()
	eventually(t, "nobody waits", waiting(0))
	settled(t, s)
	if m := s.Measure(time.Now()).Services[0]; m.Hold.TurnedAway != 1 || m.Hold.GaveUp != 1 || m.Hold.Held != 2 || m.Traffic.Outcomes.ClientAborted != 1 {
		t.Errorf("measured %+v, %+v", m.Hold, m.Traffic.Outcomes)
	}
}

func TestRequestsWaitForAPlaceOnlyAsLongAsTheyMay(t *testing.T) {
	release := make(chan struct{})
	o := newOrigin(t, func(http.ResponseWriter, *http.Request) { <-release })
	s := start(t, Options{AssumeHealthy: true})
	r := route(o.address())
	r.LoadBalancing.Hold = headroom.Hold{Enabled: true, Saturated: headroom.Duration(time.Minute), MaxRequests: 10, MaxBytes: 1 << 20}
	r.LoadBalancing.Overload.PerBackend.MaxRequests = 1
	apply(t, s, r)
	var done sync.WaitGroup
	for range 3 {
		done.Go(func() {
			response, err := http.Get("http://" + s.Addr(anyPort).String())
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
			if response.StatusCode != 200 {
				t.Errorf("got %d", response.StatusCode)
			}
		})
	}
	eventually(t, "two wait", func() bool { return s.services["shop"].holding.waiting.Load() == 2 })
	close(release)
	done.Wait()
}

func TestWhoComesWhileOthersWaitForAPlaceWaitsNoLongerThanThey(t *testing.T) {
	s := start(t, Options{})
	r := route(newOrigin(t, ok).address())
	r.LoadBalancing.Hold = headroom.Hold{Enabled: true, Timeout: headroom.Duration(time.Minute), Saturated: headroom.Duration(100 * time.Millisecond), MaxRequests: 10, MaxBytes: 1 << 20}
	r.LoadBalancing.Overload.PerBackend.MaxRequests = 1
	apply(t, s, r)
	s.backends["b0"].traffic.inFlight.Add(1)
	began := time.Now()
	var waiting []*rawClient
	for i := range 2 {
		c := connect(t, s.Addr(anyPort).String())
		c.write(request("GET /"))
		eventually(t, "it waits", func() bool { return s.services["shop"].holding.held.Load() == uint64(i+1) })
		waiting = append(waiting, c)
	}
	for _, c := range waiting {
		if response, body := c.response("GET"); response.StatusCode != 429 {
			t.Errorf("got %d %s", response.StatusCode, body)
		}
	}
	if took := time.Since(began); took > 400*time.Millisecond {
		t.Errorf("they waited %s, want about 100 ms", took)
	}
	s.backends["b0"].traffic.inFlight.Add(-1)
}

func TestABalancerThatShutsDownDoesNotWaitForAReplicaThatItWouldNotTake(t *testing.T) {
	s := start(t, Options{})
	apply(t, s, asleep(headroom.Hold{Enabled: true, Timeout: headroom.Duration(time.Minute), MaxRequests: 10, MaxBytes: 1 << 20}))
	c := connect(t, s.Addr(anyPort).String())
	c.write(request("GET /"))
	eventually(t, "it waits", func() bool { return s.services["shop"].holding.waiting.Load() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), patiently)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if response, body := c.response("GET"); response.StatusCode != 503 {
		t.Errorf("got %d %s", response.StatusCode, body)
	}
}

func TestWhereNothingIsStartedNothingWaits(t *testing.T) {
	s := start(t, Options{AssumeHealthy: true})
	r := asleep(headroom.Hold{Enabled: true, Timeout: headroom.Duration(time.Minute), MaxRequests: 10, MaxBytes: 1 << 20})
	r.Starts = false
	apply(t, s, r)
	response, err := http.Get("http://" + s.Addr(anyPort).String())
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 503 {
		t.Errorf("got %d", response.StatusCode)
	}
}
