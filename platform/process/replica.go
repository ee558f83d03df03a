package process

import (
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"headroom.dev/headroom"
)

// replica is one process with all its descendants. Fields of its record, adopted and detail are guarded by Platform.mu
// once it is in Platform.replicas; PID and Ticks do not change after that.
type replica struct {
	record
	adopted bool
	detail  string // the last readiness failure
	warning string // limits that are not enforced

	process *os.Process // nil where it is not a child of ours
	exited  chan struct{}
	status  *os.ProcessState // of a child, once exited is closed

	stop     chan struct{} // closed when it is to stop; see askToStop
	stopping bool          // stop is or will be closed; guarded by Platform.mu
	kill     chan struct{} // closed when its grace is over early
	killOnce sync.Once
	removed  chan struct{} // closed when nothing of it is left and it has been forgotten

	recordMu  sync.Mutex // guards its file, and forgotten; taken before Platform.mu
	forgotten bool
}

func newReplica(r record) *replica {
	return &replica{
		record: r, exited: make(chan struct{}), stop: make(chan struct{}), kill: make(chan struct{}), removed: make(chan struct{}),
	}
}

func replicaKey(service, name string) string { return service + "/" + name }

func (r *replica) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Port)) }

// askToStop reports whether this is the first order to stop; the caller then saves the record and closes stop. Call it
// with Platform.mu held.
func (r *replica) askToStop(grace time.Duration) bool {
	if r.stopping {
		return false
	}
	r.stopping = true
	r.Grace = headroom.Duration(grace)
	if r.State != headroom.ReplicaExited {
		r.State = headroom.ReplicaStopping
	}
	return true
}

func (r *replica) killNow() { r.killOnce.Do(func() { close(r.kill) }) }

// describe returns the replica as others see it. Call it with Platform.mu held.
func (r *replica) describe() headroom.Replica {
	detail := r.detail
	if detail == "" {
		detail = r.warning
	}
	return headroom.Replica{
		Name: r.Name, Service: r.Service, State: r.State, Address: r.address(), PID: r.PID, Revision: r.Revision,
		CreatedAt: r.CreatedAt, ReadyAt: r.ReadyAt, ExitedAt: r.ExitedAt, Adopted: r.adopted,
		Exit: r.Exit, Tail: r.Tail, Detail: detail,
	}
}
