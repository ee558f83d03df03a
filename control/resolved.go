package control

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// resolvedKind is the kind of the last good answers of DNS, by service and name: they serve until there is another, over restarts too.
const resolvedKind = "resolved"

// resolution is what is known of a name.
type resolution struct {
	All []headroom.Resolved `json:"all"`
	At  time.Time           `json:"at"` // of the first such answer, where they are stored; of the newest good one in memory

	failing time.Time // since when there is no good answer; zero is well
	failure string
}

func resolvedName(service, address string) string { return service + " " + address }

func (c *Controller) loadResolved() error {
	return c.store.List(resolvedKind, func(name string, data json.RawMessage) error {
		var known resolution
		if err := json.Unmarshal(data, &known); err != nil {
			return fmt.Errorf("resolved addresses of %s: %w", name, err)
		}
		c.resolved[name] = known
		return nil
	})
}

// Resolved takes what DNS says a name of a service stands for. Where that is nothing, or it cannot be told, the last good answer stays in force.
func (c *Controller) Resolved(service string, backend headroom.StaticBackend, all []headroom.Resolved, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.written.Services[service].Backends, backend) {
		return // the question is older than the configuration
	}
	name := resolvedName(service, backend.Address)
	known, before := c.resolved[name]
	switch {
	case err != nil:
		c.cannotResolve(service, backend.Address, known, err.Error())
	case len(all) == 0 && !backend.DNS.AllowEmpty:
		c.cannotResolve(service, backend.Address, known, "the answer has no addresses")
	case before && slices.Equal(known.All, all):
		if !known.failing.IsZero() {
			c.Announce(headroom.Event{Type: "dns-answers", Level: headroom.LevelInfo, Service: service,
				Message: fmt.Sprintf("%s: %s is resolved again, to the same as before.", service, backend.Address)})
		}
		c.resolved[name] = resolution{All: all, At: c.now()}
	default:
		c.resolveTo(service, backend.Address, known.All, all)
	}
}

// resolveTo makes an answer the one in force. Addresses that are gone finish what they have. The lock is held.
func (c *Controller) resolveTo(service, address string, before, all []headroom.Resolved) {
	next := resolution{All: all, At: c.now()}
	writes := append(c.event(headroom.Event{Type: "dns-changed", Level: headroom.LevelInfo, Service: service,
		Message: fmt.Sprintf("%s: %s stands for %s now%s.", service, address, amount(len(all)), difference(before, all))}),
		put(resolvedKind, resolvedName(service, address), next))
	if err := c.commit(writes...); err != nil {
		c.log.Error("cannot record what a name stands for, so the old addresses stay", "service", service, "name", address, "error", err)
		return
	}
	c.resolved[resolvedName(service, address)] = next
	if err := c.publishEndpoints(); err != nil {
		c.log.Error("cannot record the list of backends, so the balancers keep the old one", "error", err)
	}
}

// cannotResolve notes that the last good answer stays in force. The lock is held.
func (c *Controller) cannotResolve(service, address string, known resolution, reason string) {
	known.failure = reason
	if known.failing.IsZero() {
		known.failing = c.now()
		c.Announce(headroom.Event{Type: "dns-failed", Level: headroom.LevelWarning, Service: service,
			Message: fmt.Sprintf("%s: %s cannot be resolved: %s. %s.", service, address, reason, c.lastAnswer(known))})
	}
	c.resolved[resolvedName(service, address)] = known
}

// lastAnswer says what serves while a name cannot be resolved. The lock is held.
func (c *Controller) lastAnswer(known resolution) string {
	if known.At.IsZero() {
		return "There has been no answer yet"
	}
	return fmt.Sprintf("The last answer, of %s ago, stays in force: %s", c.now().Sub(known.At).Round(time.Second), amount(len(known.All)))
}

// resolveProblems says which names of a service cannot be resolved. The lock is held.
func (c *Controller) resolveProblems(service string) (problems []string) {
	for _, backend := range c.written.Services[service].Backends {
		if known := c.resolved[resolvedName(service, backend.Address)]; backend.Named() && !known.failing.IsZero() {
			problems = append(problems, fmt.Sprintf("%s has not been resolved for %s: %s. %s", backend.Address,
				c.now().Sub(known.failing).Round(time.Second), known.failure, c.lastAnswer(known)))
		}
	}
	return problems
}

// forgetResolved forgets names that no service has any more. The lock is held.
func (c *Controller) forgetResolved() {
	wanted := map[string]bool{}
	for service, settings := range c.written.Services {
		for _, backend := range settings.Backends {
			wanted[resolvedName(service, backend.Address)] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.resolved)) {
		if wanted[name] {
			continue
		}
		if err := c.commit(remove(resolvedKind, name)); err != nil {
			c.log.Warn("cannot forget a name", "name", name, "error", err)
			continue
		}
		delete(c.resolved, name)
	}
}

func amount(n int) string {
	if n == 1 {
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", n)
}

// difference is such as ", with 10.0.0.3:80 and without 10.0.0.1:80"; of many it names the first.
func difference(before, after []headroom.Resolved) string {
	less := func(one, other []headroom.Resolved) string {
		var names []string
		for _, r := range one {
			if !slices.ContainsFunc(other, func(o headroom.Resolved) bool { return o.Address == r.Address }) {
				names = append(names, r.Address)
			}
		}
		const most = 3
		if len(names) > most {
			return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
		}
		return strings.Join(names, ", ")
	}
	text := ""
	if added := less(after, before); added != "" {
		text += ", new " + added
	}
	if gone := less(before, after); gone != "" {
		text += ", gone " + gone
	}
	return text
}
