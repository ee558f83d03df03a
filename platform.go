package headroom

import (
	"context"
	"errors"
	"time"
)

// Platform is where replicas run. It changes the world only when told to by an operation, and it reports what is true.
//
// The interface fits platforms that name each replica (processes), that only take a count and choose the names
// themselves (Kubernetes, cloud groups), that take minutes, and that sometimes cannot say how many there are. Every call
// is idempotent by its operation and absolute in its effect: repeating it changes nothing.
//
// Implementations are safe for concurrent use. Errors that callers tell apart are ErrThrottled, ErrInvalidWorkload and
// ErrNoCapacity; any other error leaves the result of a mutation unknown, and it is resolved by Inventory.
type Platform interface {
	// Capabilities says what this platform can do. It does not change.
	Capabilities() Capabilities
	// Inventory reads all replicas of a service, those on their way in and out included. An error means that nothing is
	// known; so does Inventory.Complete == false of what is missing.
	Inventory(ctx context.Context, service string) (Inventory, error)
	// Grow makes sure that the named replicas exist, or, where the platform names them itself, that there are To.
	// It returns when the platform has taken the order, not when the replicas are ready.
	Grow(ctx context.Context, order Growth) error
	// Shrink removes exactly the named replicas, which have been drained; a platform that cannot name victims removes as
	// many and takes the names as a hint. It returns when the order is taken.
	Shrink(ctx context.Context, order Removal) error
	// Usage reads what each replica of a service consumes. A replica that cannot be read has nil fields.
	Usage(ctx context.Context, service string) ([]ReplicaUsage, error)
	// Logs returns the last lines of a replica's output, oldest first.
	Logs(ctx context.Context, service, replica string, lines int) ([]string, error)
	// Changes sends a service name whenever its inventory may have changed, so that nobody has to poll to be quick. It is
	// a hint: sends are dropped rather than blocked on. The channel is closed by Close.
	Changes() <-chan string
	// Close releases what this process holds of the platform. Replicas keep running.
	Close() error
}

// Capabilities is what a platform can do.
type Capabilities struct {
	NamesReplicas bool `json:"namesReplicas"` // Grow.Names are honored
	NamesVictims  bool `json:"namesVictims"`  // Removal.Names are honored, not only taken as a hint
}

// Inventory is what a platform knows of one service.
type Inventory struct {
	Service string    `json:"service"`
	At      time.Time `json:"at"`
	// Count is the number of replicas that the platform holds, dead ones not counted; nil is unknown.
	Count *int `json:"count"`
	// Replicas are those that could be read.
	Replicas []Replica `json:"replicas"`
	// Complete is false where some could not be read: what is missing from Replicas may still exist.
	Complete bool `json:"complete"`
}

// Replica is one running copy of a service.
type Replica struct {
	Name      string       `json:"name"`
	Service   string       `json:"service"`
	State     ReplicaState `json:"state" enum:"starting,ready,stopping,exited"`
	Address   string       `json:"address"` // host:port; empty where not known yet
	PID       int          `json:"pid,omitempty"`
	Revision  string       `json:"revision"` // hash of what it was started from
	CreatedAt time.Time    `json:"createdAt"`
	ReadyAt   time.Time    `json:"readyAt,omitzero"`
	ExitedAt  time.Time    `json:"exitedAt,omitzero"`
	Adopted   bool         `json:"adopted,omitempty"` // was already running when this process started
	// Exit says how it ended ("exit status 1", "killed by SIGKILL", "killed: out of memory", or "exited; its status is not
	// known since headroom was restarted while it ran").
	Exit string   `json:"exit,omitempty"`
	Tail []string `json:"tail,omitempty"` // last lines of its output, once it has exited
	// Detail says in words why it is not ready: the last readiness failure.
	Detail string `json:"detail,omitempty"`
}

// ReplicaState is where a replica is in its life.
type ReplicaState string

// The states of a replica. There is no way back.
const (
	ReplicaStarting ReplicaState = "starting" // created, has not passed its first health check
	ReplicaReady    ReplicaState = "ready"    // has passed its first health check
	ReplicaStopping ReplicaState = "stopping" // told to stop
	ReplicaExited   ReplicaState = "exited"   // gone; listed until a Removal names it, so that its end is never missed
)

// Growth is an order for more replicas.
type Growth struct {
	Operation string   `json:"operation"` // ID; the same one again changes nothing
	Service   string   `json:"service"`
	Workload  Workload `json:"workload"`
	Names     []string `json:"names"` // of the new replicas
	To        int      `json:"to"`    // how many there are then, dead ones not counted
}

// Removal is an order to remove replicas.
type Removal struct {
	Operation string   `json:"operation"`
	Service   string   `json:"service"`
	Names     []string `json:"names"`
	To        int      `json:"to"`
	Grace     Duration `json:"grace"` // between asking and forcing
}

// Workload is what a replica is made from.
type Workload struct {
	Run         Run         `json:"run"`
	HealthCheck HealthCheck `json:"healthCheck"` // its readiness is judged by this
	Reach       Reach       `json:"reach"`       // by way of this
	// Revision identifies the content of Run; replicas of another revision are of an older version. How a replica is checked and
	// reached is no part of it: that may change while it runs.
	Revision string `json:"revision"`
}

// Errors that every platform reports alike; wrap them with what was attempted.
var (
	// ErrThrottled means that the platform is asked too often; nothing was changed, try later.
	ErrThrottled = errors.New("the platform asks to be called less often")
	// ErrInvalidWorkload means that the order can never succeed as it stands (a command that does not exist).
	ErrInvalidWorkload = errors.New("the workload cannot be started as it is configured")
	// ErrNoCapacity means that the platform has no room for more now.
	ErrNoCapacity = errors.New("the platform has no room for another replica")
)
