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
	Source string   `json:"source"` // "target requests-per-second", "policy cpu-scaling"
	Metric Metric   `json:"metric"`
	Target float64  `json:"target"`                              // in the metric's unit
	Window string   `json:"window,omitempty" enum:"fast,stable"` // which reading decided
	Value  *float64 `json:"value"`                               // that reading, per replica; nil is unknown
	// Replicas is what it asks for; nil is an abstention: nothing is known, or its condition does not hold.
	Replicas *int   `json:"replicas"`
	Note     string `json:"note"` // how the number came about, in a sentence
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

// ScalerState is what must be remembered between two decisions of one service.
type ScalerState struct {
	// Wanted is the number of replicas decided last; 0 before the first decision.
	Wanted int `json:"wanted"`
	// LastUp and LastDown are when Wanted was last raised and lowered; zero is never.
	LastUp   time.Time `json:"lastUp,omitzero"`
	LastDown time.Time `json:"lastDown,omitzero"`
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
