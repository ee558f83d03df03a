// Package signal turns what the balancer and the platform report each second into the numbers the
// scaler decides on. It holds the last minutes in memory and reads them over two windows: the last
// complete second, which shows a surge at once, and the stable window, which averages noise out.
//
// What is not known is said to be unknown, with the reason in words; it is never a zero. The package
// has no clock: time comes in with every call.
package signal

import (
	"sync"
	"time"

	"headroom.dev/headroom"
)

const (
	// keep is how much is remembered: the longest stable window is 5 min, plus one minute for
	// samples that straddle its edge.
	keep = 6 * time.Minute
	// straddle is kept beyond the window that is asked for: the sample at its far edge, and some that come late.
	straddle = 10 * time.Second
	// fastAge is how old the newest sample may be for the fast window. Reports come every second;
	// with 3 s, two in a row may be lost. The balancer's status counts as lost at the same age.
	fastAge = 3 * time.Second
	// stableAge is the same for the stable window: a third of the default 15 s window, so that most
	// of what is averaged is still of now.
	stableAge = 5 * time.Second
	// sweepEvery is how often it is looked for what is silent: to look at all each second costs as much as what they report.
	sweepEvery = 10 * time.Second
	// clockStep is how far back a report's time may jump before it is taken as a step of the clock.
	// Smaller jumps are late duplicates and are dropped.
	clockStep = 5 * time.Second
)

// Signals holds the recent reports of all services. It is safe for concurrent use.
type Signals struct {
	mu      sync.Mutex // guards all up to own
	traffic map[string]*trafficHistory
	usage   map[string]map[string]*usageHistory // by service and replica
	windows map[string]time.Duration            // by service: the longest that was asked for

	sweptTraffic, sweptUsage time.Time // when what was silent was forgotten

	own ownSignals // has a lock of its own
}

// New returns an empty Signals: every reading is unknown until reports come.
func New() *Signals {
	return &Signals{traffic: map[string]*trafficHistory{}, usage: map[string]map[string]*usageHistory{}, windows: map[string]time.Duration{}}
}

// AddMeasurement takes what the balancer saw in one second. Reports must come in order of time;
// an older one is dropped, unless it is so much older that the clock must have been set back.
func (s *Signals) AddMeasurement(m headroom.Measurement) {
	if m.Window <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range m.Services {
		service := &m.Services[i]
		history := s.traffic[service.Service]
		if history == nil {
			history = &trafficHistory{}
			s.traffic[service.Service] = history
		}
		history.add(m.At, time.Duration(m.Window), s.keep(service.Service), service)
	}
	if m.At.Sub(s.sweptTraffic).Abs() < sweepEvery {
		return
	}
	s.sweptTraffic = m.At
	for name, history := range s.traffic {
		if history.newest().Before(m.At.Add(-keep)) {
			delete(s.traffic, name)
			delete(s.windows, name)
		}
	}
}

// AddUsage takes what replicas consumed, as their platform read it. Replicas may be missing, and
// may be of several services.
func (s *Signals) AddUsage(usage []headroom.ReplicaUsage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var newest time.Time
	for i := range usage {
		u := &usage[i]
		replicas := s.usage[u.Service]
		if replicas == nil {
			replicas = map[string]*usageHistory{}
			s.usage[u.Service] = replicas
		}
		history := replicas[u.Replica]
		if history == nil {
			history = &usageHistory{}
			replicas[u.Replica] = history
		}
		history.add(u, s.keep(u.Service))
		if u.At.After(newest) {
			newest = u.At
		}
	}
	if newest.Sub(s.sweptUsage).Abs() >= sweepEvery {
		s.sweptUsage = newest
		s.forgetUsage(newest.Add(-keep))
	}
}

// forgetUsage drops replicas of which nothing was heard since a time. The caller holds mu.
func (s *Signals) forgetUsage(before time.Time) {
	for service, replicas := range s.usage {
		for name, history := range replicas {
			if history.newest().Before(before) {
				delete(replicas, name)
			}
		}
		if len(replicas) == 0 {
			delete(s.usage, service)
		}
	}
}

