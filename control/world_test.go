package control_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/control"
	"headroom.dev/headroom/platform/fake"
)

// world is one machine: its state and its replicas outlive the headroom that runs on it. It lives in the fake time of
// testing/synctest.
type world struct {
	t        *testing.T
	store    *memory
	platform *fake.Platform
	balancer *balancer
	config   headroom.Config

	control   *control.Controller // of the headroom that runs now
	death     *death
	cancel    context.CancelFunc
	tasks     sync.WaitGroup
	stopped   atomic.Int64 // how often a person ordered everything to stop
	throttled atomic.Bool
	lies      atomic.Int32    // how many of the next readings of the platform say that there is nothing
	witness   func(order any) // sees each headroom.Growth and headroom.Removal before the platform does; nil for nobody
}

var named = headroom.Capabilities{NamesReplicas: true, NamesVictims: true}

// inWorld runs a test in a world whose replicas start in 300 ms and stop in 200 ms.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.kill()
		test(t, w)
	})
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: newMemory(), platform: fake.New(named, time.Now), balancer: &balancer{}, config: shopConfig()}
	w.platform.SetFaults(fake.Faults{StartDelay: 300 * time.Millisecond, StopDelay: 200 * time.Millisecond})
	return w
}

// shopConfig is one service, 2 to 10 replicas, of which each is meant for 10 requests at once.
func shopConfig() headroom.Config {
	return headroom.Config{Services: map[string]headroom.Service{"shop": shop()}}
}

func shop() headroom.Service {
	return headroom.Service{
		Run: &headroom.Run{Command: headroom.Command{"shop"}, StartTimeout: headroom.Duration(20 * time.Second), StopGracePeriod: headroom.Duration(5 * time.Second)},
		Scaling: headroom.Scaling{Enabled: true, MinReplicas: 2, MaxReplicas: 10, TargetInFlight: 10, Tolerance: 0.1,
			StableWindow: headroom.Duration(5 * time.Second), PanicThreshold: 1.5, ScaleDownCooldown: headroom.Duration(10 * time.Second)},
		LoadBalancing: headroom.LoadBalancing{Listen: "127.0.0.1:8080", DrainTimeout: headroom.Duration(8 * time.Second)},
	}
}

// start begins a life of headroom.
func (w *world) start() {
	w.t.Helper()
	if err := w.tryStart(); err != nil {
		w.t.Fatalf("start: %v", err)
	}
}

func (w *world) tryStart() error {
	w.death = &death{}
	platform := w.platform
	if w.control != nil {
		platform = w.platform.Reopen()
	}
	c, err := control.New(control.Options{
		Store: mortalStore{w.store, w.death}, Platform: mortalPlatform{platform, w.death, w}, Logger: slog.New(slog.DiscardHandler),
		MachineMemory: 8 << 30, Stop: func() { w.stopped.Add(1) },
	})
	if err != nil {
		return err
	}
	w.control = c
	if err := c.Apply(w.config); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.tasks.Go(func() { _ = c.Run(ctx) })
	told, unsubscribe := c.Endpoints.Subscribe()
	w.tasks.Go(func() {
		defer unsubscribe()
		for {
			select {
			case <-ctx.Done():
				return
			case endpoints := <-told:
				if !w.death.dead() {
					w.balancer.tell(endpoints)
				}
			}
		}
	})
	// The platform of a test only acts when its clock is looked at.
	w.tasks.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond)
			w.platform.Tick()
		}
	})
	w.tasks.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
			if measurement, here := w.balancer.measure(); here && ctx.Err() == nil {
				c.Measured(measurement)
			}
		}
	})
	return nil
}

// kill ends this life of headroom: from here on it stores nothing and reaches nobody.
func (w *world) kill() {
	if w.cancel == nil {
		return
	}
	w.death.die()
	w.cancel()
	w.tasks.Wait()
	w.cancel = nil
}

// end is a clean end: replicas stay.
func (w *world) end() {
	w.cancel()
	w.tasks.Wait()
	w.cancel = nil
}

func (w *world) saw(order any) {
	if w.witness != nil {
		w.witness(order)
	}
}

func (w *world) throttleOrders(throttled bool) { w.throttled.Store(throttled) }

