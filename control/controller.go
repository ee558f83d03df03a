// Package control is the loop: it observes each service, has scaling.Decide say how many replicas it needs and
// orchestration.Plan what to do about it now, does that through the platform, and records every step before and after.
// It is the only writer of operations, and of the list of backends that the balancers get.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/link"
	"headroom.dev/headroom/monitoring/signal"
)

// Options is what a Controller is made from.
type Options struct {
	Store    headroom.Store
	Platform headroom.Platform
	Logger   *slog.Logger
	// MachineMemory is divided by maxReplicas where a service sets no memory limit.
	MachineMemory headroom.Bytes
	// Stop is called when a person orders everything to stop; it must not block.
	Stop func()
	// Now is time.Now where nil.
	Now func() time.Time
}

// Controller runs the loop of all services. Its methods are safe for concurrent use.
type Controller struct {
	store    headroom.Store
	platform headroom.Platform
	log      *slog.Logger
	memory   headroom.Bytes
	stop     func()
	now      func() time.Time
	random   func() float64

	// Endpoints is the list of backends that the balancers should have; Entries is every journal entry as it is
	// committed; Reports is what the monitor records of the scaler.
	Endpoints link.Feed[headroom.Endpoints]
	Entries   link.Feed[headroom.Entry]
	Reports   link.Feed[Report]

	signals *signal.Signals // has a lock of its own
	readers readers         // as well
	turns   turns           // as well

	seconds   chan struct{} // a second has been measured: decide
	publishes chan struct{} // backends of some service may have changed
	// signalsMu guards the newest measurement.
	signalsMu   sync.Mutex
	measurement headroom.Measurement
	places      map[string]int // of each service in measurement.Services
	heardAt     time.Time      // when measurement came; zero is never
	lateness    headroom.Histogram
	ejected     map[string]bool // backends that are ejected as outliers, as last reported

	mu       sync.Mutex      // guards all below
	written  headroom.Config // as the file says
	config   headroom.Config // with what the API changed of splits and routes
	services map[string]*service
	sorted   []*service                 // services by name; nil is to be made
	policies map[string]headroom.Policy // made through the API, by ID
	backends map[string]backendRecord   // made or changed through the API, by ID
	resolved map[string]resolution      // by service and name
	version  uint64                     // of the published endpoints
	lastSent []headroom.Backend         // what was published with version
	changed  headroom.Overrides         // splits and routes changed through the API; shared, a change makes new maps
	laid     headroom.Overrides         // those that were published with version
	owing    bool                       // a list of all could not be published
	began    time.Time                  // when Run was called; zero is not yet
}

// entriesBuffer lets a slow reader of the API lag this many journal entries behind; it then resumes from the store.
const entriesBuffer = 1024

// New reads what is remembered from the store. Apply gives it its services, Run starts it.
func New(options Options) (*Controller, error) {
	c := &Controller{
		store: options.Store, platform: options.Platform, log: options.Logger, memory: options.MachineMemory,
		stop: options.Stop, now: options.Now, random: rand.Float64,
		signals: signal.New(), seconds: make(chan struct{}, 1), publishes: make(chan struct{}, 1),
		services: map[string]*service{}, policies: map[string]headroom.Policy{}, backends: map[string]backendRecord{},
		resolved: map[string]resolution{},
	}
	c.Entries.Buffer = entriesBuffer
	c.Reports.Fleeting = true // each is of one second, and recorded once
	if c.now == nil {
		c.now = time.Now
	}
	if err := errors.Join(c.loadPolicies(), c.loadBackends(), c.loadEndpoints(), c.loadOverrides(), c.loadResolved()); err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	return c, nil
}

// Apply makes a configuration the one in force: new services start, changed ones go on with the new settings, and the
// replicas of removed ones are drained and stopped. On an error nothing has changed.
func (c *Controller) Apply(config headroom.Config) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh, err := c.freshServices(config)
	if err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	old := c.written
	maps.Copy(c.services, fresh)
	c.sorted = nil
	c.enforce(config)
	if err := c.publishEndpoints(); err != nil {
		for name := range fresh {
			delete(c.services, name)
		}
		c.sorted = nil
		c.enforce(old)
		return fmt.Errorf("record the list of backends: %w", err)
	}
	for _, s := range c.services {
		s.wake()
	}
	c.announceOverrides(old)
	c.forgetResolved()
	return nil
}

// enforce gives every service its settings; those that are no longer configured are brought to no replicas.
func (c *Controller) enforce(config headroom.Config) {
	c.written = config
	c.layOver()
	for name, s := range c.services {
		if settings := config.Services[name]; settings.Run != nil {
			s.configure(settings, c.policiesOf(name, settings))
		} else {
			s.retire()
		}
	}
}

// freshServices makes the services that have no loop yet: those of the configuration, and those of which something was
// left by an earlier one.
func (c *Controller) freshServices(config headroom.Config) (map[string]*service, error) {
	names, err := c.rememberedServices()
	if err != nil {
		return nil, err
	}
	for name, settings := range config.Services {
		if settings.Run != nil {
			names = append(names, name)
		}
	}
	fresh := map[string]*service{}
	for _, name := range names {
		if c.services[name] != nil || fresh[name] != nil {
			continue
		}
		if fresh[name], err = c.newService(name); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// Run works until the context ends. Replicas keep running after that.
func (c *Controller) Run(ctx context.Context) error {
	c.mu.Lock()
	c.began = c.now()
	c.turns.begin(ctx, c.services)
	c.mu.Unlock()

	var workers sync.WaitGroup
	workers.Go(func() { c.decideEachSecond(ctx) })
	workers.Go(func() { c.publishChanges(ctx) })
	workers.Go(func() { c.watchPlatform(ctx) })
	workers.Go(func() { c.measureReplicas(ctx) })
	workers.Go(func() { c.prune(ctx) })
	<-ctx.Done()
	workers.Wait()
	c.turns.end()
	c.publishTouched()
	c.writeGathered()
	return nil
}

// watchPlatform plans again as soon as the platform says that something changed.
func (c *Controller) watchPlatform(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case name, open := <-c.platform.Changes():
			if !open {
				return
			}
			c.mu.Lock()
			s := c.services[name]
			c.mu.Unlock()
			if s != nil {
				s.wake()
			}
		}
	}
}

// Measured takes what a balancer saw in the last second; every service decides on it at once.
func (c *Controller) Measured(measurement headroom.Measurement) {
	now := c.now()
	c.signals.AddMeasurement(measurement)
	c.hear(measurement, now)
	signalOnce(c.seconds)
	c.noticeEjections(measurement)
}

func signalOnce(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is waiting already, and will see all there is
	}
}

// allServices lists the services in the order of their names. The list is shared: it is replaced, never changed.
func (c *Controller) allServices() []*service {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sorted == nil {
		c.sorted = slices.SortedFunc(maps.Values(c.services), func(a, b *service) int { return strings.Compare(a.name, b.name) })
	}
	return c.sorted
}

// pruneEvery is how often old journal entries are removed; retention is in days, so an hour more does not matter.
const pruneEvery = time.Hour

func (c *Controller) prune(ctx context.Context) {
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		c.mu.Lock()
		retention := time.Duration(c.config.State.Retention)
		c.mu.Unlock()
		if retention > 0 {
			if _, err := c.store.Prune("", c.now().Add(-retention)); err != nil {
				c.log.Warn("cannot remove old journal entries", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Settled waits until every service has been looked at once, or the context ends.
func (c *Controller) Settled(ctx context.Context) {
	for _, s := range c.allServices() {
		select {
		case <-s.looked:
		case <-ctx.Done():
			return
		}
	}
}