// Read gives every metric of a service as known at now. policy says the stable window and the
// latency quantile; ready names the replicas that get traffic (a replica's name is its backend ID).
// Every metric and every signal of the policy is in the result, unknown ones too.
func (s *Signals) Read(service string, now time.Time, policy headroom.Scaling, ready []string) map[headroom.Metric]headroom.Signal {
	return s.ReadInto(&Room{}, service, now, &policy, ready)
}

// Room is the memory of one reading, for one after the other. The zero value is ready.
type Room struct {
	signals map[headroom.Metric]headroom.Signal
	numbers numbers
	usage   []*usageHistory // of the ready replicas
}

// ReadInto is Read into memory that was read into before: what was read then must not be used any more.
func (s *Signals) ReadInto(room *Room, service string, now time.Time, policy *headroom.Scaling, ready []string) map[headroom.Metric]headroom.Signal {
	s.mu.Lock()
	defer s.mu.Unlock()
	window := time.Duration(policy.StableWindow)
	if window <= 0 {
		window = 15 * time.Second // the default of Scaling.StableWindow
	}
	quantile := policy.LatencyQuantile
	if quantile <= 0 || quantile > 1 {
		quantile = 0.95 // the default of Scaling.LatencyQuantile
	}
	s.look(service, window)
	if room.signals == nil {
		room.signals = make(map[headroom.Metric]headroom.Signal, len(headroom.Metrics())+len(policy.Signals))
		room.numbers.all = make([]float64, 0, readNumbers)
	}
	clear(room.signals)
	room.numbers.all = room.numbers.all[:0]
	out, n := room.signals, &room.numbers

	traffic := s.traffic[service]
	fast, stable := traffic.fast(now), traffic.stable(now, window)
	fast.ready, fast.measured, fast.numbers = len(ready), traffic.measured(ready), n
	stable.ready, stable.measured, stable.numbers = fast.ready, fast.measured, n
	read := func(metric headroom.Metric, fast, stable headroom.Reading) {
		out[metric] = headroom.Signal{Metric: metric, Fast: fast, Stable: stable}
	}
	read(headroom.MetricRequestsPerSecond, fast.requestRate(), stable.requestRate())
	read(headroom.MetricInFlight, fast.inFlight(), stable.inFlight())
	read(headroom.MetricBytesPerSecond, fast.byteRate(), stable.byteRate())
	read(headroom.MetricErrors, fast.errorShare(), stable.errorShare())
	read(headroom.MetricLatency, fast.latency(quantile), stable.latency(quantile))

	known, usage := s.usage[service], room.usage[:0]
	for _, name := range ready {
		usage = append(usage, known[name])
	}
	room.usage = usage
	second := span{now: now, fast: true, length: longestDelta, oldest: fastAge}
	average := span{now: now, length: window, oldest: stableAge}
	cpu, memory := (*usageHistory).cpu, (*usageHistory).memory
	read(headroom.MetricCPU, readUsage(usage, ready, cpu, second, n), readUsage(usage, ready, cpu, average, n))
	read(headroom.MetricMemory, readUsage(usage, ready, memory, second, n), readUsage(usage, ready, memory, average, n))
	s.own.read(service, now, policy, window, len(ready), out)
	return out
}

// readNumbers is how many numbers the readings of one Read hold at most: total and share of the five that have both, and
// the one of latency and errors, over two windows.
const readNumbers = 2 * (5*2 + 2)

// look remembers over how long a service is averaged, so that no more than that is kept of it. The caller holds mu.
func (s *Signals) look(service string, window time.Duration) {
	if window > s.windows[service] {
		s.windows[service] = window
	}
}

// keep is how long what is known of a service is kept: all that may be asked for until it is known what is asked for. The
// caller holds mu.
func (s *Signals) keep(service string) time.Duration {
	if window, asked := s.windows[service]; asked {
		return min(window+straddle, keep)
	}
	return keep
}
