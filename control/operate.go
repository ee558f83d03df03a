package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
)

// begin records a new operation. A drain is carried out by recording it: the next list of endpoints has it.
func (s *service) begin(t *turn, operation headroom.Operation) {
	if operation.Kind == headroom.OperationDrain {
		operation.State, operation.SentAt = headroom.OperationSent, t.now
		for _, name := range operation.Replicas {
			t.memory.Draining[name] = t.now
		}
	}
	t.open[operation.ID] = operation
	t.writes = append(t.writes, put(operationKind, operation.ID, operation))
	t.writes = append(t.writes, s.journalOperation(operation)...)
	t.writes = append(t.writes, s.tell(operation)...)
}

// move records a new state of an operation.
func (s *service) move(t *turn, operation headroom.Operation, state headroom.OperationState, why string) {
	operation.State, operation.Error = state, why
	delete(s.refused, operation.ID)
	switch {
	case state == headroom.OperationSent && operation.SentAt.IsZero():
		operation.SentAt = t.now
	case state == headroom.OperationPlanned:
		operation.SentAt = time.Time{} // to be sent again
	}
	if operation.Open() {
		t.open[operation.ID] = operation
		t.writes = append(t.writes, put(operationKind, operation.ID, operation))
	} else {
		operation.FinishedAt = t.now
		delete(t.open, operation.ID)
		t.ended = append(t.ended, operation)
		t.writes = append(t.writes, remove(operationKind, operation.ID))
		if operation.Kind == headroom.OperationGrow && state == headroom.OperationConfirmed {
			s.failure = ""
		}
		t.writes = append(t.writes, s.tell(operation)...)
	}
	t.writes = append(t.writes, s.journalOperation(operation)...)
}

func (s *service) journalOperation(operation headroom.Operation) []headroom.Write {
	write, err := s.c.entry(headroom.EntryOperation, s.name, operation.ID, operation)
	if err != nil {
		s.c.log.Error("cannot journal an operation", "operation", operation.ID, "error", err)
		return nil
	}
	return []headroom.Write{write}
}

// orderTimeout bounds one call of the platform that changes something. What takes longer has an unknown result, which
// the next readings of the world resolve.
const orderTimeout = 30 * time.Second

// carryOut has the platform do what an operation says, and records that it was told. Where this process is ending, the
// operation stays planned for the next one.
func (s *service) carryOut(ctx context.Context, operation headroom.Operation) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	workload, grace := s.workload, s.workload.Run.StopGracePeriod
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()

	var err error
	switch operation.Kind {
	case headroom.OperationGrow:
		err = s.c.platform.Grow(ctx, headroom.Growth{Operation: operation.ID, Service: s.name, Workload: workload,
			Names: operation.Replicas, To: operation.To})
	case headroom.OperationShrink:
		err = s.c.platform.Shrink(ctx, headroom.Removal{Operation: operation.ID, Service: s.name, Names: operation.Replicas,
			To: operation.To, Grace: grace})
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	t := &turn{now: s.c.now(), open: s.open, memory: s.memory}
	switch {
	case err == nil:
		s.move(t, operation, headroom.OperationSent, "")
	case refused(err) && operation.Kind == headroom.OperationShrink:
		// It stays planned, and the next turn tries again: a record of each attempt would fill the journal.
		s.refused[operation.ID] = true
		s.c.log.Warn("the platform refuses to remove a replica; trying again", "operation", operation.ID, "error", err)
		return
	case refused(err):
		s.move(t, operation, headroom.OperationFailed, err.Error())
		s.failure = err.Error()
		t.memory.Backoff = t.memory.Backoff.Failed(t.now, s.c.random())
		t.writes = append(t.writes, put(serviceKind, s.name, t.memory))
	default:
		s.move(t, operation, headroom.OperationUnknown, err.Error())
	}
	if err := s.c.commit(t.writes...); err != nil {
		// The record still says planned: the next turn sends the same order again, which changes nothing.
		s.c.log.Error("cannot record that an operation was sent", "operation", operation.ID, "error", err)
		s.open[operation.ID] = operation
		return
	}
	s.memory = t.memory
}

// refused reports whether the platform certainly did nothing.
func refused(err error) bool {
	return errors.Is(err, headroom.ErrThrottled) || errors.Is(err, headroom.ErrInvalidWorkload) || errors.Is(err, headroom.ErrNoCapacity)
}

// tell makes the event of an operation that begins or ends, where a person would want to know.
func (s *service) tell(operation headroom.Operation) []headroom.Write {
	if len(operation.Replicas) != 1 {
		return nil
	}
	name := operation.Replicas[0]
	replica, listed := s.replica(name)
	event := headroom.Event{Level: headroom.LevelInfo, Service: s.name, Details: map[string]any{"replica": name, "operation": operation.ID}}
	took := operation.FinishedAt.Sub(operation.PlannedAt).Round(10 * time.Millisecond)
	switch {
	case operation.Kind == headroom.OperationGrow && operation.State == headroom.OperationConfirmed:
		event.Type = "replica-ready"
		event.Message = fmt.Sprintf("%s is ready, %s after it was ordered (pid %d on %s).", name, took, replica.PID, replica.Address)
	case operation.Kind == headroom.OperationGrow && operation.State == headroom.OperationFailed:
		event.Type, event.Level = "replica-failed", headroom.LevelError
		event.Message = fmt.Sprintf("%s did not start: %s.", name, operation.Error)
		event.Details["tail"] = replica.Tail
	case operation.Kind == headroom.OperationDrain && operation.State == headroom.OperationSent:
		event.Type = "replica-draining"
		event.Message = fmt.Sprintf("%s gets no new requests and finishes those it has.", name)
	case operation.Kind == headroom.OperationShrink && operation.State == headroom.OperationPlanned && listed && replica.State == headroom.ReplicaExited:
		event.Type, event.Level = "replica-exited", headroom.LevelWarning
		event.Message = fmt.Sprintf("%s ended by itself: %s.", name, replica.Exit)
		event.Details["tail"] = replica.Tail
	case operation.Kind == headroom.OperationShrink && operation.State == headroom.OperationPlanned && listed && replica.State == headroom.ReplicaStarting:
		event.Type, event.Level = "replica-given-up", headroom.LevelWarning
		event.Message = fmt.Sprintf("%s is stopped before it was ready: %s.", name, operation.Reason)
	case operation.Kind == headroom.OperationShrink && operation.State == headroom.OperationConfirmed && operation.From > operation.To:
		event.Type = "replica-stopped"
		event.Message = fmt.Sprintf("%s is gone, %s after it was told to stop.", name, took)
	default:
		return nil
	}
	return s.c.event(event)
}

func (s *service) replica(name string) (headroom.Replica, bool) {
	if s.inventory == nil {
		return headroom.Replica{}, false
	}
	for _, replica := range s.inventory.Replicas {
		if replica.Name == name {
			return replica, true
		}
	}
	return headroom.Replica{}, false
}

func takenBack(service string, cancellation orchestration.Cancellation) headroom.Event {
	return headroom.Event{Type: "replica-taken-back", Level: headroom.LevelInfo, Service: service,
		Message: fmt.Sprintf("%s gets requests again: %s.", cancellation.Replica, cancellation.Reason),
		Details: map[string]any{"replica": cancellation.Replica}}
}
