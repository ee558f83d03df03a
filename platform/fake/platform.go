// Package fake is a platform in memory for tests. It can be told to throttle, lie, delay and lose, and it takes its
// time from a clock that the test moves.
package fake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// Platform is a headroom.Platform. It is safe for concurrent use.
type Platform struct {
	cloud   *cloud
	changes chan string
	closed  bool // guarded by cloud.mu
	opened  time.Time
	first   bool
}

// New makes an empty world with one platform on it. Time in it is what now says; after moving the clock, call Tick.
func New(capabilities headroom.Capabilities, now func() time.Time) *Platform {
	c := &cloud{capabilities: capabilities, now: now, load: map[string]load{}}
	return c.attach(true)
}

func (c *cloud) attach(first bool) *Platform {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &Platform{cloud: c, changes: make(chan string, 64), opened: c.now(), first: first}
	c.open = append(c.open, p)
	return p
}

// Reopen returns another platform on the same world, as after a restart of headroom.
func (p *Platform) Reopen() *Platform { return p.cloud.attach(false) }

// Tick does what is due by now, so that hints are sent.
func (p *Platform) Tick() { p.SetFaults(p.Faults()) }

// Faults returns what is wrong now.
func (p *Platform) Faults() Faults {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	return p.cloud.faults
}

// SetFaults changes what is wrong from now on; what was due before still happens as it would have.
func (p *Platform) SetFaults(faults Faults) {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	p.cloud.settle()
	p.cloud.faults = faults
	p.cloud.settle()
}

// SetLoad makes each replica of a service consume so many cores and hold so much memory from now on.
func (p *Platform) SetLoad(service string, cores float64, memory headroom.Bytes) {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	p.cloud.settle()
	p.cloud.load[service] = load{cores, memory}
}

// Crash ends a replica as if by itself; exit is such as "exit status 1". A name that does not exist is ignored.
func (p *Platform) Crash(service, name, exit string) {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	p.cloud.settle()
	r := p.cloud.find(service, name)
	if r == nil || r.State == headroom.ReplicaExited {
		return
	}
	if r.State == headroom.ReplicaStopping {
		p.cloud.drop(r)
		return
	}
	r.State, r.Exit, r.ExitedAt, r.Detail, r.Tail = headroom.ReplicaExited, exit, p.cloud.now(), "", []string{name + " ends: " + exit}
	p.cloud.changed(service)
	p.cloud.remember(p.cloud.now())
}

// Truth returns the replicas of a service as they are, whatever the faults.
func (p *Platform) Truth(service string) []headroom.Replica {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	p.cloud.settle()
	var found []headroom.Replica
	for _, r := range p.cloud.replicas {
		if r.Service == service {
			found = append(found, r.Replica)
		}
	}
	return found
}

// Growths returns every Grow that was ever called, refused and lost ones included.
func (p *Platform) Growths() []headroom.Growth {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	return slices.Clone(p.cloud.growths)
}

// Removals returns every Shrink that was ever called, refused and lost ones included.
func (p *Platform) Removals() []headroom.Removal {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	return slices.Clone(p.cloud.removals)
}

// Capabilities implements headroom.Platform.
func (p *Platform) Capabilities() headroom.Capabilities { return p.cloud.capabilities }

// Errors of calls that fail without a type of their own.
var (
	errClosed = errors.New("the fake platform is closed")
	errBlind  = errors.New("the fake platform cannot be read")
	errLost   = errors.New("the fake platform's answer was lost")
)

// enter begins a call; the caller unlocks cloud.mu, whatever it returns.
func (p *Platform) enter(ctx context.Context) error {
	p.cloud.mu.Lock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case p.closed:
		return errClosed
	case p.cloud.faults.Throttled:
		return headroom.ErrThrottled
	}
	p.cloud.settle()
	return nil
}

