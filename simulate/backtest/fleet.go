package backtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
)

// fleet is the platform and its replicas. What is wanted of it is carried out by orchestration.Plan, as live.
type fleet struct {
	service  string
	model    Model
	random   *rand.Rand
	replicas []headroom.Replica
	due      map[string]time.Time // when a starting replica gets ready, or exits
	failing  map[string]bool      // it exits
	joins    [pieces]int          // replicas that get ready in each piece of the second
	draining map[string]time.Time
	drained  map[string]orchestration.Traffic
	backoff  orchestration.Backoff
	next     int // ordinal

	ready, starting, held int // in traffic; on their way in; paid for
	settled               bool
	started, stopped      int // replicas, so far
}

func newFleet(service string, model Model, seed uint64, replicas int, now time.Time) *fleet {
	f := &fleet{service: service, model: model, random: rand.New(rand.NewPCG(seed, 1)), due: map[string]time.Time{}, failing: map[string]bool{},
		draining: map[string]time.Time{}, drained: map[string]orchestration.Traffic{}, next: 1}
	for range replicas {
		f.replicas = append(f.replicas, headroom.Replica{Name: fmt.Sprintf("%s-%d", service, f.next), Service: service,
			State: headroom.ReplicaReady, CreatedAt: now.Add(-time.Hour), ReadyAt: now.Add(-time.Hour)})
		f.next++
	}
	f.count()
	return f
}

// advance lets time pass: replicas get ready, or fail to.
func (f *fleet) advance(now time.Time) {
	if len(f.due) == 0 {
		return
	}
	for i := range f.replicas {
		r := &f.replicas[i]
		at, starting := f.due[r.Name]
		if !starting || at.After(now) {
			continue
		}
		delete(f.due, r.Name)
		f.settled = false
		if f.failing[r.Name] {
			delete(f.failing, r.Name)
			r.State, r.ExitedAt, r.Exit = headroom.ReplicaExited, now, "exit status 1"
			continue
		}
		r.State, r.ReadyAt = headroom.ReplicaReady, now
	}
	f.count()
}

// joining counts the replicas that get ready within the second that begins, by the piece of it from which on they answer.
func (f *fleet) joining(now time.Time) *[pieces]int {
	f.joins = [pieces]int{}
	for name, at := range f.due {
		if after := at.Sub(now); after < time.Second && !f.failing[name] {
			f.joins[min(int(after.Seconds()*pieces+0.5), pieces-1)]++
		}
	}
	return &f.joins
}

// want plans and carries out what brings the fleet closer to so many replicas.
func (f *fleet) want(replicas int, now time.Time) {
	if f.settled && f.ready+f.starting == replicas && f.backoff.Failures == 0 {
		return
	}
	held := f.held
	step := orchestration.Plan(orchestration.World{
		Now: now, Service: f.service, Wish: orchestration.Wish{Replicas: replicas, None: replicas == 0},
		Inventory: &headroom.Inventory{Service: f.service, At: now, Count: &held, Replicas: slices.Clone(f.replicas), Complete: true}, Synced: true, LastConfirmed: held,
		Traffic: f.drained, Draining: f.draining, Backoff: f.backoff, Random: f.random.Float64(), NextOrdinal: f.next,
		StartTimeout: time.Duration(f.model.StartTimeout), DrainTimeout: time.Minute,
		Capabilities: headroom.Capabilities{NamesReplicas: true, NamesVictims: true},
	})
	f.backoff, f.next = step.Backoff, step.NextOrdinal
	for _, back := range step.Cancel {
		delete(f.draining, back.Replica)
		delete(f.drained, back.Replica)
	}
	for _, op := range step.Operations {
		f.carryOut(op, now)
	}
	f.count()
	f.settled = len(f.draining) == 0 && len(step.Operations) == 0 && step.Waiting == "" && f.held == f.ready+f.starting
}

// carryOut does at once what is ordered. A replica that leaves the traffic has answered its last request a second later.
func (f *fleet) carryOut(op headroom.Operation, now time.Time) {
	name := op.Replicas[0]
	switch op.Kind {
	case headroom.OperationGrow:
		f.replicas = append(f.replicas, headroom.Replica{Name: name, Service: f.service, State: headroom.ReplicaStarting, CreatedAt: now})
		f.due[name] = now.Add(drawn(f.random, f.model.PlatformDelays, f.model.PlatformDelay) + drawn(f.random, f.model.Boots, f.model.Boot))
		f.failing[name] = f.model.StartFailures > 0 && f.random.Float64() < f.model.StartFailures
		f.started++
	case headroom.OperationDrain:
		f.draining[name] = now
		f.drained[name] = orchestration.Traffic{Drained: true}
	case headroom.OperationShrink:
		f.replicas = slices.DeleteFunc(f.replicas, func(r headroom.Replica) bool { return r.Name == name })
		delete(f.due, name)
		delete(f.failing, name)
		delete(f.draining, name)
		delete(f.drained, name)
		f.stopped++
	}
}

func (f *fleet) count() {
	f.ready, f.starting, f.held = 0, 0, 0
	for i := range f.replicas {
		_, draining := f.draining[f.replicas[i].Name]
		switch {
		case f.replicas[i].State == headroom.ReplicaExited:
			continue
		case draining:
		case f.replicas[i].State == headroom.ReplicaReady:
			f.ready++
		default:
			f.starting++
		}
		f.held++
	}
}

// drawn is one of the times that were seen, each as likely; the mean where none were.
func drawn(random *rand.Rand, seen []headroom.Duration, mean headroom.Duration) time.Duration {
	if len(seen) == 0 {
		return time.Duration(mean)
	}
	return time.Duration(seen[random.IntN(len(seen))])
}
