package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"headroom.dev/headroom"
)

const backendKind = "backend"

// backendRecord is a backend that was added through the API, or what the API changed of another one.
type backendRecord struct {
	Backend headroom.Backend       `json:"backend"`
	Weight  *int                   `json:"weight,omitempty"`
	State   *headroom.BackendState `json:"state,omitempty"`
}

func (r backendRecord) weightOf(backend headroom.Backend) int {
	if r.Weight == nil {
		return backend.Weight
	}
	return *r.Weight
}

// stateOf lets a person drain a backend that the loop has active, and never the other way round: a replica that is being
// drained by the loop will be stopped.
func (r backendRecord) stateOf(backend headroom.Backend) headroom.BackendState {
	if r.State == nil || backend.State == headroom.BackendDraining {
		return backend.State
	}
	return *r.State
}

func (c *Controller) loadBackends() error {
	return c.store.List(backendKind, func(name string, data json.RawMessage) error {
		var record backendRecord
		if err := json.Unmarshal(data, &record); err != nil {
			return fmt.Errorf("backend %s: %w", name, err)
		}
		c.backends[name] = record
		return nil
	})
}

// AddBackend adds an address to a service. Service, Address and Weight are given; a weight below 0 is refused.
func (c *Controller) AddBackend(_ context.Context, backend headroom.Backend, change headroom.Change) (headroom.Backend, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkService(backend.Service); err != nil {
		return headroom.Backend{}, err
	}
	static := headroom.StaticBackend{Address: backend.Address, Weight: backend.Weight, Placement: backend.Placement}
	if static.Named() {
		return headroom.Backend{}, &headroom.InvalidError{Field: "address", Value: static.Address, Expected: "is a name that is resolved: write it in the config file, or give host:port"}
	}
	if err := errors.Join(static.Validate("")...); err != nil {
		return headroom.Backend{}, err
	}
	backend.ID = headroom.StaticBackendID(backend.Service, backend.Address)
	backend.State, backend.Source = headroom.BackendActive, headroom.SourceAPI
	for _, other := range c.allBackends() {
		if other.ID == backend.ID || (other.Service == backend.Service && other.Address == backend.Address) {
			return headroom.Backend{}, &headroom.ConflictError{Reason: fmt.Sprintf(
				"%s has the backend %s already, as %s: change it with PUT /api/balancer/backends/%s",
				backend.Service, backend.Address, other.ID, other.ID)}
		}
	}
	if change.DryRun {
		return backend, nil
	}
	return backend, c.changeBackend(backendRecord{Backend: backend}, change, backend)
}

// UpdateBackend changes the weight of a backend, or drains it or takes it back.
func (c *Controller) UpdateBackend(_ context.Context, id string, update headroom.BackendUpdate, change headroom.Change) (headroom.Backend, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	backend, err := c.findBackend(id)
	if err != nil {
		return headroom.Backend{}, err
	}
	if err := change.Check("the backend "+id, headroom.VersionOf(backend)); err != nil {
		return headroom.Backend{}, err
	}
	if err := errors.Join(update.Validate()...); err != nil {
		return headroom.Backend{}, err
	}
	record, changed := c.backends[id]
	if !changed {
		record = backendRecord{Backend: backend}
	}
	if update.Weight != nil {
		record.Weight, backend.Weight = update.Weight, *update.Weight
	}
	if update.State != nil {
		record.State, backend.State = update.State, *update.State
	}
	if record.Backend.Source == headroom.SourceAPI {
		record = backendRecord{Backend: backend}
	}
	if change.DryRun {
		return backend, nil
	}
	return backend, c.changeBackend(record, change, backend)
}

// RemoveBackend takes away a backend that was added through the API. Requests that it is serving are finished.
func (c *Controller) RemoveBackend(_ context.Context, id string, change headroom.Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	backend, err := c.findBackend(id)
	if err != nil {
		return err
	}
	if err := change.Check("the backend "+id, headroom.VersionOf(backend)); err != nil {
		return err
	}
	switch backend.Source {
	case headroom.SourceReplica:
		return &headroom.ConflictError{Reason: fmt.Sprintf(
			"%s is a replica of %s: scale the service down, or drain this one with PUT {\"state\":\"draining\"}", id, backend.Service)}
	case headroom.SourceDNS:
		return &headroom.ConflictError{Reason: fmt.Sprintf(
			"%s is what a name of the config file stands for: change that in DNS, or drain it with PUT {\"state\":\"draining\"}", id)}
	case headroom.SourceConfig:
		return &headroom.ConflictError{Reason: fmt.Sprintf(
			"%s is written in the config file: remove it there, or drain it with PUT {\"state\":\"draining\"}", id)}
	}
	if change.DryRun {
		return nil
	}
	writes := append(c.event(headroom.Event{Type: "backend-removed", Level: headroom.LevelInfo, Service: backend.Service,
		Message: fmt.Sprintf("%s: the backend %s was removed through the API%s", backend.Service, backend.Address, change.Because())}),
		remove(backendKind, id))
	if err := c.commitChange(change, nil, writes...); err != nil {
		return err
	}
	delete(c.backends, id)
	return c.publishEndpoints()
}

func (c *Controller) changeBackend(record backendRecord, change headroom.Change, result headroom.Backend) error {
	writes := append(c.event(headroom.Event{Type: "backend-changed", Level: headroom.LevelInfo, Service: result.Service,
		Message: fmt.Sprintf("%s: the backend %s is now %s with weight %d, by an order through the API%s",
			result.Service, result.Address, result.State, result.Weight, change.Because())}),
		put(backendKind, result.ID, record))
	if err := c.commitChange(change, result, writes...); err != nil {
		return err
	}
	c.backends[result.ID] = record
	return c.publishEndpoints()
}

// forgetBackends forgets what the API changed of replicas that are gone: their names do not come back. The lock is held.
func (c *Controller) forgetBackends(s *service) error {
	var gone []string
	for id, record := range c.backends {
		if record.Backend.Source == headroom.SourceReplica && record.Backend.Service == s.name && s.lacks(id) {
			gone = append(gone, id)
		}
	}
	var writes []headroom.Write
	for _, id := range gone {
		writes = append(writes, remove(backendKind, id))
	}
	if err := c.commit(writes...); err != nil {
		return err
	}
	for _, id := range gone {
		delete(c.backends, id)
	}
	return nil
}

func (c *Controller) findBackend(id string) (headroom.Backend, error) {
	var known []string
	for _, backend := range c.allBackends() {
		if backend.ID == id {
			return backend, nil
		}
		known = append(known, backend.ID)
	}
	return headroom.Backend{}, &headroom.UnknownNameError{Kind: "backend", Name: id, Known: known}
}

// checkService refuses the name of a service that is not configured. The lock is held.
func (c *Controller) checkService(name string) error {
	if _, configured := c.config.Services[name]; configured {
		return nil
	}
	known := make([]string, 0, len(c.config.Services))
	for service := range c.config.Services {
		known = append(known, service)
	}
	slices.Sort(known)
	return &headroom.UnknownNameError{Kind: "service", Name: name, Known: known}
}
