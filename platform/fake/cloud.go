package fake

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"headroom.dev/headroom"
)

// cloud is the world behind one or more platforms, which outlives them.
type cloud struct {
	capabilities headroom.Capabilities
	now          func() time.Time

	mu       sync.Mutex // guards what follows, and closed of every platform
	faults   Faults
	replicas []*instance // in the order of their creation
	history  []moment    // for stale reads, oldest first
	created  int         // ever, to name them
	load     map[string]load
	open     []*Platform
	growths  []headroom.Growth
	removals []headroom.Removal
}

type instance struct {
	headroom.Replica
	stoppingSince time.Time
	cpuSeconds    float64
	cpuAt         time.Time
	limits        headroom.Run
}

// load is what each replica of a service consumes.
type load struct {
	cores  float64
	memory headroom.Bytes
}

type moment struct {
	at       time.Time
	replicas []headroom.Replica
}

// historyLength is enough for reads that are minutes behind in tests that act every second.
const historyLength = 1000

// settle does what is due by now, and remembers the world as it is then. Call it with mu held, before every use.
func (c *cloud) settle() {
	now := c.now()
	for _, r := range slices.Clone(c.replicas) {
		c.consume(r, now)
		switch {
		case r.State == headroom.ReplicaStarting && !c.faults.NeverReady && !now.Before(r.CreatedAt.Add(c.faults.StartDelay)):
			r.State, r.ReadyAt, r.Detail = headroom.ReplicaReady, now, ""
			c.changed(r.Service)
		case r.State == headroom.ReplicaStopping && !now.Before(r.stoppingSince.Add(c.faults.StopDelay)):
			c.drop(r)
		}
	}
	c.remember(now)
}

func (c *cloud) consume(r *instance, now time.Time) {
	if r.State != headroom.ReplicaExited {
		r.cpuSeconds += max(0, now.Sub(r.cpuAt).Seconds()) * c.load[r.Service].cores
	}
	r.cpuAt = now
}

func (c *cloud) remember(now time.Time) {
	var replicas []headroom.Replica
	for _, r := range c.replicas {
		replicas = append(replicas, r.Replica)
	}
	if n := len(c.history); n > 0 && c.history[n-1].at.Equal(now) {
		c.history = c.history[:n-1]
	}
	c.history = append(c.history, moment{now, replicas})
	c.history = c.history[max(0, len(c.history)-historyLength):]
}

// seen returns the replicas of a service as a read shows them now.
func (c *cloud) seen(service string) []headroom.Replica {
	until := c.now().Add(-c.faults.Stale)
	found := []headroom.Replica{}
	for _, m := range slices.Backward(c.history) {
		if m.at.After(until) {
			continue
		}
		for _, r := range m.replicas {
			if r.Service == service {
				found = append(found, r)
			}
		}
		break
	}
	return found
}

func (c *cloud) changed(service string) {
	if c.faults.Silent {
		return
	}
	for _, p := range c.open {
		select {
		case p.changes <- service:
		default: // a hint, see headroom.Platform
		}
	}
}

func (c *cloud) drop(r *instance) {
	c.replicas = slices.DeleteFunc(c.replicas, func(other *instance) bool { return other == r })
	c.changed(r.Service)
}

func (c *cloud) find(service, name string) *instance {
	for _, r := range c.replicas {
		if r.Service == service && r.Name == name {
			return r
		}
	}
	return nil
}

// living returns the replicas of a service that are neither dead nor on their way out; of all services for "".
func (c *cloud) living(service string) []*instance {
	var found []*instance
	for _, r := range c.replicas {
		if (service == "" || r.Service == service) && (r.State == headroom.ReplicaStarting || r.State == headroom.ReplicaReady) {
			found = append(found, r)
		}
	}
	return found
}

func (c *cloud) grow(order headroom.Growth) error {
	var names []string
	if c.capabilities.NamesReplicas {
		for _, name := range order.Names {
			if c.find(order.Service, name) == nil && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	} else {
		for n := len(c.living(order.Service)); n < order.To; n++ {
			c.created++
			names = append(names, fmt.Sprintf("i-%08d", c.created))
		}
	}
	for _, name := range names {
		if c.faults.Capacity > 0 && len(c.living("")) >= c.faults.Capacity {
			return fmt.Errorf("start %s: %w", name, headroom.ErrNoCapacity)
		}
		c.start(order, name)
	}
	return nil
}

func (c *cloud) start(order headroom.Growth, name string) {
	now := c.now()
	c.replicas = append(c.replicas, &instance{
		Replica: headroom.Replica{
			Name: name, Service: order.Service, State: headroom.ReplicaStarting, Address: "fake:" + name,
			Revision: order.Workload.Revision, CreatedAt: now, Detail: "connection refused",
		},
		cpuAt: now, limits: order.Workload.Run,
	})
	c.changed(order.Service)
}

func (c *cloud) shrink(order headroom.Removal) {
	var victims []*instance
	for _, name := range order.Names {
		if r := c.find(order.Service, name); r != nil && (c.capabilities.NamesVictims || r.State == headroom.ReplicaExited) {
			victims = append(victims, r)
		}
	}
	if !c.capabilities.NamesVictims {
		// The oldest first, whatever the order says: cloud groups choose by rules of their own (kubernetes/autoscaler#9182).
		living := c.living(order.Service)
		victims = append(victims, living[:min(len(living), max(0, len(living)-order.To))]...)
	}
	for _, r := range victims {
		switch r.State {
		case headroom.ReplicaExited:
			c.drop(r)
		case headroom.ReplicaStopping:
		default:
			r.State, r.stoppingSince = headroom.ReplicaStopping, c.now()
			c.changed(r.Service)
		}
	}
}

func (c *cloud) logs(service, name string) ([]string, error) {
	r := c.find(service, name)
	if r == nil {
		var known []string
		for _, other := range c.replicas {
			if other.Service == service {
				known = append(known, other.Name)
			}
		}
		return nil, &headroom.UnknownNameError{Kind: "replica", Name: name, Known: known}
	}
	lines := []string{name + " of " + service + " starts"}
	if !r.ReadyAt.IsZero() {
		lines = append(lines, name+" is ready")
	}
	if r.Exit != "" {
		lines = append(lines, strings.TrimSpace(name+" ends: "+r.Exit))
	}
	return lines, nil
}
