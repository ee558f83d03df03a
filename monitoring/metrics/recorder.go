package metrics

import (
	"log/slog"
	"sync"
	"time"

	"headroom.dev/headroom"
)

// logInterval is how often a failing store is complained about: it fails every second when the disk
// is full.
const logInterval = time.Minute

// Recorder keeps the current values of all metrics, made cumulative from the reports of each
// second, shows them to scrapers, and appends them to a [Store] with each report. What a report no
// longer mentions, or no longer knows, ends at once in queries too. It is safe for concurrent use.
type Recorder struct {
	options  RecorderOptions
	families families

	mu       sync.Mutex // guards all below, and orders the appends
	services map[string]*serviceState
	balancer balancerState
	replicas map[string]usageState // by service
	scaled   scaledState
	late     lateState
	stored   map[string]map[string]Sample // by source of the report and series: what it last appended
	failures failures
}

// RecorderOptions configure a [Recorder].
type RecorderOptions struct {
	// Store takes the samples; nil keeps current values only.
	Store *Store
	// Version of the program, for headroom_build_info.
	Version string
	// Logger receives a failing store's errors, once a minute. Default: discard.
	Logger *slog.Logger
	// Now is the clock. Default [time.Now].
	Now func() time.Time
}

// Replicas is what the scaler says of one service. A nil count is not known.
type Replicas struct {
	Service         string
	Desired         int
	Ready, Starting *int
	Min, Max        int
	Unlimited       *int // what the load alone asks for; nil before the first decision
	Proposals       []Proposal
}

// Proposal is what one policy asks for; one that abstains has none.
type Proposal struct {
	Policy   string
	Shadow   bool
	Replicas int
}

// usageState is what the replicas of one service last consumed.
type usageState struct {
	seen  time.Time
	usage []headroom.ReplicaUsage
}

// scaledState is what the scaler last said.
type scaledState struct {
	seen     time.Time
	services []Replicas
}

// lateState is how late the scaler's decisions have been so far.
type lateState struct {
	seen     time.Time
	lateness durations
}

// failures counts what the store refused.
type failures struct {
	total    uint64
	unlogged uint64
	loggedAt time.Time
}

// NewRecorder returns a recorder without values.
func NewRecorder(options RecorderOptions) *Recorder {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Recorder{
		options:  options,
		families: newFamilies(),
		services: map[string]*serviceState{},
		replicas: map[string]usageState{},
		stored:   map[string]map[string]Sample{},
		late:     lateState{lateness: newDurations(edges(8))},
	}
}

// RecordMeasurement takes what the balancer saw in one second. Each must be given once: its counts
// are added up.
func (r *Recorder) RecordMeasurement(m headroom.Measurement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reported := make(map[string]bool, len(m.Services))
	for _, report := range m.Services {
		reported[report.Service] = true
		service := r.services[report.Service]
		if service == nil {
			service = newServiceState()
			r.services[report.Service] = service
		}
		service.add(m.At, report)
	}
	for name := range r.services {
		if !reported[name] {
			delete(r.services, name)
		}
	}
	r.balancer.add(m)
	r.append("traffic", m.At, func(e emitter) {
		r.eachOfBalancer(e, r.balancer)
		for name, service := range r.services {
			r.eachTraffic(e, name, service)
		}
	})
}

// RecordUsage takes what replicas consumed, read at about `at`. It must list all replicas of every
// service that it mentions.
func (r *Recorder) RecordUsage(at time.Time, usage []headroom.ReplicaUsage) {
	byService := map[string][]headroom.ReplicaUsage{}
	for _, u := range usage {
		byService[u.Service] = append(byService[u.Service], u)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for service, replicas := range byService {
		r.replicas[service] = usageState{seen: at, usage: replicas}
		r.append("usage of "+service, at, func(e emitter) { r.eachReplica(e, replicas) })
	}
	for service, state := range r.replicas {
		if at.Sub(state.seen) > Lookback {
			delete(r.replicas, service)
			delete(r.stored, "usage of "+service) // queries no longer find it either
		}
	}
}

// RecordReplicas takes the scaler's counts of all services that it scales.
func (r *Recorder) RecordReplicas(at time.Time, services []Replicas) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scaled = scaledState{seen: at, services: services}
	r.append("scaler", at, func(e emitter) { r.eachScaled(e, services) })
}

// RecordLateness takes how late the scaler's decisions were since the last call.
func (r *Recorder) RecordLateness(at time.Time, lateness headroom.Histogram) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late.seen = at
	r.late.lateness.add(lateness)
	r.append("lateness", at, r.eachLate)
}

// append stores what each emits, and ends what the same source appended before and does not emit
// any more. The caller holds mu.
func (r *Recorder) append(source string, at time.Time, each func(emitter)) {
	if r.options.Store == nil {
		return
	}
	samples := collect(each)
	now := make(map[string]Sample, len(samples))
	for _, sample := range samples {
		now[describe(sample)] = sample
	}
	var gone []Sample
	for key, sample := range r.stored[source] {
		if _, still := now[key]; !still {
			gone = append(gone, sample)
		}
	}
	r.stored[source] = now
	_, err := r.options.Store.Gone(at, gone)
	r.check(err)
	r.check(r.options.Store.Append(at, samples))
}

// check counts an error of the store and logs it, at most once a minute. Metrics are not precious:
// nobody upstream could do better than go on without them.
func (r *Recorder) check(err error) {
	if err == nil {
		return
	}
	r.failures.total++
	r.failures.unlogged++
	now := r.options.Now()
	if since := now.Sub(r.failures.loggedAt); since >= 0 && since < logInterval {
		return
	}
	r.options.Logger.Warn("some metrics were not stored; all else goes on",
		slog.Uint64("failures", r.failures.unlogged), slog.Any("error", err))
	r.failures.loggedAt, r.failures.unlogged = now, 0
}
