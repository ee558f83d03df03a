package control

import (
	"errors"
	"maps"
	"reflect"
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
	c.version, c.lastSent, c.laid = stored.Version, stored.Backends, stored.Overrides
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
	if err := c.publish(c.allBackends()); err != nil {
		c.owing = true
		return err
	}
	c.owing = false
	for _, s := range c.services {
		s.told(nil)
	}
	return nil
}

// publishTouched sends the balancers what changed of the services that have had a turn since the last time: of all of them together,
// since each list is of all backends. It remembers which version first had each draining replica. What fails is tried again with the
// next measured second.
func (c *Controller) publishTouched() {
	c.mu.Lock()
	defer c.mu.Unlock()
	touched := c.turns.takeTouched()
	if err := c.publishServices(touched); err != nil {
		for _, s := range touched {
			c.turns.touch(s)
		}
		c.log.Error("cannot record the list of backends, so the balancers keep the old one", "error", err)
		return
	}
	for _, s := range touched {
		s.noteDrains()
	}
}

// publishServices publishes a list in which only the backends of some services can have changed. The lock is held.
func (c *Controller) publishServices(touched []*service) error {
	for _, s := range touched {
		if err := c.forgetBackends(s); err != nil {
			return err
		}
	}
	if _, sent := c.Endpoints.Last(); !sent || c.owing {
		return c.publishEndpoints()
	}
	changed, backends := map[string][]headroom.Backend{}, make([][]headroom.Backend, len(touched))
	for i, s := range touched {
		backends[i] = c.backendsOf(s.name, c.madeFor(s.name))
		if !slices.Equal(backends[i], c.sentOf(s.name)) {
			changed[s.name] = backends[i]
		}
	}
	if len(changed) > 0 {
		if err := c.publish(c.withChanged(changed)); err != nil {
			return err
		}
	}
	for i, s := range touched {
		s.told(backends[i])
	}
	return nil
}

// withChanged is the list that was sent last, with other backends of some services. The lock is held.
func (c *Controller) withChanged(changed map[string][]headroom.Backend) []headroom.Backend {
	all, rest := make([]headroom.Backend, 0, len(c.lastSent)+2*len(changed)), c.lastSent
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		begin, end := placeIn(rest, name)
		all = append(append(all, rest[:begin]...), changed[name]...)
		rest = rest[end:]
	}
	return append(all, rest...)
}

// publish sends a list of all backends, if it is not the one that was sent last. The lock is held.
func (c *Controller) publish(backends []headroom.Backend) error {
	same := slices.Equal(backends, c.lastSent) && reflect.DeepEqual(c.changed, c.laid)
	if _, sent := c.Endpoints.Last(); sent && same {
		return nil
	}
	if !same || c.version == 0 {
		// Versions count milliseconds, so that they go on even where the state, and the last version with it, was lost.
		next := headroom.Endpoints{Version: max(c.version+1, uint64(c.now().UnixMilli())), Backends: backends, Overrides: c.changed}
		if err := c.commit(put(endpointsKind, endpointsName, next)); err != nil {
			return err
		}
		c.version, c.lastSent, c.laid = next.Version, backends, c.changed
	}
	c.Endpoints.Publish(headroom.Endpoints{Version: c.version, Backends: backends, Overrides: c.changed})
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
	begin, end := placeIn(c.lastSent, name)
	return c.lastSent[begin:end]
}

// placeIn is where the backends of one service stand, or would, in a list that is sorted by service.
func placeIn(list []headroom.Backend, name string) (begin, end int) {
	begin, _ = slices.BinarySearchFunc(list, name, func(b headroom.Backend, name string) int { return strings.Compare(b.Service, name) })
	for end = begin; end < len(list) && list[end].Service == name; {
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
		if !static.Named() {
			all = append(all, static.Backend(name))
		}
	}
	for _, static := range settings.Backends {
		for _, backend := range static.Resolve(name, c.resolved[resolvedName(name, static.Address)].All) {
			// What is written as an address, or stands in the answer of a name before, is there already.
			if !slices.ContainsFunc(all, func(other headroom.Backend) bool { return other.ID == backend.ID }) {
				all = append(all, backend)
			}
		}
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
