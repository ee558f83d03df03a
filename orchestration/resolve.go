package orchestration

import (
	"fmt"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// Resolve says what has become of an open operation, from what the world shows: confirmed, failed (with a text that says
// why), or the state in which it still is. An operation that was planned or whose answer was lost counts as sent once
// the world shows that it was taken. A removal whose answer was lost and that the platform, read since, has not begun
// goes back to planned, where victims can be named: the same order again cannot remove anything else. So does a drain
// of which the balancers do not know.
//
// It must see the same reading as the Plan that follows, so that a replica is never counted by both or by neither.
func Resolve(op headroom.Operation, w World) (headroom.OperationState, string) {
	if !op.Open() {
		return op.State, op.Error
	}
	if w.Inventory == nil {
		return op.State, ""
	}
	listed := make(map[string]headroom.Replica, len(w.Inventory.Replicas))
	for _, replica := range w.Inventory.Replicas {
		listed[replica.Name] = replica
	}
	switch {
	case op.Kind == headroom.OperationGrow && len(op.Replicas) == 0:
		return resolveCount(op, w)
	case op.Kind == headroom.OperationGrow:
		return resolveEach(op, func(name string) (headroom.OperationState, string) { return grown(op, w, listed, name) })
	case op.Kind == headroom.OperationDrain:
		return resolveEach(op, func(name string) (headroom.OperationState, string) { return drained(op, w, listed, name) })
	default:
		return resolveEach(op, func(name string) (headroom.OperationState, string) { return removed(op, w, listed, name) })
	}
}

// resolveEach combines the replicas of an operation: open while any is, then failed if any is.
func resolveEach(op headroom.Operation, one func(name string) (headroom.OperationState, string)) (headroom.OperationState, string) {
	result, text, open := headroom.OperationConfirmed, "", headroom.OperationState("")
	for _, name := range op.Replicas {
		state, why := one(name)
		switch {
		case state == headroom.OperationFailed && text == "":
			result, text = state, why
		case state != headroom.OperationConfirmed && state != headroom.OperationFailed:
			open = state
		}
	}
	if open != "" {
		return open, ""
	}
	return result, text
}

func grown(op headroom.Operation, w World, listed map[string]headroom.Replica, name string) (headroom.OperationState, string) {
	replica, found := listed[name]
	switch {
	case replica.State == headroom.ReplicaReady, !replica.ReadyAt.IsZero():
		return headroom.OperationConfirmed, ""
	case replica.State == headroom.ReplicaExited:
		return headroom.OperationFailed, fmt.Sprintf("%s ended before it was ready: %s", name, ending(replica))
	case beingRemoved(w, name):
		// Its removal may end between two readings; without this the growth would wait for it until the start timeout.
		return headroom.OperationFailed, name + " was taken away before it was ready"
	case !found:
		return absent(op, w, name)
	case replica.State == headroom.ReplicaStopping:
		return headroom.OperationFailed, name + " was stopped before it was ready"
	case isLate(w, replica):
		text := fmt.Sprintf("%s did not get ready within %s", name, headroom.Duration(w.StartTimeout))
		if replica.Detail != "" {
			text += ": " + replica.Detail
		}
		return headroom.OperationFailed, text
	default:
		return headroom.OperationSent, ""
	}
}

func beingRemoved(w World, name string) bool {
	return slices.ContainsFunc(w.Open, func(op headroom.Operation) bool {
		return op.Kind == headroom.OperationShrink && op.Open() && slices.Contains(op.Replicas, name)
	})
}

// absent judges an ordered replica that is not listed: it fails once the platform has had the start timeout to show it.
func absent(op headroom.Operation, w World, name string) (headroom.OperationState, string) {
	if op.State == headroom.OperationPlanned || !certain(w) || w.StartTimeout <= 0 || w.Inventory.At.Sub(sentAt(op)) <= w.StartTimeout {
		return op.State, ""
	}
	return headroom.OperationFailed, fmt.Sprintf("the platform did not create %s within %s", name, headroom.Duration(w.StartTimeout))
}

func sentAt(op headroom.Operation) time.Time {
	if op.SentAt.IsZero() {
		return op.PlannedAt // sent by a process that was killed before it could note when
	}
	return op.SentAt
}

// readSince reports whether all that exists was read after an operation was sent. Before that, its number is known from
// the operation alone: LastConfirmed is older, and a growth from it would write less than the platform aims at.
func readSince(op headroom.Operation, w World) bool {
	return certain(w) && w.Inventory.At.After(sentAt(op))
}

// resolveCount judges a growth by number, on platforms that choose the names.
func resolveCount(op headroom.Operation, w World) (headroom.OperationState, string) {
	for _, other := range w.Open {
		if other.Kind == headroom.OperationShrink && other.Open() && other.PlannedAt.After(op.PlannedAt) && readSince(op, w) {
			// Its number will never be reached, and what is missing would count as on its way until the start timeout.
			return headroom.OperationFailed, "replicas were taken away again before all were ready"
		}
	}
	ready := 0
	for _, replica := range w.Inventory.Replicas {
		if replica.State == headroom.ReplicaReady {
			ready++
		}
	}
	if ready >= op.To {
		return headroom.OperationConfirmed, ""
	}
	state, text := absent(op, w, "")
	if state == headroom.OperationFailed {
		text = fmt.Sprintf("only %d of %d replicas were ready within %s", ready, op.To, headroom.Duration(w.StartTimeout))
	}
	return state, text
}

func drained(op headroom.Operation, w World, listed map[string]headroom.Replica, name string) (headroom.OperationState, string) {
	replica, found := listed[name]
	if !found {
		if certain(w) {
			return headroom.OperationFailed, name + " was gone before it was drained"
		}
		return op.State, ""
	}
	if replica.State == headroom.ReplicaExited {
		return headroom.OperationFailed, fmt.Sprintf("%s ended before it was drained: %s", name, ending(replica))
	}
	since, draining := w.Draining[name]
	traffic := w.Traffic[name]
	switch {
	case !draining: // the balancers do not know: telling them is safe to repeat
		return headroom.OperationPlanned, ""
	case traffic.Drained:
		return headroom.OperationConfirmed, ""
	case w.Now.Sub(since) >= w.DrainTimeout:
		return headroom.OperationFailed, overdue(name, traffic, w.DrainTimeout)
	default:
		return headroom.OperationSent, ""
	}
}

func removed(op headroom.Operation, w World, listed map[string]headroom.Replica, name string) (headroom.OperationState, string) {
	replica, found := listed[name]
	switch {
	case !found && certain(w):
		return headroom.OperationConfirmed, ""
	case !found:
		return op.State, ""
	case replica.State == headroom.ReplicaStopping:
		return headroom.OperationSent, ""
	case op.State == headroom.OperationUnknown && w.Capabilities.NamesVictims && w.Inventory.At.After(op.SentAt):
		return headroom.OperationPlanned, ""
	default:
		return op.State, ""
	}
}
