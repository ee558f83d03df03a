package proxy

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// hedging applies a table with hedging, as if requests usually took 1 ms. The first backend is asked first.
func hedging(t *testing.T, s *Server, change func(*headroom.LoadBalancing), addresses ...string) (client string) {
	r := route(addresses...)
	r.LoadBalancing.Hedging = headroom.Hedging{Enabled: true, Percentile: 95, MinDelay: headroom.Duration(20 * time.Millisecond)}
	change(&r.LoadBalancing)
	apply(t, s, r)
	inService(s, func(svc *service) {
		for range 1000 {
			svc.guards.usual.Record(time.Millisecond)
		}
		svc.guards.usual.Tick(0.95)
	})
	return s.Addr(anyPort).String()
}

func TestASecondBackendAnswersWhereTheFirstTakesLong(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for _, c := range []struct {
			name, request string
			slow          func(w http.ResponseWriter, r *http.Request, ended chan<- struct{})
			body          string
			hedges, won   uint64
		}{
			{"the second wins", "GET /", func(w http.ResponseWriter, r *http.Request, ended chan<- struct{}) {
				<-r.Context().Done() // the loser's request is ended
				close(ended)
			}, "ok", 1, 1},
			{"the first fails while the second is asked", "GET /", func(w http.ResponseWriter, r *http.Request, ended chan<- struct{}) {
				time.Sleep(250 * time.Millisecond) // past MinDelay, also by the coarse clock of HTTP/2
				close(ended)
				panic(http.ErrAbortHandler)
			}, "ok", 1, 1},
			{"not idempotent", "POST /", func(w http.ResponseWriter, r *http.Request, ended chan<- struct{}) {
				time.Sleep(40 * time.Millisecond)
				io.WriteString(w, "slow")
				close(ended)
			}, "slow", 0, 0},
		} {
			s := start(t, Options{})
			ended := make(chan struct{})
			bad := speaking(t, http2, func(w http.ResponseWriter, r *http.Request) { c.slow(w, r, ended) })
			good := speaking(t, http2, func(w http.ResponseWriter, r *http.Request) {
				if c.name == "the first fails while the second is asked" {
					<-ended
				}
				ok(w, r)
			})
			client := connect(t, hedging(t, s, func(lb *headroom.LoadBalancing) {
				if http2 {
					lb.BackendProtocol = headroom.BackendHTTP2
				}
			}, bad, good))
			client.write(request(c.request))
			if res, body := client.response("GET"); res.StatusCode != 200 || body != c.body {
				t.Errorf("%s, HTTP/2 %v: got %d %q, want %q", c.name, http2, res.StatusCode, body, c.body)
			}
			<-ended
			settled(t, s)
			eventually(t, "no attempt is in flight", func() bool { return s.loads()[0].InFlight+s.loads()[1].InFlight == 0 })
			m := s.Measure(time.Now()).Services[0]
			if m.Guard.Hedges != c.hedges || m.Guard.HedgesWon != c.won {
				t.Errorf("%s, HTTP/2 %v: %d hedges, %d won, want %d and %d", c.name, http2, m.Guard.Hedges, m.Guard.HedgesWon, c.hedges, c.won)
			}
			if a, b := m.Backends[0].Traffic, m.Backends[1].Traffic; a.Outcomes.Total() != a.Arrivals || b.Outcomes.Total() != b.Arrivals {
				t.Errorf("%s: attempts without an end: %+v, %+v", c.name, a, b)
			}
			client.write(request("GET /")) // the client's connection goes on
			if res, _ := client.response("GET"); res.StatusCode != 200 && c.name != "the first fails while the second is asked" {
				t.Errorf("%s: the next request got %d", c.name, res.StatusCode)
			}
		}
	}
}

func TestHedgesAreBoundByTheBudgetOfTheRetries(t *testing.T) {
	s := start(t, Options{})
	slow := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(30 * time.Millisecond) // past MinDelay
		ok(w, r)
	}
	address := hedging(t, s, func(lb *headroom.LoadBalancing) {
		lb.Retries.Budget = headroom.RetryBudget{Percent: 1}
	}, newOrigin(t, slow).address(), newOrigin(t, slow).address())
	client := connect(t, address)
	for range 5 {
		client.write(request("GET /"))
		client.response("GET")
	}
	settled(t, s)
	m := s.Measure(time.Now()).Services[0].Guard
	if m.Hedges != 0 || m.Exhausted == 0 {
		t.Errorf("%d hedges, %d without budget", m.Hedges, m.Exhausted)
	}
}

// Under load from many clients, with backends that are slow at random: each response is that of its own request, nothing fails, and nothing is left.
func TestRacesMixUpNothing(t *testing.T) {
	s := start(t, Options{})
	var n atomic.Int64
	echo := func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%7 == 0 {
			time.Sleep(3 * time.Millisecond) // about as long as the hedge: both may win
		}
		io.WriteString(w, r.URL.Path)
	}
	address := hedging(t, s, func(lb *headroom.LoadBalancing) {
		lb.Hedging.MinDelay = headroom.Duration(2500 * time.Microsecond)
		lb.Retries.Budget = headroom.RetryBudget{Percent: 100, PerSecond: 1e6}
	}, newOrigin(t, echo).address(), newOrigin(t, echo).address(), newOrigin(t, echo).address())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			client := connect(t, address)
			for j := range 150 {
				path := "/" + string(rune('a'+i)) + string(rune('0'+j%10))
				client.write(request("GET " + path))
				if res, body := client.response("GET"); res.StatusCode != 200 || body != path {
					t.Errorf("%s: got %d %q", path, res.StatusCode, body)
					return
				}
			}
		})
	}
	all.Wait()
	settled(t, s)
	eventually(t, "no attempt is in flight", func() bool {
		return s.loads()[0].InFlight+s.loads()[1].InFlight+s.loads()[2].InFlight == 0
	})
	if m := s.Measure(time.Now()).Services[0].Guard; m.Hedges == 0 {
		t.Error("there was no race")
	} else {
		t.Logf("%d races, %d won by the second", m.Hedges, m.HedgesWon)
	}
}

// speaking is an origin that speaks HTTP/1.1 or, without TLS, HTTP/2.
func speaking(t *testing.T, http2 bool, handler http.HandlerFunc) (address string) {
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(!http2)
	server.Config.Protocols.SetUnencryptedHTTP2(http2)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
