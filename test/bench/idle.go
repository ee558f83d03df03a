//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"headroom.dev/headroom/test/bench/program"
	"headroom.dev/headroom/test/bench/report"
)

const (
	// idleSettle lets the start and its garbage pass; idleTime is what the figure is an average of.
	idleSettle = 15 * time.Second
	idleTime   = 30 * time.Second
	// The goals, of the footprint that a user should not have to think about.
	idleMemoryGoal = 100e6 // bytes
	idleCPUGoal    = 2.0   // percent of one core
)

// idle measures what headroom itself costs, without its replicas, when it has ten of them and nothing to do.
func (b *bench) idle(ctx context.Context) error {
	s, err := b.newSystem(`api: {listen: API}
services:
  shop:
    run: SHOP --port {{port}}
    scaling: {minReplicas: 10, maxReplicas: 10, targetRequestsPerSecond: 50, targetCPUUtilization: 70}
    loadBalancing: {listen: TRAFFIC}
`)
	if err != nil {
		return err
	}
	if err := s.run(); err != nil {
		return err
	}
	if _, err := s.awaitReplicas(ctx, 10); err != nil {
		s.process.Kill()
		return err
	}
	b.say("idle: ten replicas run; measuring for %s after %s", idleTime, idleSettle)
	cpu, most, err := s.watch(ctx)
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	report.Table(b.out, "Idle with 10 replicas (headroom itself, without its replicas)", []string{"", "measured", "goal"}, [][]string{
		{"memory, resident, at most", report.Megabytes(most.Resident), "< " + report.Megabytes(idleMemoryGoal)},
		{"of which its own data", report.Megabytes(most.Anonymous), ""},
		{"processor, share of one core", fmt.Sprintf("%.2f %%", cpu), fmt.Sprintf("< %.0f %%", idleCPUGoal)},
	})
	return nil
}

// watch returns the share of one core that headroom uses, in percent, and the most memory that it has.
func (s *system) watch(ctx context.Context) (cpu float64, most program.Memory, err error) {
	if err := pause(ctx, idleSettle); err != nil {
		return 0, most, err
	}
	before, err := s.process.CPU()
	if err != nil {
		return 0, most, err
	}
	began := time.Now()
	for time.Since(began) < idleTime {
		if err := pause(ctx, time.Second); err != nil {
			return 0, most, err
		}
		now, err := s.process.Memory()
		if err != nil {
			return 0, most, err
		}
		if now.Resident > most.Resident {
			most = now
		}
	}
	after, err := s.process.CPU()
	return 100 * float64(after-before) / float64(time.Since(began)), most, err
}

// pause waits, and returns an error where the bench is ended meanwhile.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
