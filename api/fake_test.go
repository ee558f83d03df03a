package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/record"
)

// fakeControl is a scaler with one service, shop, that commits its changes to a store as the real one does.
type fakeControl struct {
	store headroom.Store
	// entered, where set, is sent to when a Scale has begun, which then waits for release.
	entered, release chan struct{}

	lock     sync.Mutex
	desired  int
	scaled   int // how many times Scale changed anything
	policies []headroom.Policy
	backends []headroom.Backend
	gathered []record.Record // before it is used
	stopped  bool
	split    *headroom.Split // nil for that of the example
	routes   []headroom.Route
	health   []headroom.ComponentHealth
	fail     error             // what every change answers with
	expected *headroom.Scaling // of the newest change of a policy
}

func newFakeControl(store headroom.Store) *fakeControl {
	return &fakeControl{
		store: store, desired: 2,
		policies: []headroom.Policy{{ID: "shop.memory", Service: "shop", Source: headroom.SourceConfig, ScalingPolicy: headroom.ScalingPolicy{
			Name: "memory", Metric: headroom.MetricMemory, Threshold: 80, Action: headroom.ActionScaleUp, Step: 1}}},
		backends: []headroom.Backend{{ID: "shop-1", Service: "shop", Address: "127.0.0.1:20001", Weight: 1,
			State: headroom.BackendActive, Source: headroom.SourceReplica}},
		health: []headroom.ComponentHealth{{Name: "balancer", Healthy: true, At: exampleTime()}},
	}
}

func known(service string) error {
	if service != "" && service != "shop" {
		return &headroom.UnknownNameError{Kind: "service", Name: service, Known: []string{"shop"}}
	}
	return nil
}

// commit makes a change durable together with what the API wants to be kept with it.
func (c *fakeControl) commit(change headroom.Change, result any, name string) error {
	if c.fail != nil {
		return c.fail
	}
	writes := []headroom.Write{{Put: &headroom.Object{Kind: "fake", Name: name, Value: result}}}
	also, err := change.Also(result)
	if err != nil {
		return err
	}
	_, err = c.store.Commit(append(writes, also...)...)
	return err
}

func (c *fakeControl) Status(service string) ([]headroom.ServiceStatus, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	status := exampleStatus()
	status.DesiredReplicas = c.desired
	return []headroom.ServiceStatus{status}, known(service)
}

func (c *fakeControl) Scale(_ context.Context, order headroom.ScaleOrder, change headroom.Change) (headroom.Decision, error) {
	if c.entered != nil {
		c.entered <- struct{}{}
		<-c.release
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if err := known(order.Service); err != nil {
		return headroom.Decision{}, err
	}
	if order.Replicas < 2 || order.Replicas > 10 {
		return headroom.Decision{}, &headroom.InvalidError{Field: "replicas", Value: fmt.Sprint(order.Replicas), Expected: "must be between 2 and 10"}
	}
	decision := exampleDecision()
	decision.From, decision.To, decision.Code, decision.Reason = c.desired, order.Replicas, headroom.CodeManual, order.Reason
	if change.DryRun {
		return decision, nil
	}
	if err := c.commit(change, decision, "decision"); err != nil {
		return headroom.Decision{}, err
	}
	c.desired = order.Replicas
	c.scaled++
	return decision, nil
}

func (c *fakeControl) Gathered(string) []record.Record { return c.gathered }

func (c *fakeControl) Policies(service string) ([]headroom.Policy, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	return slices.Clone(c.policies), known(service)
}

func (c *fakeControl) CreatePolicy(_ context.Context, policy headroom.Policy, change headroom.Change) (headroom.Policy, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if err := known(policy.Service); err != nil {
		return policy, err
	}
	policy.ID = policy.Service + "." + policy.Name
	if slices.ContainsFunc(c.policies, func(p headroom.Policy) bool { return p.ID == policy.ID }) {
		return policy, &headroom.ConflictError{Reason: "there is a policy " + policy.ID + " already: update it, or take another name"}
	}
	if change.DryRun {
		return policy, nil
	}
	if err := c.commit(change, policy, policy.ID); err != nil {
		return policy, err
	}
	c.policies = append(c.policies, policy)
	return policy, nil
}

func (c *fakeControl) UpdatePolicy(_ context.Context, id string, terms headroom.ScalingPolicy, change headroom.Change) (headroom.Policy, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for i, policy := range c.policies {
		if policy.ID != id {
			continue
		}
		c.expected = change.Expect
		policy.ScalingPolicy = terms
		if change.DryRun {
			return policy, nil
		}
		if err := c.commit(change, policy, id); err != nil {
			return policy, err
		}
		c.policies[i] = policy
		return policy, nil
	}
	return headroom.Policy{}, &headroom.UnknownNameError{Kind: "policy", Name: id, Known: []string{"shop.memory"}}
}

func (c *fakeControl) RemovePolicy(_ context.Context, id string, change headroom.Change) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	i := slices.IndexFunc(c.policies, func(p headroom.Policy) bool { return p.ID == id })
	if i < 0 {
		return &headroom.UnknownNameError{Kind: "policy", Name: id}
	}
	if change.DryRun {
		return nil
	}
	if err := c.commit(change, nil, id); err != nil {
		return err
	}
	c.policies = slices.Delete(c.policies, i, i+1)
	return nil
}

