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
	backends := c.allBackends()
	if sent && slices.Equal(backends, c.lastSent) {
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
