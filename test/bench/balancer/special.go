//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"headroom.dev/headroom/test/bench/contender"
	"headroom.dev/headroom/test/bench/generator"
	"headroom.dev/headroom/test/bench/origin"
)

// idleConnections is how many wait; idleSettle gives a proxy the time to give back what it used while they came.
const (
	idleConnections = 10_000
	idleSettle      = 3 * time.Second
)

// idle measures what memory connections cost that wait for their next request.
func idle(b *bench, ctx context.Context, result *workResult, entrants []*entrant, _ contender.Setup) error {
	return b.each(ctx, result, entrants, fmt.Sprintf("%d connections", idleConnections), func(e *entrant) error {
		if err := warmIdle(e.Address); err != nil {
			return err
		}
		before, err := e.Program.Memory()
		if err != nil {
			return err
		}
		connections, err := generator.NewIdle(e.Address, "/100", idleConnections)
		if err != nil {
			return err
		}
		defer connections.Close()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(idleSettle):
		}
		after, err := e.Program.Memory()
		if err != nil {
			return err
		}
		e.result.Resident = after.Resident
		e.result.IdleBytes = float64(after.Resident-before.Resident) / idleConnections
		return connections.Ask("/100")
	})
}

// warmIdle has what is needed once allocated before it is measured.
func warmIdle(address string) error {
	connections, err := generator.NewIdle(address, "/100", 100)
	if err != nil {
		return err
	}
	connections.Close()
	return nil
}

// tunnel measures how fast bytes pass through a tunnel, and what they cost.
func tunnel(webSocket bool, frames int) func(*bench, context.Context, *workResult, []*entrant, contender.Setup) error {
	return func(b *bench, ctx context.Context, result *workResult, entrants []*entrant, _ contender.Setup) error {
		for i := range b.rounds + 1 {
			what, count := fmt.Sprintf("round %d of %d", i, b.rounds), frames
			if i == 0 {
				what, count = "warm up", frames/16
			}
			if err := b.each(ctx, result, entrants, what, func(e *entrant) error {
				used, err := e.Program.CPU()
				if err != nil {
					return err
				}
				took, err := generator.Tunnel(e.Address, webSocket, count)
				if err != nil {
					return err
				}
				after, err := e.Program.CPU()
				if err != nil {
					return err
				}
				if i > 0 {
					gigabytes := float64(count) * origin.Frame / 1e9
					e.result.Tunnel = append(e.result.Tunnel, tunnelRound{GigabytesPerSecond: gigabytes / took.Seconds(),
						CPU: time.Duration(float64(after-used) / gigabytes)})
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}
}

// changes is how often the configuration changes in a round, once a second.
const changes = 3

// change compares the latency under load with and without a change of the configuration each second, at half of what the
// slowest fast proxy can do; slower ones at half of what they can do.
func change(b *bench, ctx context.Context, result *workResult, entrants []*entrant, _ contender.Setup) error {
	r := keepAlive("/100")
	if err := b.each(ctx, result, entrants, "capacity", func(e *entrant) error {
		c, err := r.capacity(b, ctx, e.Contender, time.Second)
		e.result.Capacity = append(e.result.Capacity, capacityRound{PerSecond: c.PerSecond})
		return err
	}); err != nil {
		return err
	}
	if fast := result.slowestFast(); fast > 0 {
		result.Rates = []float64{fast / 2}
	}
	for i := range b.rounds {
		if err := b.each(ctx, result, entrants, fmt.Sprintf("round %d of %d", i+1, b.rounds), func(e *entrant) error {
			rate := e.result.perSecond() / 2
			if len(result.Rates) > 0 {
				rate = min(rate, result.Rates[0])
			}
			steady, err := r.latency(b, ctx, e.Contender, rate, changes*time.Second)
			if err != nil {
				return err
			}
			changing, err := changeUnderLoad(ctx, e, i, func() (generator.Latency, error) {
				return r.latency(b, ctx, e.Contender, rate, changes*time.Second)
			})
			e.result.Change = append(e.result.Change, changeRound{Steady: steady, Changing: changing})
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// changeUnderLoad changes the configuration half a second after the start of a load and then each second, to its end.
func changeUnderLoad(ctx context.Context, e *entrant, round int, load func() (generator.Latency, error)) (generator.Latency, error) {
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan error, 1)
	go func() { changed <- changeEachSecond(ctx, e, round) }()
	latency, err := load()
	cancel()
	if failed := <-changed; failed != nil {
		return latency, failed
	}
	return latency, err
}

func changeEachSecond(ctx context.Context, e *entrant, round int) error {
	pause := 500 * time.Millisecond
	for i := range changes {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		if err := e.Reload(round*changes + i + 1); err != nil {
			return fmt.Errorf("change %d: %w", i+1, err)
		}
		pause = time.Second
	}
	return nil
}
