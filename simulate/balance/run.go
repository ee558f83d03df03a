package balance

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/pick"
)

const (
	// runs is how long each run lasts, in virtual time, and warmUp how much of it is not counted.
	runs   = 60 * time.Second
	warmUp = 5 * time.Second
	// failureCounts is what a failed attempt counts for as a response time, as in balancing/proxy.
	failureCounts = 10 * time.Second
)

// world is one run: some balancers, each with what it knows, in front of the same servers.
type world struct {
	scenario  Scenario
	random    *rand.Rand
	now       time.Duration
	events    queue
	servers   []server
	balancers []balancer
	result    Result
}

// server is the state of a backend.
type server struct {
	Backend
	busy    int
	waiting []request // from at on
	at      int
}

type request struct {
	began    time.Duration
	balancer int
	server   int
	span     time.Duration // of the work
}

type balancer struct {
	picker   *pick.Picker
	snapshot *pick.Snapshot
	inFlight []atomic.Int64
	loads    []pick.Load
	request  pick.Request
}

// Run tries an algorithm in a scenario.
func Run(scenario Scenario, algorithm headroom.Algorithm, seed uint64) (Result, error) {
	w := &world{scenario: scenario, random: rand.New(rand.NewPCG(seed, 1))}
	w.result = Result{Scenario: scenario.Name, Algorithm: algorithm}
	for _, b := range scenario.Backends {
		w.servers = append(w.servers, server{Backend: b})
	}
	w.balancers = make([]balancer, scenario.Balancers)
	for i := range w.balancers {
		picker, err := pick.New(algorithm, seed+uint64(i))
		if err != nil {
			return Result{}, fmt.Errorf("simulate %s in %q: %w", algorithm, scenario.Name, err)
		}
		b := &w.balancers[i]
		b.picker = picker
		b.inFlight, b.loads = make([]atomic.Int64, len(w.servers)), make([]pick.Load, len(w.servers))
		b.list(w.servers, 0)
	}
	w.simulate()
	return w.result, nil
}

// list makes the balancer's snapshot of those backends that are there by now.
func (b *balancer) list(servers []server, now time.Duration) {
	candidates := make([]pick.Candidate, len(servers))
	for i := range servers {
		weight := 1
		if servers[i].Joins > now {
			weight = 0
		}
		candidates[i] = pick.Candidate{ID: fmt.Sprint("b", i), Weight: weight, InFlight: &b.inFlight[i], Load: &b.loads[i]}
	}
	b.snapshot = pick.NewSnapshot(candidates, pick.Settings{})
}

func (w *world) simulate() {
	w.events.push(event{at: w.gap(), kind: arrival})
	for i := range w.servers {
		if joins := w.servers[i].Joins; joins > 0 {
			w.events.push(event{at: joins, kind: joining})
		}
	}
	for {
		e := w.events.pop()
		if e.at > runs {
			return
		}
		w.now = e.at
		switch e.kind {
		case arrival:
			w.arrive()
			w.events.push(event{at: w.now + w.gap(), kind: arrival})
		case joining:
			for i := range w.balancers {
				w.balancers[i].list(w.servers, w.now)
			}
		case done:
			w.finish(e.request)
		}
	}
}

func (w *world) gap() time.Duration {
	return time.Duration(w.random.ExpFloat64() / w.scenario.rate() * 1e9)
}

func (w *world) arrive() {
	from := w.random.IntN(len(w.balancers))
	b := &w.balancers[from]
	b.request.Excluded.Reset(len(w.servers))
	b.request.Now, b.request.Random = int64(w.now), w.random.Uint64()
	to := b.picker.Pick(b.snapshot, &b.request)
	b.inFlight[to].Add(1)
	s := &w.servers[to]
	made := request{began: w.now, balancer: from, server: to, span: s.work(w.now, w.random)}
	if s.busy < s.slots() {
		w.begin(s, made)
		return
	}
	s.waiting = append(s.waiting, made)
}

func (w *world) begin(s *server, r request) {
	s.busy++
	w.events.push(event{at: s.ends(w.now, r.span), kind: done, request: r})
}

func (w *world) finish(r request) {
	s, b := &w.servers[r.server], &w.balancers[r.balancer]
	s.busy--
	b.inFlight[r.server].Add(-1)
	took := w.now - r.began
	counts := took
	if s.FailsFast {
		counts = failureCounts
	}
	b.loads[r.server].Observe(int64(w.now), counts)
	if r.began >= warmUp {
		w.result.count(took, s.FailsFast)
	}
	if s.at == len(s.waiting) {
		s.waiting, s.at = s.waiting[:0], 0
		return
	}
	next := s.waiting[s.at]
	s.at++
	w.begin(s, next)
}
