package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// maxEcho bounds what /echo holds in memory per request.
const maxEcho = 64 << 20

// service answers the requests of one replica. Safe for concurrent use.
type service struct {
	options  options
	readyAt  time.Time
	slots    chan struct{} // one token per worker at work; nil when unlimited
	furnace  *furnace
	requests atomic.Int64 // requests that asked for work, /health not among them
	mux      *http.ServeMux
}

func newService(o options, listening time.Time) *service {
	s := &service{options: o, readyAt: listening.Add(o.readyDelay), furnace: newFurnace(), mux: http.NewServeMux()}
	if o.workers > 0 {
		s.slots = make(chan struct{}, o.workers)
	}
	s.mux.HandleFunc("/health", s.health)
	s.mux.HandleFunc("/", s.working(s.waits, s.identify))
	s.mux.HandleFunc("/echo", s.working(s.waits, echo))
	s.mux.HandleFunc("/big", s.working(s.waits, big))
	s.mux.HandleFunc("/slow", s.slow)
	s.mux.HandleFunc("/grpc.health.v1.Health/Check", s.grpcHealth)
	s.mux.HandleFunc("/shop.Shop/Identify", s.working(s.waits, s.grpcIdentify))
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// answer is the body of a plain request: enough to tell which replica answered, and whether it was restarted.
type answer struct {
	Service string `json:"service"`
	Replica string `json:"replica"`
	PID     int    `json:"pid"`
	Port    int    `json:"port"`
	Request int64  `json:"request"` // 1 for the first request of this process
	Path    string `json:"path"`
}

func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	if s.options.neverHealthy {
		http.Error(w, "never healthy: --never-healthy", http.StatusServiceUnavailable)
		return
	}
	if left := time.Until(s.readyAt); left > 0 {
		http.Error(w, fmt.Sprintf("not ready: %v to go", left), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// working wraps an answer in the cost of a request: a worker's slot, CPU time and a wait. Before it is ready the
// service refuses the work, so that a balancer that sends too early is seen to fail.
func (s *service) working(wait func() time.Duration, reply func(http.ResponseWriter, *http.Request, int64)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		number := s.requests.Add(1)
		if time.Now().Before(s.readyAt) {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		if s.slots != nil {
			select {
			case s.slots <- struct{}{}: // senders blocked on a channel are served in order of arrival
				defer func() { <-s.slots }()
			case <-r.Context().Done():
				return
			}
		}
		s.furnace.burn(s.options.cpu)
		if !sleep(r, wait()) {
			return
		}
		if s.options.failRate > 0 && rand.Float64() < s.options.failRate {
			http.Error(w, "failing on purpose: --fail-rate", http.StatusInternalServerError)
			return
		}
		reply(w, r, number)
	}
}

// waits draws the waiting time of one request.
func (s *service) waits() time.Duration {
	if s.options.distribution == "exponential" {
		return time.Duration(rand.ExpFloat64() * float64(s.options.latency))
	}
	return s.options.latency
}

// sleep waits for d and reports false when the client went away first.
func sleep(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (s *service) identify(w http.ResponseWriter, r *http.Request, number int64) {
	w.Header().Set("Content-Type", "application/json")
	// An error here means that the client has gone: there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(answer{
		Service: "shop", Replica: s.options.replica, PID: os.Getpid(), Port: s.options.port,
		Request: number, Path: r.URL.Path,
	})
}

// echo answers with the body it was sent. The body is read whole first, for clients that do not read while they write.
func echo(w http.ResponseWriter, r *http.Request, _ int64) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEcho))
	if err != nil {
		http.Error(w, "reading the body: "+err.Error(), http.StatusBadRequest)
		return
	}
	if kind := r.Header.Get("Content-Type"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // an error means that the client has gone
}

// big answers with as many bytes as asked for, the letters a to z over and over.
func big(w http.ResponseWriter, r *http.Request, _ int64) {
	n, err := strconv.ParseInt(r.FormValue("bytes"), 10, 64)
	if err != nil || n < 0 {
		http.Error(w, fmt.Sprintf("bytes is %q: expected a whole number, such as /big?bytes=1000000", r.FormValue("bytes")),
			http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	block := bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz"), 1260) // 32,760 bytes: one write fills a socket buffer's share
	for n > 0 {
		written, err := w.Write(block[:min(n, int64(len(block)))])
		if err != nil {
			return
		}
		n -= int64(written)
	}
}

// slow answers as "/" does, after the time the request asks for in place of --latency.
func (s *service) slow(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.FormValue("for"))
	if err != nil || d < 0 {
		http.Error(w, fmt.Sprintf("for is %q: expected a duration, such as /slow?for=2s", r.FormValue("for")),
			http.StatusBadRequest)
		return
	}
	s.working(func() time.Duration { return d }, s.identify)(w, r)
}