func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// names lists the replicas that live, in the order of their numbers.
func (w *world) names() []string {
	var names []string
	for _, replica := range w.platform.Truth("shop") {
		if replica.State == headroom.ReplicaStarting || replica.State == headroom.ReplicaReady {
			names = append(names, replica.Name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return names
}

func (w *world) expectNames(want ...string) {
	w.t.Helper()
	if got := w.names(); !slices.Equal(got, want) {
		w.t.Fatalf("the replicas are %v, want %v", got, want)
	}
}

func (w *world) status() headroom.ServiceStatus {
	w.t.Helper()
	all, err := w.control.Status("shop")
	if err != nil {
		w.t.Fatal(err)
	}
	return all[0]
}

// balancer is what the loop knows of a balancer: it applies what it is told at once, and reports each second. Its
// traffic is spread evenly over the active backends; a draining one still has a request for a while.
type balancer struct {
	mu    sync.Mutex // guards all below
	table headroom.Endpoints
	told  []headroom.Endpoints
	load  float64 // requests being served at once
	slow  time.Duration
	since map[string]time.Time // draining
	sick  map[string]bool      // fail their health checks
	away  bool
}

// fail has a backend fail its health checks from now on.
func (b *balancer) fail(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sick == nil {
		b.sick = map[string]bool{}
	}
	b.sick[id] = true
}

func (b *balancer) set(load float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.load = load
}

func (b *balancer) silence(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func (b *balancer) tell(endpoints headroom.Endpoints) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.table = endpoints
	b.told = append(b.told, endpoints)
	since := map[string]time.Time{}
	for _, backend := range endpoints.Backends {
		if backend.State != headroom.BackendDraining {
			continue
		}
		since[backend.ID] = time.Now()
		if at, before := b.since[backend.ID]; before {
			since[backend.ID] = at
		}
	}
	b.since = since
}

// backends lists those of the newest table in a state.
func (b *balancer) backends(state headroom.BackendState) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return listed(b.table, state)
}

func listed(endpoints headroom.Endpoints, state headroom.BackendState) []string {
	ids := []string{}
	for _, backend := range endpoints.Backends {
		if backend.State == state {
			ids = append(ids, backend.ID)
		}
	}
	return ids
}

func (b *balancer) tables() []headroom.Endpoints {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.told)
}

func (b *balancer) measure() (headroom.Measurement, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	service := headroom.ServiceMeasurement{Service: "shop", Traffic: headroom.Traffic{Arrivals: uint64(b.load * 10), InFlight: int64(b.load), InFlightMean: b.load}}
	active := float64(len(listed(b.table, headroom.BackendActive)))
	for _, backend := range b.table.Backends {
		if backend.Service != "shop" {
			continue
		}
		m := headroom.BackendMeasurement{ID: backend.ID, Address: backend.Address, Health: headroom.HealthHealthy, Breaker: headroom.BreakerClosed}
		if b.sick[backend.ID] {
			m.Health, m.LastFailure = headroom.HealthUnhealthy, "12:00:00 no answer"
		}
		switch {
		case backend.State == headroom.BackendActive:
			m.Traffic = headroom.Traffic{Arrivals: uint64(b.load * 10 / active), InFlight: int64(b.load / active), InFlightMean: b.load / active}
		case now.Sub(b.since[backend.ID]) < b.slow:
			m.Traffic = headroom.Traffic{InFlight: 1, InFlightMean: 1}
		}
		service.Backends = append(service.Backends, m)
	}
	return headroom.Measurement{At: now, Window: headroom.Duration(time.Second), TableVersion: b.table.Version,
		Services: []headroom.ServiceMeasurement{service}}, !b.away
}

// death ends what one life of headroom can do to the world, in the middle of anything.
type death struct {
	mu    sync.Mutex // guards all below
	gone  bool
	steps int // of the store and of the platform so far
	at    int // the step before which it dies; 0 is never
	drain bool
}

// afterDrain has it die right after a drain has been recorded.
func (d *death) afterDrain() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drain = true
}

// stored sees what was just stored.
func (d *death) stored(writes []headroom.Write) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, write := range writes {
		if write.Put == nil {
			continue
		}
		if operation, is := write.Put.Value.(headroom.Operation); is && d.drain && operation.Kind == headroom.OperationDrain {
			d.gone = true
		}
	}
}

var errDead = errors.New("this process was killed")

func (d *death) die() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = true
}

func (d *death) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gone
}

// step counts one effect on the world, and refuses it to the dead.
func (d *death) step() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.steps++
	if d.at > 0 && d.steps >= d.at {
		d.gone = true
	}
	if d.gone {
		return errDead
	}
	return nil
}

type mortalStore struct {
	*memory
	death *death
}

func (s mortalStore) Commit(writes ...headroom.Write) ([]headroom.Entry, error) {
	if err := s.death.step(); err != nil {
		return nil, err
	}
	entries, err := s.memory.Commit(writes...)
	s.death.stored(writes)
	return entries, err
}

type mortalPlatform struct {
	*fake.Platform
	death *death
	world *world // refuses removals while it is throttled, but no reads
}

func (p mortalPlatform) Grow(ctx context.Context, order headroom.Growth) error {
	if err := p.death.step(); err != nil {
		return err
	}
	p.world.saw(order)
	return p.Platform.Grow(ctx, order)
}

func (p mortalPlatform) Shrink(ctx context.Context, order headroom.Removal) error {
	if err := p.death.step(); err != nil {
		return err
	}
	p.world.saw(order)
	if p.world.throttled.Load() {
		return headroom.ErrThrottled
	}
	return p.Platform.Shrink(ctx, order)
}

func (p mortalPlatform) Inventory(ctx context.Context, service string) (headroom.Inventory, error) {
	if p.death.dead() {
		return headroom.Inventory{}, errDead
	}
	if p.world.lies.Load() > 0 {
		p.world.lies.Add(-1)
		return headroom.Inventory{Service: service, At: time.Now(), Count: new(int), Complete: true}, nil
	}
	return p.Platform.Inventory(ctx, service)
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
