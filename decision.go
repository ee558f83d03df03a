package headroom

import "time"

// Decision says how many replicas a service should have and why. It is made by scaling.Decide, a pure function of the
// policy, the observation and the state that it carries, so that it can be made again from the record alone.
type Decision struct {
	ID        string    `json:"id"`
	Service   string    `json:"service"`
	At        time.Time `json:"at"`
	From      int       `json:"from"`      // replicas wanted before
	To        int       `json:"to"`        // replicas wanted now
	Code      string    `json:"code"`      // which rule decided, stable for programs: see the Code constants
	Reason    string    `json:"reason"`    // the same in a sentence with numbers
	Unlimited int       `json:"unlimited"` // what the proposals alone would have given
	// Proposals holds one entry for each target and policy, in the order in which they are configured.
	Proposals []Proposal `json:"proposals,omitempty"`
	// Limits holds the rules that were applied to Unlimited, in order; Limits[i].After is Limits[i+1].Before.
	Limits []Limit `json:"limits,omitempty"`

	// The inputs.
	Policy      Scaling     `json:"policy"`
	Observation Observation `json:"observation"`
	State       ScalerState `json:"state"` // before the decision
}

// The codes of decisions.
const (
	CodeHold      = "hold"       // the proposals ask for what there is
	CodeScaleUp   = "scale-up"   // more, as proposed
	CodeScaleDown = "scale-down" // fewer, as proposed
	CodeLimited   = "limited"    // a limit changed what was proposed
	CodeManual    = "manual"     // a person asked for this number
	CodeDisabled  = "disabled"   // scaling is switched off
	CodeUnknown   = "unknown"    // too little is known to change anything
	CodeInitial   = "initial"    // first decision for this service
)

// Proposal is what one target or policy asks for.
type Proposal struct {
	Source string     `json:"source"`         // "target requests-per-second", "policy cpu-scaling"
	Kind   PolicyKind `json:"kind,omitempty"` // of a policy
	Metric Metric     `json:"metric"`
	Target float64    `json:"target"`                              // in the metric's unit
	Window string     `json:"window,omitempty" enum:"fast,stable"` // which reading decided
	Value  *float64   `json:"value"`                               // that reading, per replica; nil is unknown
	// Replicas is what it asks for; nil is an abstention: nothing is known, or its condition does not hold.
	Replicas *int   `json:"replicas"`
	Note     string `json:"note"` // how the number came about, in a sentence
	// Shadow is a proposal that decides nothing.
	Shadow bool `json:"shadow,omitempty"`
	// Weight counts with Combine weighted; 0 is 1.
	Weight float64 `json:"weight,omitempty"`
}

// Limit is one rule applied to the proposed number.
type Limit struct {
	Rule   string `json:"rule"`
	Before int    `json:"before"`
	After  int    `json:"after"`
	Note   string `json:"note"`
}

// Bound reports whether the limit changed the number.
func (l Limit) Bound() bool { return l.Before != l.After }

// ScalerState is what must be remembered between two decisions of one service. It is never changed: each decision returns another one.
type ScalerState struct {
	// Wanted is the number of replicas decided last; 0 before the first decision, and where Zero.
	Wanted int `json:"wanted"`
	// Zero is true where it was decided that no replica is wanted.
	Zero bool `json:"zero,omitempty"`
	// LastUp and LastDown are when Wanted was last raised and lowered; zero is never.
	LastUp   time.Time `json:"lastUp,omitzero"`
	LastDown time.Time `json:"lastDown,omitzero"`
	// LastActive is when an activation signal was last above its value; only kept with minReplicas 0.
	LastActive time.Time `json:"lastActive,omitzero"`
	// Flaps are the changes of the last hour, oldest first; only kept with a flapBudget.
	Flaps []ReplicaChange `json:"flaps,omitempty"`
	// Behavior is what Scaling.Behavior looks back on.
	Behavior *PolicyMemory `json:"behavior,omitempty"`
	// Policies is what single policies remember, by name.
	Policies map[string]PolicyMemory `json:"policies,omitempty"`
}

// Decided reports whether there has been a decision.
func (s ScalerState) Decided() bool { return s.Wanted > 0 || s.Zero }

// Changed reports whether more than what policies remember differs from before: what a restart must not lose.
func (s ScalerState) Changed(before ScalerState) bool {
	return s.Wanted != before.Wanted || s.Zero != before.Zero || !s.LastUp.Equal(before.LastUp) || !s.LastDown.Equal(before.LastDown)
}

// ReplicaChange is how many replicas were started or stopped by one decision.
type ReplicaChange struct {
	At       time.Time `json:"at"`
	Replicas int       `json:"replicas"` // above 0
}

// Outcome is what became of a decision that changed the number of replicas.
type Outcome struct {
	Decision string    `json:"decision"`
	Service  string    `json:"service"`
	From     int       `json:"from"`
	To       int       `json:"to"`
	At       time.Time `json:"at"`
	// Reached is true when there were as many ready replicas as decided, and false when another decision came first.
	Reached bool     `json:"reached"`
	Took    Duration `json:"took"` // from the decision
	// Before and After are the signals at the decision and at the outcome.
	Before map[Metric]Signal `json:"before,omitempty"`
	After  map[Metric]Signal `json:"after,omitempty"`
}
