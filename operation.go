package headroom

import "time"

// Operation is one change of the world. Its record is stored before anything is done and after each step, so that a
// crash at any instant loses nothing and repeats nothing: an operation that was sent and not confirmed is resolved by
// reading the world.
type Operation struct {
	ID       string         `json:"id"`
	Service  string         `json:"service"`
	Kind     OperationKind  `json:"kind" enum:"grow,drain,shrink"`
	Replicas []string       `json:"replicas"` // their names; for grow, of the new ones
	From     int            `json:"from"`     // live replicas before
	To       int            `json:"to"`       // live replicas after
	Decision string         `json:"decision,omitempty"`
	Reason   string         `json:"reason"`
	State    OperationState `json:"state" enum:"planned,sent,confirmed,failed,unknown"`
	Error    string         `json:"error,omitempty"`

	PlannedAt  time.Time `json:"plannedAt"`
	SentAt     time.Time `json:"sentAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
}

// Open reports whether the operation has not ended.
func (o Operation) Open() bool {
	return o.State == OperationPlanned || o.State == OperationSent || o.State == OperationUnknown
}

// OperationKind is what an operation does.
type OperationKind string

// The kinds of operations.
const (
	// OperationGrow creates replicas; confirmed when they are ready.
	OperationGrow OperationKind = "grow"
	// OperationDrain takes replicas out of traffic; confirmed when their last request has ended.
	OperationDrain OperationKind = "drain"
	// OperationShrink stops replicas and forgets dead ones; confirmed when the platform no longer lists them.
	OperationShrink OperationKind = "shrink"
)

// OperationState is how far an operation is.
type OperationState string

// The states of an operation.
const (
	OperationPlanned   OperationState = "planned"   // recorded, nothing done yet
	OperationSent      OperationState = "sent"      // the platform or the balancer has been told
	OperationConfirmed OperationState = "confirmed" // the world shows it
	OperationFailed    OperationState = "failed"    // it will not happen
	OperationUnknown   OperationState = "unknown"   // told, and the answer was lost; the world will show
)