// Inventory implements headroom.Platform.
func (p *Platform) Inventory(ctx context.Context, service string) (headroom.Inventory, error) {
	err := p.enter(ctx)
	defer p.cloud.mu.Unlock()
	if err != nil {
		return headroom.Inventory{}, fmt.Errorf("inventory of %s: %w", service, err)
	}
	faults := p.cloud.faults
	if faults.Blind {
		return headroom.Inventory{}, fmt.Errorf("inventory of %s: %w", service, errBlind)
	}
	count := 0
	inventory := headroom.Inventory{Service: service, At: p.cloud.now(), Count: &count, Complete: true, Replicas: []headroom.Replica{}}
	if faults.Empty {
		return inventory, nil
	}
	for _, r := range p.cloud.seen(service) {
		r.Adopted = !p.first && r.CreatedAt.Before(p.opened)
		inventory.Replicas = append(inventory.Replicas, r)
		if r.State != headroom.ReplicaExited {
			count++
		}
	}
	if faults.Hidden > 0 {
		inventory.Replicas = inventory.Replicas[min(faults.Hidden, len(inventory.Replicas)):]
		inventory.Complete = false
	}
	if faults.UnknownCount {
		inventory.Count = nil
	}
	return inventory, nil
}

// Grow implements headroom.Platform.
func (p *Platform) Grow(ctx context.Context, order headroom.Growth) error {
	err := p.enter(ctx)
	defer p.cloud.mu.Unlock()
	p.cloud.growths = append(p.cloud.growths, order)
	if err == nil && len(order.Workload.Run.Command) == 0 {
		err = headroom.ErrInvalidWorkload
	}
	if err == nil && !p.cloud.faults.LosesOrders {
		err = p.cloud.grow(order)
	}
	return p.answer("grow", order.Service, err)
}

// Shrink implements headroom.Platform.
func (p *Platform) Shrink(ctx context.Context, order headroom.Removal) error {
	err := p.enter(ctx)
	defer p.cloud.mu.Unlock()
	p.cloud.removals = append(p.cloud.removals, order)
	if err == nil && !p.cloud.faults.LosesOrders {
		p.cloud.shrink(order)
	}
	return p.answer("shrink", order.Service, err)
}

func (p *Platform) answer(doing, service string, err error) error {
	if err == nil {
		p.cloud.settle()
		if p.cloud.faults.LosesAnswers {
			err = errLost
		}
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, service, err)
	}
	return nil
}

// Usage implements headroom.Platform.
func (p *Platform) Usage(ctx context.Context, service string) ([]headroom.ReplicaUsage, error) {
	err := p.enter(ctx)
	defer p.cloud.mu.Unlock()
	if err == nil && p.cloud.faults.Blind {
		err = errBlind
	}
	if err != nil {
		return nil, fmt.Errorf("usage of %s: %w", service, err)
	}
	readings := []headroom.ReplicaUsage{}
	for _, r := range p.cloud.replicas {
		if r.Service != service || r.State == headroom.ReplicaExited {
			continue
		}
		reading := headroom.ReplicaUsage{
			Service: service, Replica: r.Name, At: p.cloud.now(), StartedAt: r.CreatedAt, CPULimit: r.limits.CPU, MemLimit: r.limits.Memory,
		}
		if reading.CPULimit == 0 {
			reading.CPULimit = 1000 // one core, as run.cpu says
		}
		if !p.cloud.faults.NoUsage {
			cpu, memory := r.cpuSeconds, p.cloud.load[service].memory
			reading.CPUSeconds, reading.Memory = &cpu, &memory
		}
		readings = append(readings, reading)
	}
	return readings, nil
}

// Logs implements headroom.Platform.
func (p *Platform) Logs(ctx context.Context, service, replica string, lines int) ([]string, error) {
	err := p.enter(ctx)
	defer p.cloud.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("logs of %s: %w", replica, err)
	}
	all, err := p.cloud.logs(service, replica)
	return all[max(0, len(all)-max(0, lines)):], err
}

// Changes implements headroom.Platform.
func (p *Platform) Changes() <-chan string { return p.changes }

// Close implements headroom.Platform.
func (p *Platform) Close() error {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	p.cloud.open = slices.DeleteFunc(p.cloud.open, func(other *Platform) bool { return other == p })
	close(p.changes)
	return nil
}
