package proxy

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/geo"
	"headroom.dev/headroom/balancing/h2"
	"headroom.dev/headroom/balancing/socket"
)

// Server is the balancer's data plane. All methods are safe for concurrent use.
type Server struct {
	options   Options
	epoch     time.Time // from which the algorithms count
	closing   atomic.Bool
	nextID    atomic.Uint64 // of client connections
	buffers   sync.Pool     // of *[]byte, bufferSize each
	large     sync.Pool     // of *[]byte, largeBuffer each
	exchanges sync.Pool     // of *exchange
	lot       *socket.Lot   // of idle clients' connections
	owners    owners
	memory    *h2.Memory // of all connections that speak HTTP/2
	splicer   socket.Splicer
	made      time.Time    // when limits began to be counted
	seed      maphash.Seed // of the hashes that limits are counted by
	databases geo.Library
	date      atomic.Pointer[[]byte]
	dateOf    int64 // Unix second; the sampler's
	given     given // the sampler's

	mu         sync.Mutex // guards what follows; no request takes it
	listeners  map[string]*listener
	services   map[string]*service
	backends   map[string]*backend
	secured    map[string]configuring // TLS to the backends, by service
	departing  []*backend             // named by no table any more, but perhaps still serving
	retired    []*listener            // closed, but perhaps still with connections
	version    uint64
	measured   time.Time
	logDropped uint64 // reported already
	draining   bool   // another process listens: no socket is opened any more

	stop   chan struct{}
	tasks  sync.WaitGroup // listeners, connections and the sampler
	closed sync.Once      // stop
	ended  sync.Once      // the lot and the splicer, after the last connection
}

// New makes a server without routes: nothing is listened on until Apply. Shutdown ends it.
func New(options Options) (*Server, error) {
	lot, err := socket.NewLot()
	if err != nil {
		return nil, err
	}
	s := &Server{
		options:   options,
		epoch:     time.Now(),
		lot:       lot,
		memory:    h2.NewMemory(h2.DefaultMemory),
		listeners: map[string]*listener{},
		services:  map[string]*service{},
		backends:  map[string]*backend{},
		measured:  time.Now(),
		made:      time.Now(),
		seed:      maphash.MakeSeed(),
		stop:      make(chan struct{}),
	}
	s.buffers.New = func() any {
		buf := make([]byte, bufferSize)
		return &buf
	}
	s.exchanges.New = newExchange
	s.large.New = func() any {
		buf := make([]byte, largeBuffer)
		return &buf
	}
	s.setDate(time.Now())
	s.tasks.Go(s.sample)
	return s, nil
}

// Measure returns what was counted since the last Measure and begins the next window.
func (s *Server) Measure(now time.Time) headroom.Measurement {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := headroom.Measurement{At: now, Window: headroom.Duration(now.Sub(s.measured)), TableVersion: s.version}
	s.measured = now
	for _, name := range sortedNames(s.services) {
		svc := s.services[name]
		measured := headroom.ServiceMeasurement{Service: name, Traffic: svc.window.take(&svc.traffic), Guard: svc.guards.measure(now), Mirror: svc.mirrored.take(), Hold: svc.holding.take()}
		if limiting := svc.view.Load().limiting; limiting != nil {
			for _, l := range limiting.limiters {
				measured.RateLimits = append(measured.RateLimits, l.measure(s.clock(now)))
			}
		}
		for _, member := range svc.members {
			measured.Backends = append(measured.Backends, member.backend.measure(now))
		}
		for _, gone := range s.departing {
			if gone.service == name {
				measured.Backends = append(measured.Backends, gone.measure(now))
			}
		}
		m.Services = append(m.Services, measured)
	}
	for _, address := range slices.Sorted(maps.Keys(s.listeners)) {
		m.Listeners = append(m.Listeners, s.listeners[address].measure())
	}
	if s.options.AccessLog != nil {
		m.LogDropped = difference(s.options.AccessLog.Dropped(), &s.logDropped)
	}
	s.dropDeparted()
	return m
}

// dropDeparted forgets the backends that are gone and idle.
func (s *Server) dropDeparted() {
	kept := s.departing[:0]
	for _, gone := range s.departing {
		if gone.traffic.inFlight.Load() > 0 {
			kept = append(kept, gone)
		}
	}
	clear(s.departing[len(kept):])
	s.departing = kept
}

// SetHealth says what the checks of a backend have found. The failure, if any, is kept for people to see. A backend that no table
// names is ignored.
func (s *Server) SetHealth(id string, health headroom.Health, failure string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.backends[id]
	if !known {
		return
	}
	before, changed := b.setHealth(health, failure)
	if !changed {
		return
	}
	if health == headroom.HealthHealthy && before == headroom.HealthUnhealthy {
		b.warmsSince = time.Now()
	}
	for _, svc := range s.services {
		for _, m := range svc.members {
			if m.backend != b {
				continue
			}
			if len(svc.members) > rebuiltAtOnce {
				svc.stale = true
				break
			}
			s.rebuild(svc)
		}
	}
}

// rebuild refreshes a service's view with its present settings, whose algorithm was valid before.
func (s *Server) rebuild(svc *service) {
	now := svc.view.Load()
	if err := svc.rebuild(now.settings, now.compiled, s.options.Seed); err != nil {
		s.options.Logger.Error("keeping the old list of backends", "service", svc.name, "error", err)
	}
}

// sample runs until Shutdown: it samples the requests in flight and closes connections that were not needed for long.
func (s *Server) sample() {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	lastReap := time.Now()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			s.setDate(now)
			s.mu.Lock()
			for _, svc := range s.services {
				svc.window.sample(&svc.traffic)
				svc.release()
				s.tellWaiting(svc, now)
				if svc.stale {
					s.rebuild(svc)
				}
				s.ejectOutliers(svc, now)
				s.warm(svc, now)
				svc.guards.adapt(svc.view.Load().settings.Overload.Adaptive, svc.traffic.inFlight.Load())
			}
			for _, b := range s.backends {
				b.window.sample(&b.traffic)
			}
			reap := now.Sub(lastReap) >= time.Second
			if reap {
				lastReap = now
				for _, svc := range s.services {
					svc.guards.tick(now, &svc.traffic, svc.view.Load().settings.Hedging)
				}
				for _, b := range s.backends {
					b.connections.reap(now.Add(-idleInPool))
				}
				s.endSessions(now)
			}
			s.mu.Unlock()
			if reap {
				s.owners.reap(now.Add(-idleInPool))
				s.endIdle(now)
				s.giveBack(now)
			}
		}
	}
}

// Shutdown stops listening, answers the requests in progress with Connection: close, closes idle connections, and waits for the rest
// until ctx ends; then it closes them all and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	s.mu.Lock()
	for address, l := range s.listeners {
		s.retire(address, l)
	}
	open := s.retired
	s.mu.Unlock()
	s.closed.Do(func() { close(s.stop) })
	done := make(chan struct{})
	go func() {
		s.tasks.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		s.abortAll(open)
		<-done
	}
	s.ended.Do(func() {
		s.lot.Close()
		s.splicer.Close()
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.backends {
		b.setActive(false)
	}
	return err
}
