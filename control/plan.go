package control

import (
	"maps"
	"slices"
	"strings"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
)

const operationKind = "operation"

// turn gathers what one turn of the loop changes, so that it is stored as a whole before anything is done.
type turn struct {
	now    time.Time
	open   map[string]headroom.Operation
	memory memory
	writes []headroom.Write
	ended  []headroom.Operation
}

// plan finds out what became of the open operations and what to do now, records both, and returns what is to be carried
// out. Where recording fails nothing has changed. The lock is held.
func (s *service) plan(now time.Time) ([]headroom.Operation, error) {
	if s.settled() {
		return nil, nil
	}
	return s.planAnew(now)
}

// planAnew is plan for a service that is not settled. The lock is held.
func (s *service) planAnew(now time.Time) ([]headroom.Operation, error) {
	t := &turn{now: now, open: maps.Clone(s.open), memory: s.memory}
	t.memory.Draining = maps.Clone(s.memory.Draining)

	world := s.world(now)
	for _, operation := range sortedOperations(s.open) {
		known := operation.State
		if s.ignored(operation, now) {
			operation.State = headroom.OperationUnknown
		}
		state, why := orchestration.Resolve(operation, world)
		if state != known {
			s.move(t, operation, state, why)
		}
	}
	s.forgetGone(t)

	world.Open, world.Draining = sortedOperations(t.open), t.memory.Draining
	step := orchestration.Plan(world)
	s.waiting = step.Waiting
	if step.Backoff.Failures > s.memory.Backoff.Failures && len(step.Operations) > 0 {
		s.failure = step.Operations[0].Reason // those that remove what failed come first
	}
	t.memory.Backoff, t.memory.NextOrdinal = step.Backoff, step.NextOrdinal
	for _, cancellation := range step.Cancel {
		delete(t.memory.Draining, cancellation.Replica)
		if operation, open := t.open[cancellation.Operation]; open {
			s.move(t, operation, headroom.OperationFailed, cancellation.Reason)
		}
		t.writes = append(t.writes, s.c.event(takenBack(s.name, cancellation))...)
	}
	for _, operation := range step.Operations {
		s.begin(t, operation)
	}
	t.writes = append(t.writes, s.checkOutcome(t)...)
	if s.inventory != nil {
		t.memory.History = orchestration.History{Live: s.history.Live, Count: s.history.Count}
	}
	if !sameMemory(t.memory, s.memory) {
		t.writes = append(t.writes, put(serviceKind, s.name, t.memory))
	}
	if err := s.c.commit(t.writes...); err != nil {
		return nil, err
	}
	s.open, s.memory = t.open, t.memory
	if !s.memory.Pending {
		s.pending = nil
	}
	for _, operation := range t.ended {
		if operation.Kind == headroom.OperationShrink {
			s.gone = append(s.gone, operation.Replicas...)
		}
	}
	for name := range s.drainVersions {
		if _, draining := s.memory.Draining[name]; !draining {
			delete(s.drainVersions, name)
		}
	}
	return s.orders(), nil
}

// ignored reports whether the platform has not begun a removal that it took long ago: it has lost the order, which is
// then given again.
func (s *service) ignored(operation headroom.Operation, now time.Time) bool {
	if operation.Kind != headroom.OperationShrink || operation.State != headroom.OperationSent || now.Sub(operation.SentAt) < orderTimeout {
		return false
	}
	return slices.ContainsFunc(operation.Replicas, func(name string) bool {
		replica, listed := s.replica(name)
		return listed && replica.State != headroom.ReplicaStopping
	})
}

// orders lists the operations that are to be carried out now: recorded, and not sent yet.
func (s *service) orders() []headroom.Operation {
	var orders []headroom.Operation
	for _, operation := range sortedOperations(s.open) {
		if operation.State == headroom.OperationPlanned {
			orders = append(orders, operation)
		}
	}
	return orders
}

