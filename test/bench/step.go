//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/api/client"
	"headroom.dev/headroom/scaling/record"
	"headroom.dev/headroom/simulate/load"
	"headroom.dev/headroom/test/bench/report"
)

const (
	steps = 3 // how often the step is measured
	// One replica of stepConfig carries 4 requests at once in 41 ms each: 97 requests/s. Two carry 195, of which 10
	// requests/s are 5 % and 585 are 300 %.
	calm, surge = 10, 585
	calmTime    = 5 * time.Second
	surgeTime   = 6 * time.Second

	decisionGoal = time.Second
	trafficGoal  = 3 * time.Second
)

const stepConfig = `api: {listen: API}
services:
  shop:
    run: SHOP --port {{port}} --workers 4 --latency 40ms --cpu 1ms
    scaling: {minReplicas: 2, maxReplicas: 14, targetRequestsPerSecond: 60}
    loadBalancing: {listen: TRAFFIC}
`

// stepResult is what became of one step.
type stepResult struct {
	decided time.Duration // from the end of the first second that was saturated
	ready   time.Duration // from the step until as many replicas as first decided were ready
	from    int
	to      int // of the first decision
	report  load.Report
}

// step measures how fast headroom answers a step from 5 % to 300 % of what two replicas carry.
func (b *bench) step(ctx context.Context) error {
	var decided, ready []time.Duration
	rows := [][]string{}
	for round := range steps {
		b.say("step: round %d of %d", round+1, steps)
		result, err := b.stepOnce(ctx)
		if err != nil {
			return err
		}
		decided, ready = append(decided, result.decided), append(ready, result.ready)
		counts := result.report.Counts
		rows = append(rows, []string{fmt.Sprint(round + 1), report.Milliseconds(result.decided), fmt.Sprintf("%d to %d", result.from, result.to), report.Milliseconds(result.ready),
			fmt.Sprintf("%d of %d", counts.Failed+counts.Dropped, counts.Scheduled), report.Milliseconds(result.report.Latency.P99)})
	}
	rows = append(rows,
		[]string{"longest", report.Milliseconds(slices.Max(decided)), "", report.Milliseconds(slices.Max(ready)), "", ""},
		[]string{"goal", "< " + report.Milliseconds(decisionGoal), "", "< " + report.Milliseconds(trafficGoal), "0", ""})
	report.Table(b.out, fmt.Sprintf("Step from %d to %d requests/s, 5 %% to 300 %% of two replicas", calm, surge),
		[]string{"round", "decision after the first saturated second", "replicas", "those ready after the step", "failed requests", "99 % answered within"}, rows)
	return nil
}

func (b *bench) stepOnce(ctx context.Context) (stepResult, error) {
	s, err := b.newSystem(stepConfig)
	if err != nil {
		return stepResult{}, err
	}
	if err := s.run(); err != nil {
		return stepResult{}, err
	}
	result, err := s.stepUp(ctx)
	return result, errors.Join(err, s.stop())
}

func (s *system) stepUp(ctx context.Context) (stepResult, error) {
	if _, err := s.awaitReplicas(ctx, 2); err != nil {
		return stepResult{}, err
	}
	shape, err := load.Parse(fmt.Sprintf("%s@%d,%s@%d", calmTime, calm, surgeTime, surge))
	if err != nil {
		return stepResult{}, err
	}
	// The load begins at a full second, so that the step is at one too: the second after it is the first saturated one.
	now := time.Now()
	began := now.Truncate(time.Second).Add(time.Second)
	if err := pause(ctx, began.Sub(now)); err != nil {
		return stepResult{}, err
	}
	result := stepResult{}
	if result.report, err = load.Run(ctx, load.Options{URL: "http://" + s.traffic + "/", Shape: shape}); err != nil {
		return result, err
	}
	stepped := began.Add(calmTime)
	decision, err := s.firstRise(ctx, stepped)
	if err != nil {
		return result, err
	}
	result.from, result.to = decision.From, decision.To
	result.decided = decision.At.Sub(stepped.Add(time.Second))
	status, err := s.status(ctx)
	if err != nil {
		return result, err
	}
	times := []time.Time{}
	for _, replica := range status.Replicas {
		if !replica.ReadyAt.IsZero() {
			times = append(times, replica.ReadyAt)
		}
	}
	if len(times) < decision.To {
		return result, fmt.Errorf("%d were decided and %d are ready", decision.To, len(times))
	}
	slices.SortFunc(times, time.Time.Compare)
	result.ready = times[decision.To-1].Sub(stepped)
	return result, nil
}

// firstRise is the first decision after a time that asked for more replicas.
func (s *system) firstRise(ctx context.Context, after time.Time) (headroom.Decision, error) {
	decisions, err := s.client.Decisions(ctx, client.ListOptions{Limit: 100}, true)
	if err != nil {
		return headroom.Decision{}, err
	}
	slices.SortFunc(decisions, func(a, b record.Listed) int { return a.At.Compare(b.At) })
	for _, decision := range decisions {
		if decision.At.After(after) && decision.To > decision.From {
			return decision.Decision, nil
		}
	}
	return headroom.Decision{}, errors.New("nothing was decided")
}
