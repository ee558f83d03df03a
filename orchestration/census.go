package orchestration

import (
	"strconv"
	"strings"

	"headroom.dev/headroom"
)

// census sorts the replicas of an inventory by what they mean for a plan.
type census struct {
	// certain is true when everything that exists is listed. Nothing is taken away otherwise.
	certain bool

	serving  []headroom.Replica // ready and in traffic
	starting []headroom.Replica // created, in time
	leaving  []headroom.Replica // out of traffic, their last requests running
	late     []headroom.Replica // starting for too long
	dead     []headroom.Replica // exited, not forgotten yet

	pending  int // ordered and not listed yet
	unlisted int // held by the platform according to its count, and not listed
	removing int // named by an open shrink operation and not stopping yet

	shrinking map[string]bool   // named by an open shrink operation
	refused   map[string]string // replica to open shrink operation that the platform refuses
	drains    map[string]string // replica to open drain operation
}

func take(w World) census {
	c := census{certain: certain(w), shrinking: map[string]bool{}, refused: map[string]string{}, drains: map[string]string{}}
	ordered, orderedTo := map[string]bool{}, 0
	for _, op := range w.Open {
		if !op.Open() {
			continue
		}
		for _, name := range op.Replicas {
			switch op.Kind {
			case headroom.OperationGrow:
				ordered[name] = true
			case headroom.OperationDrain:
				c.drains[name] = op.ID
			case headroom.OperationShrink:
				c.shrinking[name] = true
				if w.Refused[op.ID] && op.State == headroom.OperationPlanned {
					c.refused[name] = op.ID
				}
			}
		}
		if op.Kind == headroom.OperationGrow && len(op.Replicas) == 0 {
			orderedTo = max(orderedTo, op.To)
		}
	}

	for name := range c.shrinking {
		delete(ordered, name)
	}
	stopping := 0
	for _, replica := range w.Inventory.Replicas {
		delete(ordered, replica.Name)
		_, draining := w.Draining[replica.Name]
		draining = draining || c.drains[replica.Name] != ""
		switch {
		case replica.State == headroom.ReplicaStopping:
			stopping++
		case c.shrinking[replica.Name] && !c.returnable(replica, draining):
			if replica.State != headroom.ReplicaExited {
				c.removing++
			}
		case replica.State == headroom.ReplicaExited:
			c.dead = append(c.dead, replica)
		case draining:
			c.leaving = append(c.leaving, replica)
		case replica.State == headroom.ReplicaReady:
			c.serving = append(c.serving, replica)
		case c.certain && isLate(w, replica):
			c.late = append(c.late, replica)
		default:
			c.starting = append(c.starting, replica)
		}
	}
	if count := w.Inventory.Count; count != nil {
		if more := *count - c.listed() - stopping; more > 0 {
			c.unlisted, c.certain = more, false
		}
	}
	c.pending = len(ordered)
	if more := orderedTo - c.listed() - c.unlisted; more > 0 {
		c.pending += more
	}
	if !c.certain {
		// What is not listed may still exist: what was there last is assumed to be. What is on order comes on top; it may be
		// among those, which errs towards growing too little.
		seen := len(c.serving) + len(c.starting) + c.unlisted
		if more := w.LastConfirmed - len(c.leaving) - c.removing - seen; more > 0 {
			c.unlisted += more
		}
	}
	return c
}

// returnable reports whether a replica could serve again that is drained and that the platform refuses to remove (nomad-autoscaler#911).
func (c *census) returnable(replica headroom.Replica, draining bool) bool {
	return c.refused[replica.Name] != "" && draining && replica.State == headroom.ReplicaReady
}

// certain reports whether everything that exists is listed.
func certain(w World) bool {
	return w.Synced && w.Inventory != nil && w.Inventory.Complete
}

func isLate(w World, replica headroom.Replica) bool {
	return w.StartTimeout > 0 && !replica.CreatedAt.IsZero() && w.Now.Sub(replica.CreatedAt) > w.StartTimeout
}

// listed is how many of the listed replicas the platform holds: neither dead nor on their way out.
func (c *census) listed() int {
	return len(c.serving) + len(c.starting) + len(c.leaving) + len(c.late) + c.removing
}

// live is how many replicas carry traffic or will, open operations counted as done.
func (c *census) live() int {
	return len(c.serving) + len(c.starting) + c.pending + c.unlisted
}

// held is how many replicas the platform holds once open operations are done, draining ones included. Where it only
// takes a count, those still to be removed are included too: it lowers its count itself as each goes, and a number
// without them would remove others in their place.
func (c *census) held(capabilities headroom.Capabilities) int {
	held := c.live() + len(c.leaving) + len(c.late)
	if !capabilities.NamesReplicas {
		held += c.removing
	}
	return held
}

// Ordinal reads n from a name such as shop-n, which Plan gives; false where it is another name.
func Ordinal(service, name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, service+"-")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= 0 && n < 1<<40
}

// nextOrdinal is the first ordinal that no replica and no open operation uses or has passed. The stored one may be
// older than the world after a crash.
func nextOrdinal(w World) int {
	next := max(w.NextOrdinal, 1)
	see := func(name string) {
		if n, ok := Ordinal(w.Service, name); ok && n >= next {
			next = n + 1
		}
	}
	for _, replica := range w.Inventory.Replicas {
		see(replica.Name)
	}
	for _, op := range w.Open {
		for _, name := range op.Replicas {
			see(name)
		}
	}
	return next
}