// world is all that a plan is made from.
func (s *service) world(now time.Time) orchestration.World {
	return orchestration.World{
		Now: now, Service: s.name, Wish: s.wish(now), Inventory: s.inventory, Synced: s.synced, LastConfirmed: s.history.Count,
		Traffic: s.traffic(now), Draining: s.memory.Draining, Open: sortedOperations(s.open), Refused: s.refused, Backoff: s.memory.Backoff,
		Random: s.c.random(), NextOrdinal: s.memory.NextOrdinal, Capabilities: s.c.platform.Capabilities(),
		StartTimeout: time.Duration(s.workload.Run.StartTimeout), DrainTimeout: s.drainTimeout(),
		Revision: s.workload.Revision, Sick: s.incurable(now),
	}
}

// wish is the decided number, and one more while a replica is to be replaced, because it is of an older revision or sick:
// the new one comes first, then the other goes.
func (s *service) wish(now time.Time) orchestration.Wish {
	if s.retired {
		return orchestration.Wish{None: true, Reason: s.name + " is no longer configured"}
	}
	wish := orchestration.Wish{Replicas: s.memory.Scaler.Wanted, Decision: s.memory.Decision, Reason: s.memory.Reason, None: s.memory.Scaler.Zero}
	if wish.Replicas == 0 || s.inventory == nil {
		return wish
	}
	incurable := s.incurable(now)
	ready, starting, reason := 0, 0, ""
	for _, replica := range s.inventory.Replicas {
		outdated := replica.Revision != s.workload.Revision
		if _, draining := s.memory.Draining[replica.Name]; draining {
			if outdated || incurable[replica.Name] {
				return wish // one by one: a wish for more would take this one back
			}
			continue
		}
		switch {
		case replica.State == headroom.ReplicaReady:
			ready++
			if outdated {
				reason = "the configuration of " + s.name + " has changed, and a replica still runs the previous one"
			} else if incurable[replica.Name] {
				reason = replica.Name + " " + s.sick[replica.Name].String()
			}
		case replica.State == headroom.ReplicaStarting && !outdated: // the plan replaces the others at once
			starting++
		}
	}
	if reason != "" && (starting > 0 || ready <= wish.Replicas) {
		wish.Replicas++
		wish.Reason = reason
	}
	return wish
}

// traffic says how each replica stands with the balancer.
func (s *service) traffic(now time.Time) map[string]orchestration.Traffic {
	backends, tableVersion, here := s.c.newestOf(s.name)
	if !here {
		return nil
	}
	traffic := make(map[string]orchestration.Traffic, len(backends))
	for i := range backends {
		traffic[backends[i].ID] = orchestration.Traffic{InFlight: &backends[i].Traffic.InFlight}
	}
	for name, since := range s.memory.Draining {
		version := s.drainVersions[name]
		seen, listed := traffic[name]
		seen.Drained = !now.Before(s.sessionsEnd(since)) && version > 0 && tableVersion >= version && (!listed || *seen.InFlight == 0)
		traffic[name] = seen
	}
	return traffic
}

// forgetGone ends the draining of replicas that are not there any more.
func (s *service) forgetGone(t *turn) {
	if s.inventory == nil || !s.inventory.Complete {
		return
	}
	for name := range t.memory.Draining {
		listed := slices.ContainsFunc(s.inventory.Replicas, func(replica headroom.Replica) bool { return replica.Name == name })
		if !listed {
			delete(t.memory.Draining, name)
		}
	}
}

func sameMemory(a, b memory) bool {
	return !a.Scaler.Changed(b.Scaler) && a.NextOrdinal == b.NextOrdinal && a.Backoff == b.Backoff && a.Manual == b.Manual &&
		a.Revision == b.Revision && a.Decision == b.Decision && a.Pending == b.Pending &&
		a.History.Count == b.History.Count && slices.Equal(a.History.Live, b.History.Live) && maps.Equal(a.Draining, b.Draining)
}

func sortedOperations(open map[string]headroom.Operation) []headroom.Operation {
	return slices.SortedFunc(maps.Values(open), func(a, b headroom.Operation) int { return strings.Compare(a.ID, b.ID) })
}
