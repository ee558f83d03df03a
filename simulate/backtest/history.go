package backtest

import (
	"time"

	"headroom.dev/headroom"
)

// History is what was measured of a service while it ran; what a model is learned from.
type History struct {
	Stretches []Stretch
	Seconds   [][]Measured    // of the whole service; each list is without gaps
	Replicas  []ReplicaSecond // by replica, and of each in order of time
	Starts    []Start
	Evenly    bool // as in Model
}

// Stretch is some seconds of a whole service.
type Stretch struct {
	Length   time.Duration
	Answered float64  // requests
	Busy     float64  // seconds that they took together, as clients saw it
	InFlight float64  // requests at once, mean
	Ready    float64  // replicas, mean
	Slower   []Bucket // how long the answered took, fastest first; empty where it is not known
}

// Measured is one second of a whole service.
type Measured struct {
	Arrivals float64     // requests
	InFlight float64     // mean
	Ready    int         // replicas at its beginning
	Joined   [pieces]int // replicas that got ready in each part of it
}

// Bucket counts the requests that took at most so long, and longer than the bucket before.
type Bucket struct {
	Most  float64 // seconds; may be +Inf in the last
	Count float64
}

// ReplicaSecond is one second of one replica.
type ReplicaSecond struct {
	Replica  string
	At       time.Time
	Answered float64 // requests
	InFlight float64 // mean
}

// Start is one replica that was ordered.
type Start struct {
	Delay  time.Duration // from the order to when the platform had carried it out
	Boot   time.Duration // from then to ready
	Failed bool          // it never was; then there is no Boot
}

// Growths are the starts among operations, those that have ended.
func Growths(operations []headroom.Operation) []Start {
	var starts []Start
	for _, o := range operations {
		if o.Kind != headroom.OperationGrow || o.SentAt.IsZero() || o.FinishedAt.IsZero() {
			continue
		}
		switch o.State {
		case headroom.OperationConfirmed:
			starts = append(starts, Start{Delay: o.SentAt.Sub(o.PlannedAt), Boot: o.FinishedAt.Sub(o.SentAt)})
		case headroom.OperationFailed:
			starts = append(starts, Start{Delay: o.SentAt.Sub(o.PlannedAt), Failed: true})
		}
	}
	return starts
}
