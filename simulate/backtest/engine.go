package backtest

import (
	"context"
	"fmt"
	"math"
	"time"

	"headroom.dev/headroom"
)

// World is what every autoscaler is tried in.
type World struct {
	Service   string
	Policy    headroom.Scaling // the user's; its bounds hold for every autoscaler
	Objective headroom.Objective
	Model     Model
	Load      Load
	Begin     int    // replicas at the beginning; 0 is as many as the first minute needs
	Seed      uint64 // of starts that fail
}

// Second is what an autoscaler may look at when a second has ended.
type Second struct {
	Index       int // of the second that begins
	At          time.Time
	Wanted      int // what it asked for before
	Observation headroom.Observation
	CPU         float64 // percent of run.cpu of each replica in the second that ended
	Answered    float64 // requests per second, by all replicas
	InFlight    float64 // requests at once, of all replicas
}

// Autoscaler says how many replicas it wants. What it wants beyond the bounds of the policy is cut.
type Autoscaler interface {
	// Begin is with how many replicas it begins, where so many are given.
	Begin(given int) int
	// Next is how many it wants now.
	Next(now *Second) int
}

// Run tries one autoscaler. It fails only when the context ends.
func Run(ctx context.Context, w World, name string, scaler Autoscaler) (Result, error) {
	low, high := w.bounds()
	clamp := func(n int) int { return min(max(n, low), high) }
	wanted := clamp(scaler.Begin(clamp(w.given())))

	now := w.Load.Start
	f := newFleet(w.Service, w.Model, w.Seed, wanted, now)
	q := newQueue(w.Model)
	o := newObserver(w.Policy)
	t := newTally(w, name)
	view := Second{}
	for i := range w.Load.Arrivals {
		if i%100_000 == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		f.advance(now)
		s := q.shaped(w.Load.at(i), f.ready, f.joining(now))
		p := s.spread()
		t.second(i, &s, &p, f)
		now = now.Add(time.Second)

		f.advance(now)
		o.second(w.Model, &s, &p, f.ready, f.starting)
		view = Second{Index: i + 1, At: now, Wanted: wanted, CPU: s.cpu(w.Model), Answered: s.answered, InFlight: s.inFlight(),
			Observation: headroom.Observation{Service: w.Service, At: now, Replicas: o.counts, Signals: o.signals}}
		if next := clamp(scaler.Next(&view)); next != wanted {
			t.changed(wanted, next)
			wanted = next
		}
		f.want(wanted, now)
	}
	return t.result(f), nil
}

// bounds are the widest that the policy ever allows: its schedule may move them.
func (w World) bounds() (int, int) {
	low, high := max(w.Policy.MinReplicas, 0), max(w.Policy.MaxReplicas, w.Policy.MinReplicas, 1)
	for _, b := range w.Policy.Schedule {
		if b.MinReplicas != nil {
			low, high = min(low, *b.MinReplicas), max(high, *b.MinReplicas)
		}
		if b.MaxReplicas != nil {
			high = max(high, *b.MaxReplicas)
		}
	}
	return low, high
}

// given is what there is at the beginning: what the first minute needs at the target, where it is not said.
func (w World) given() int {
	if w.Begin > 0 {
		return w.Begin
	}
	first := w.Load.Arrivals[:min(len(w.Load.Arrivals), 60)]
	sum := 0.0
	for _, arrivals := range first {
		sum += arrivals
	}
	return replicasFor(sum/float64(len(first)), w.target())
}

// target is the requests per second at which a replica should be.
func (w World) target() float64 {
	if w.Policy.TargetRequestsPerSecond > 0 {
		return w.Policy.TargetRequestsPerSecond
	}
	return w.Model.Capacity * targetShare
}

// replicasFor is how many replicas take a load when each takes so much; at least one.
func replicasFor(load, each float64) int {
	const most = 1e6
	return max(1, int(math.Min(math.Ceil(load/each-1e-9), most)))
}

// Validate names the first thing with which nothing can be tried.
func (w World) Validate() error {
	if len(w.Load.Arrivals) == 0 {
		return fmt.Errorf("the load of %s has no second", w.Service)
	}
	return w.Model.Validate()
}
