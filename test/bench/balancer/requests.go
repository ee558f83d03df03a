//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"headroom.dev/headroom/test/bench/contender"
	"headroom.dev/headroom/test/bench/generator"
	"headroom.dev/headroom/test/bench/program"
)

// requests is a work that consists of requests.
type requests struct {
	capacity func(*bench, context.Context, *contender.Contender, time.Duration) (generator.Capacity, error)
	latency  func(*bench, context.Context, *contender.Contender, float64, time.Duration) (generator.Latency, error)
}

// shares of the capacity of the slowest fast proxy at which latency is measured.
func shares() []float64 { return []float64{0.5, 0.8} }

// Above nine tenths of its own capacity the latency of a proxy is that of its queue, which grows without end.
const sustainable = 0.9

// run measures in turn what all can do, and then their latencies at rates that follow from it.
func (r requests) run(b *bench, ctx context.Context, result *workResult, entrants []*entrant, spare contender.Setup) error {
	var warming sync.WaitGroup
	for _, e := range entrants {
		warming.Go(func() {
			if _, err := r.capacity(b, ctx, e.Contender, time.Second); err != nil {
				e.fail(err)
			}
		})
	}
	warming.Wait()
	for i := range b.rounds {
		if err := b.each(ctx, result, entrants, fmt.Sprintf("capacity, round %d of %d", i+1, b.rounds), func(e *entrant) error {
			return r.measureCapacity(b, ctx, e)
		}); err != nil {
			return err
		}
	}
	capacity := result.slowestFast()
	for _, share := range shares() {
		if capacity == 0 {
			break
		}
		rate := share * capacity
		result.Rates = append(result.Rates, rate)
		for i := range b.rounds {
			if err := b.each(ctx, result, entrants, fmt.Sprintf("latency at %.0f/s, round %d of %d", rate, i+1, b.rounds), func(e *entrant) error {
				if rate > sustainable*e.result.perSecond() {
					return nil
				}
				l, err := r.latency(b, ctx, e.Contender, rate, b.time/2)
				if err == nil {
					e.result.addLatency(share, l)
				}
				return err
			}); err != nil {
				return err
			}
		}
	}
	if own := result.Proxies[0]; own.Error == "" {
		if err := r.measureAllocations(b, ctx, own, spare); err != nil {
			b.say("%s: allocations: %s", result.Name, err)
		}
	}
	return nil
}

func (r requests) measureCapacity(b *bench, ctx context.Context, e *entrant) error {
	allocated, err := e.allocations()
	if err != nil {
		return err
	}
	used, err := e.Program.CPU()
	if err != nil {
		return err
	}
	began := time.Now()
	c, err := r.capacity(b, ctx, e.Contender, b.time)
	if err != nil {
		return err
	}
	took := time.Since(began)
	after, err := e.Program.CPU()
	if err != nil {
		return err
	}
	memory, err := e.Program.Memory()
	if err != nil {
		return err
	}
	allocatedAfter, err := e.allocations()
	if err != nil {
		return err
	}
	if c.Requests == 0 {
		return fmt.Errorf("no request was answered")
	}
	used = after - used
	round := capacityRound{CPU: used / time.Duration(c.Requests), PerSecond: c.PerSecond, Busy: float64(used) / float64(took)}
	e.result.addCapacity(round, memory)
	if e.Allocations != nil {
		e.result.setAllocations(float64(allocatedAfter-allocated) / float64(c.Requests))
	}
	return nil
}

// allocations are those so far; 0 where nothing tells.
func (e *entrant) allocations() (uint64, error) {
	if e.Allocations == nil {
		return 0, nil
	}
	return e.Allocations()
}

// measureAllocations counts those of headroom run, which is asked for by its API and also records and decides: what it
// allocates in as long a time without requests is taken off.
func (r requests) measureAllocations(b *bench, ctx context.Context, own *proxyResult, spare contender.Setup) error {
	c, err := contender.Headroom(b.headroom, "run").Start(spare)
	if err != nil {
		return err
	}
	defer c.Program.Kill()
	if _, err := r.capacity(b, ctx, c, time.Second); err != nil { // fills the pools
		return err
	}
	counts := [3]uint64{}
	answered := int64(0)
	for i := range counts {
		if i == 1 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(b.time):
			}
		}
		if i == 2 {
			load, err := r.capacity(b, ctx, c, b.time)
			if err != nil {
				return err
			}
			answered = load.Requests
		}
		if counts[i], err = c.Allocations(); err != nil {
			return err
		}
	}
	background, loaded := counts[1]-counts[0], counts[2]-counts[1]
	own.setAllocations(max(0, (float64(loaded)-float64(background))/float64(answered)))
	return nil
}

// addCapacity keeps a round and the most memory.
func (p *proxyResult) addCapacity(round capacityRound, memory program.Memory) {
	p.Capacity = append(p.Capacity, round)
	p.Resident = max(p.Resident, memory.Resident)
}
