package orchestration

import (
	"time"

	"headroom.dev/headroom"
)

// World is all that a plan for one service is made from, at one instant.
type World struct {
	Now     time.Time
	Service string
	Wish    Wish

	// Inventory is what the platform says; nil is unknown, and nothing is computed from it. Where a platform takes a
	// number and replaces its dead itself, Count must be the number that it aims at (the desired capacity of a cloud
	// group): the members that it lists lag behind, and a number computed from them would lower it.
	Inventory *headroom.Inventory
	// Synced is false until the platform has been read completely once since this process started; nothing shrinks
	// before that.
	Synced bool
	// LastConfirmed is how many replicas the platform was last believed to hold: History.Count. No growth writes less.
	LastConfirmed int

	// Traffic says how each replica stands with the balancers. A replica that is missing is not known to be drained.
	Traffic map[string]Traffic
	// Draining holds the replicas that the control loop keeps out of traffic, and since when: those of drain operations
	// that were sent, until they are taken back by a Cancellation or are gone from the inventory. A drain operation that
	// failed because its time was over leaves its replica here.
	Draining map[string]time.Time

	Open []headroom.Operation
	// Refused holds the removals in Open that the platform has certainly not begun: it refused them when it was last asked.
	Refused map[string]bool // by the operation's ID
	Backoff Backoff
	Random  float64 // 0 up to 1, for the jitter of back-off

	StartTimeout time.Duration // from created to ready, at most; 0 is no limit
	DrainTimeout time.Duration // for the last requests to end, at most; 0 stops at once
	MaxStarting  int           // how many may be on their way in at once; 0 is no limit
	NextOrdinal  int           // of the next name; names that are in use are skipped

	Capabilities headroom.Capabilities
	Revision     string          // of the present workload; replicas of another one go first
	Sick         map[string]bool // ready ones that the balancers find unhealthy for too long; they go before all others
}

// Wish is how many replicas there should be. 0 replicas is no wish, and nothing is done, unless None says that it was
// decided: the service is scaled to zero, or no longer configured.
type Wish struct {
	Replicas int
	None     bool   // with 0 replicas: drain and stop all
	Decision string // ID of the decision that it comes from
	Reason   string
}

// Traffic is how a replica stands with the balancers.
type Traffic struct {
	InFlight *int64 // requests being served; nil is unknown
	Drained  bool   // every balancer has applied that it gets no more, and none has a request left
}

// Step is what to do now.
type Step struct {
	// Operations are new, in the state planned: to be stored, then carried out in any order.
	Operations []headroom.Operation
	// Cancel are drains, and removals that were refused, that are no longer wanted: end the operation as failed with the
	// reason and give the replica traffic again.
	Cancel []Cancellation
	// Backoff and NextOrdinal take the place of those in World, stored together with the operations.
	Backoff     Backoff
	NextOrdinal int
	// Waiting says why less is done than wished, in a sentence; empty where nothing is held back.
	Waiting string
}

// Cancellation takes a draining replica back.
type Cancellation struct {
	Operation string // the removal or the drain; empty when the drain operation has ended and no removal has begun
	Replica   string
	Reason    string
}
