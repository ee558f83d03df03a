//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"headroom.dev/headroom/test/bench/report"
)

// starts is how often each start is measured.
const starts = 7

const startGoal = time.Second

// start measures the time from the start of the process to the first answer through the balancer: with no replica yet,
// and after a kill, when two run and are adopted.
func (b *bench) start(ctx context.Context) error {
	var fresh, ready, adopting []time.Duration
	for round := range starts {
		b.say("start: round %d of %d", round+1, starts)
		s, err := b.newSystem(`api: {listen: API}
services:
  shop:
    run: SHOP --port {{port}}
    scaling: {minReplicas: 2, maxReplicas: 4}
    loadBalancing: {listen: TRAFFIC}
`)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := s.run(); err != nil {
			return err
		}
		first, all, adopted, err := s.startTwice(ctx, began)
		if err := errors.Join(err, s.stop()); err != nil {
			return err
		}
		fresh, ready, adopting = append(fresh, first), append(ready, all), append(adopting, adopted)
	}
	row := func(what string, times []time.Duration) []string {
		return []string{what, report.Milliseconds(report.Median(times)), report.Milliseconds(slices.Max(times)), "< " + report.Milliseconds(startGoal)}
	}
	report.Table(b.out, fmt.Sprintf("Start (%d rounds)", starts), []string{"from the start of the process to", "median", "longest", "goal"}, [][]string{
		row("the first answer through the balancer, no replica before", fresh),
		row("both replicas ready", ready),
		row("the first answer after kill -9, replicas adopted", adopting),
	})
	return nil
}

func (s *system) startTwice(ctx context.Context, began time.Time) (first, all, adopted time.Duration, err error) {
	if err := s.awaitAnswer(ctx); err != nil {
		return 0, 0, 0, err
	}
	first = time.Since(began)
	before, err := s.awaitReplicas(ctx, 2)
	if err != nil {
		return 0, 0, 0, err
	}
	all = time.Since(began)

	s.process.Kill()
	began = time.Now()
	if err := s.run(); err != nil {
		return 0, 0, 0, err
	}
	if err := s.awaitAnswer(ctx); err != nil {
		return 0, 0, 0, err
	}
	adopted = time.Since(began)
	after, err := s.awaitReplicas(ctx, 2)
	if err != nil {
		return 0, 0, 0, err
	}
	for i := range after {
		if after[i].PID != before[i].PID {
			return 0, 0, 0, fmt.Errorf("%s was not adopted: it was process %d and is %d", after[i].Name, before[i].PID, after[i].PID)
		}
	}
	return first, all, adopted, nil
}