func (c *fakeControl) Balancer() headroom.BalancerStatus { return exampleBalancer() }

func (c *fakeControl) Backends(service string) ([]headroom.BackendStatus, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	var all []headroom.BackendStatus
	for _, backend := range c.backends {
		all = append(all, headroom.BackendStatus{Backend: backend, Health: headroom.HealthUnknown, Breaker: headroom.BreakerClosed})
	}
	return all, known(service)
}

func (c *fakeControl) AddBackend(_ context.Context, backend headroom.Backend, change headroom.Change) (headroom.Backend, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if err := known(backend.Service); err != nil {
		return backend, err
	}
	backend.ID = fmt.Sprintf("shop-api-%d", len(c.backends))
	if change.DryRun {
		return backend, nil
	}
	if err := c.commit(change, backend, backend.ID); err != nil {
		return backend, err
	}
	c.backends = append(c.backends, backend)
	return backend, nil
}

func (c *fakeControl) find(id string) (int, error) {
	i := slices.IndexFunc(c.backends, func(b headroom.Backend) bool { return b.ID == id })
	if i < 0 {
		return i, &headroom.UnknownNameError{Kind: "backend", Name: id}
	}
	return i, nil
}

func (c *fakeControl) UpdateBackend(_ context.Context, id string, update headroom.BackendUpdate, change headroom.Change) (headroom.Backend, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	i, err := c.find(id)
	if err != nil {
		return headroom.Backend{}, err
	}
	backend := c.backends[i]
	if err := change.Check(id, headroom.VersionOf(backend)); err != nil {
		return headroom.Backend{}, err
	}
	if update.Weight != nil {
		backend.Weight = *update.Weight
	}
	if update.State != nil {
		backend.State = *update.State
	}
	if change.DryRun {
		return backend, nil
	}
	if err := c.commit(change, backend, id); err != nil {
		return backend, err
	}
	c.backends[i] = backend
	return backend, nil
}

func (c *fakeControl) RemoveBackend(_ context.Context, id string, change headroom.Change) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	i, err := c.find(id)
	if err != nil {
		return err
	}
	if c.backends[i].Source == headroom.SourceReplica {
		return &headroom.ConflictError{Reason: id + " is a replica: scale the service down instead"}
	}
	if change.DryRun {
		return nil
	}
	if err := c.commit(change, nil, id); err != nil {
		return err
	}
	c.backends = slices.Delete(c.backends, i, i+1)
	return nil
}

func (c *fakeControl) Split(service string) (headroom.ServiceSplit, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	split := exampleSplit()
	if c.split != nil {
		split.Split = *c.split
	}
	split.Version = headroom.VersionOf(split.Split)
	return split, known(service)
}

func (c *fakeControl) SetSplit(_ context.Context, service string, update headroom.SplitUpdate, change headroom.Change) (headroom.ServiceSplit, error) {
	before, err := c.Split(service)
	if err != nil {
		return before, err
	}
	if err := change.Check("the split of "+service, before.Version); err != nil {
		return before, err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	after := before
	if update.Split != nil {
		after.Split = *update.Split
	} else if after.Split, err = before.Reweigh(update.Weights); err != nil {
		return before, err
	}
	after.Version = headroom.VersionOf(after.Split)
	if change.DryRun {
		return after, nil
	}
	c.split = &after.Split
	return after, c.commit(change, after, service)
}

func (c *fakeControl) ResetSplit(_ context.Context, service string, change headroom.Change) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.split == nil {
		return &headroom.ConflictError{Reason: "the split is as in the config"}
	}
	c.split = nil
	return c.commit(change, nil, service)
}

func (c *fakeControl) Routes(service string) (headroom.ServiceRoutes, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	routes := exampleRoutes()
	if c.routes != nil {
		routes.Routes = c.routes
	}
	return routes, known(service)
}

func (c *fakeControl) SetRoutes(_ context.Context, service string, list []headroom.Route, change headroom.Change) (headroom.ServiceRoutes, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.routes = list
	routes := exampleRoutes()
	routes.Routes = list
	return routes, c.commit(change, routes, service)
}

