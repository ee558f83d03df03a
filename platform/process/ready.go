package process

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"headroom.dev/headroom"
)

// Readiness is probed every 50 ms for the first two seconds, in which most programs start, and then ever more rarely,
// at least once a second.
const (
	probeEvery     = 50 * time.Millisecond
	probeEagerly   = 40
	probeEveryMost = time.Second
)

// Check is a replica that is to be checked, and how.
type Check struct {
	Service     string
	Address     string // host:port
	HealthCheck headroom.HealthCheck
	Reach       headroom.Reach
}

func (p *Platform) checkOf(r *replica) Check {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Check{Service: r.Service, Address: r.address(), HealthCheck: r.HealthCheck, Reach: r.Reach}
}

// Judge has the replicas of a service that are not ready yet checked in another way, from their next probe on: one that was started with
// a mistake in how it is reached gets ready when that is put right, and need not be started again.
func (p *Platform) Judge(service string, check headroom.HealthCheck, reach headroom.Reach) {
	var changed []*replica
	p.mu.Lock()
	for _, r := range p.replicas {
		if r.Service == service && r.State == headroom.ReplicaStarting && (!reflect.DeepEqual(r.HealthCheck, check) || r.Reach != reach) {
			r.HealthCheck, r.Reach = check, reach
			changed = append(changed, r)
		}
	}
	p.mu.Unlock()
	for _, r := range changed {
		p.save(r)
	}
}

// watchReadiness probes a starting replica until it first answers, ends, or is told to stop.
func (p *Platform) watchReadiness(r *replica) {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	p.running.Go(func() { // ends with ctx
		select {
		case <-r.exited:
		case <-r.stop:
		case <-ctx.Done():
		}
		cancel()
	})
	pause := probeEvery
	for attempt := 1; ; attempt++ {
		err := p.probe(ctx, p.checkOf(r))
		if err == nil {
			if other := p.stranger(r); other != "" {
				err = fmt.Errorf("port %d is answered by a replica of another headroom, %s: give one of them other run.ports", r.Port, other)
			}
		}
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		if err == nil && r.State == headroom.ReplicaStarting {
			r.State, r.ReadyAt, r.detail = headroom.ReplicaReady, p.now(), ""
		} else if err != nil {
			r.detail = err.Error()
		}
		p.mu.Unlock()
		if err == nil {
			p.notify(r.Service)
			p.save(r)
			return
		}
		if attempt > probeEagerly {
			pause = min(pause+pause/4, probeEveryMost)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
