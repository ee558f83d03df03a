package control

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"headroom.dev/headroom"
)

const (
	endpointsKind = "endpoints"
	endpointsName = "current"
)

func (c *Controller) loadEndpoints() error {
	var stored headroom.Endpoints
	err := c.store.Get(endpointsKind, endpointsName, &stored)
	if errors.Is(err, headroom.ErrNotFound) {
		return nil
	}
	c.version, c.lastSent = stored.Version, stored.Backends
	return err
}

// firstWord is how long the first list of this life waits for replicas that cannot be read: longer than a platform that
// is well takes, and short for a change of the other services.
const firstWord = 3 * time.Second

// publishEndpoints sends the balancers the list of backends if it changed. The version is stored before it is sent, so
// that it never goes back, whatever crashes. The first list waits until all replicas have been read: the balancers have
// that of the last life, and a scaler that has lost its state must not take everybody out of traffic. The lock is held.
func (c *Controller) publishEndpoints() error {
	_, sent := c.Endpoints.Last()
	if !sent && !c.allRead() && (c.began.IsZero() || c.now().Sub(c.began) < firstWord) {
		return nil
	}
	return c.publish(c.allBackends())
}

// publishService is the same where only the backends of one service can have changed: a list of all, made by each of many services at each turn, would be
// quadratic. The lock is held.
func (c *Controller) publishService(name string) error {
	if _, sent := c.Endpoints.Last(); !sent {
		return c.publishEndpoints()
	}
	begin, end := c.placeOf(name)
	backends := c.backendsOf(name, c.madeFor(name))
	if slices.Equal(backends, c.lastSent[begin:end]) {
		return nil
	}
	return c.publish(slices.Concat(c.lastSent[:begin], backends, c.lastSent[end:]))
}

// publish sends a list of all backends, if it is not the one that was sent last. The lock is held.
func (c *Controller) publish(backends []headroom.Backend) error {
	if _, sent := c.Endpoints.Last(); sent && slices.Equal(backends, c.lastSent) {
		return nil
	}
	if !slices.Equal(backends, c.lastSent) || c.version == 0 {
		// Versions count milliseconds, so that they go on even where the state, and the last version with it, was lost.
		next := headroom.Endpoints{Version: max(c.version+1, uint64(c.now().UnixMilli())), Backends: backends}
		if err := c.commit(put(endpointsKind, endpointsName, next)); err != nil {
			return err
		}
		c.version, c.lastSent = next.Version, backends
	}
	c.Endpoints.Publish(headroom.Endpoints{Version: c.version, Backends: backends})
	return nil
}

func (c *Controller) allRead() bool {
	for _, s := range c.services {
		if !s.read() {
			return false
		}
	}
	return true
}

// allBackends lists the backends of all services, by service and ID: replicas, those of the config file, those added
// through the API. The lock is held.
func (c *Controller) allBackends() []headroom.Backend {
	names := map[string]bool{}
	for name := range c.services {
		names[name] = true
	}
	for name := range c.config.Services {
		names[name] = true
	}
	added := map[string][]headroom.Backend{}
	for _, record := range c.backends {
		added[record.Backend.Service] = append(added[record.Backend.Service], record.Backend)
	}
	var all []headroom.Backend
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, c.backendsOf(name, added[name])...)
	}
	return all
}

// madeFor lists the records of one service that were made through the API. The lock is held.
func (c *Controller) madeFor(name string) []headroom.Backend {
	var made []headroom.Backend
	for _, record := range c.backends {
		if record.Backend.Service == name {
			made = append(made, record.Backend)
		}
	}
	return made
}

// sentOf lists the backends of one service that were sent last. The lock is held.
func (c *Controller) sentOf(name string) []headroom.Backend {
	begin, end := c.placeOf(name)
	return c.lastSent[begin:end]
}

// placeOf is where the backends of one service stand in the list that was sent last, which is sorted by service. The lock is held.
func (c *Controller) placeOf(name string) (begin, end int) {
	begin, _ = slices.BinarySearchFunc(c.lastSent, name, func(b headroom.Backend, name string) int { return strings.Compare(b.Service, name) })
	for end = begin; end < len(c.lastSent) && c.lastSent[end].Service == name; {
		end++
	}
	return begin, end
}

// backendsOf lists the backends of one service by ID. Those of records are given, of any source. The lock is held.
func (c *Controller) backendsOf(name string, records []headroom.Backend) []headroom.Backend {
	var all []headroom.Backend
	if s := c.services[name]; s != nil {
		all = append(all, s.replicaBackends()...)
	}
	settings, configured := c.config.Services[name]
	for _, static := range settings.Backends {
		all = append(all, static.Backend(name))
	}
	for i, backend := range all {
		if record, changed := c.backends[backend.ID]; changed {
			all[i].Weight, all[i].State = record.weightOf(backend), record.stateOf(backend)
		}
	}
	for _, backend := range records {
		if !configured || backend.Source != headroom.SourceAPI {
			continue
		}
		// One that has since been written in the config file, too, is there already.
		if !slices.ContainsFunc(all, func(other headroom.Backend) bool { return other.ID == backend.ID }) {
			all = append(all, backend)
		}
	}
	slices.SortFunc(all, func(a, b headroom.Backend) int { return strings.Compare(a.ID, b.ID) })
	return all
}