func (c *fakeControl) ResetRoutes(_ context.Context, service string, change headroom.Change) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.routes = nil
	return c.commit(change, nil, service)
}

func (c *fakeControl) Logs(_ context.Context, service, replica string, lines int) ([]string, error) {
	if err := known(service); err != nil {
		return nil, err
	}
	if replica != "shop-1" {
		return nil, &headroom.UnknownNameError{Kind: "replica", Name: replica, Known: []string{"shop-1"}}
	}
	output := []string{"one", "two", "three"}
	return output[max(len(output)-lines, 0):], nil
}

func (c *fakeControl) Stop(_ context.Context, change headroom.Change) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if change.DryRun {
		return nil
	}
	if err := c.commit(change, nil, "stop"); err != nil {
		return err
	}
	c.stopped = true
	return nil
}

func (c *fakeControl) Health() []headroom.ComponentHealth {
	c.lock.Lock()
	defer c.lock.Unlock()
	return slices.Clone(c.health)
}

// fakeMonitor answers fixed numbers, or ErrUnavailable.
type fakeMonitor struct {
	lock  sync.Mutex
	down  bool
	rules []headroom.AlertRule
	// pushed are the values that were taken.
	pushed []headroom.PushedValue
	refuse error // of Push
}

func (m *fakeMonitor) state() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.down {
		return fmt.Errorf("the monitor: %w", ErrUnavailable)
	}
	return nil
}

func (m *fakeMonitor) Query(_ context.Context, expr string, at time.Time) (headroom.QueryResult, error) {
	if expr == "(" {
		return headroom.QueryResult{}, &headroom.InvalidError{Field: "query", Value: expr, Expected: "unclosed parenthesis"}
	}
	return headroom.QueryResult{Type: "vector", Series: []headroom.Series{{
		Labels: map[string]string{"service": "shop"},
		Points: []headroom.Point{{At: at, Value: new(3.0)}, {At: at, Text: "NaN"}},
	}}}, m.state()
}

func (m *fakeMonitor) QueryRange(_ context.Context, _ string, from, to time.Time, step time.Duration) (headroom.QueryResult, error) {
	var points []headroom.Point
	for at := from; !at.After(to); at = at.Add(step) {
		points = append(points, headroom.Point{At: at, Value: new(1.0)})
	}
	return headroom.QueryResult{Type: "matrix", Series: []headroom.Series{{Labels: map[string]string{}, Points: points}}}, m.state()
}

func (m *fakeMonitor) Alerts(context.Context) ([]headroom.Alert, []headroom.AlertRule, error) {
	if err := m.state(); err != nil {
		return nil, nil, err
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	return []headroom.Alert{exampleAlert()}, slices.Clone(m.rules), nil
}

// AddAlertRule never calls Also, as a monitor that keeps its rules elsewhere.
func (m *fakeMonitor) AddAlertRule(_ context.Context, rule headroom.AlertRule, change headroom.Change) (headroom.AlertRule, error) {
	if err := m.state(); err != nil {
		return rule, err
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	if !change.DryRun {
		m.rules = append(m.rules, rule)
	}
	return rule, nil
}

func (m *fakeMonitor) Push(_ context.Context, values []headroom.PushedValue, change headroom.Change) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.refuse != nil {
		return m.refuse
	}
	if !change.DryRun {
		m.pushed = append(m.pushed, values...)
	}
	return nil
}

func (m *fakeMonitor) SLA(_ context.Context, service string) ([]headroom.SLAReport, error) {
	if err := known(service); err != nil {
		return nil, err
	}
	return []headroom.SLAReport{exampleSLA()}, m.state()
}

func (m *fakeMonitor) WriteMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = w.Write([]byte("headroom_up 1\n"))
}

// fakeFeed publishes entries; it drops what does not fit into a channel of one.
type fakeFeed struct {
	lock        sync.Mutex
	subscribers map[chan headroom.Entry]bool
}

func (f *fakeFeed) Subscribe() (<-chan headroom.Entry, func()) {
	f.lock.Lock()
	defer f.lock.Unlock()
	entries := make(chan headroom.Entry, 1)
	if f.subscribers == nil {
		f.subscribers = map[chan headroom.Entry]bool{}
	}
	f.subscribers[entries] = true
	return entries, func() {
		f.lock.Lock()
		defer f.lock.Unlock()
		delete(f.subscribers, entries)
	}
}

func (f *fakeFeed) publish(entries []headroom.Entry) {
	f.lock.Lock()
	defer f.lock.Unlock()
	for subscriber := range f.subscribers {
		for _, entry := range entries {
			select {
			case subscriber <- entry:
			default:
			}
		}
	}
}

func (f *fakeFeed) count() int {
	f.lock.Lock()
	defer f.lock.Unlock()
	return len(f.subscribers)
}
