package fake

import "time"

// Faults are what is wrong with a platform until they are changed. The zero value is a platform that does as it is
// told. Each has been seen on a real one.
type Faults struct {
	// Throttled answers every call with ErrThrottled and changes nothing.
	Throttled bool
	// Blind fails every Inventory and Usage.
	Blind bool
	// UnknownCount leaves Count nil, as Azure does while it is throttled (kubernetes/autoscaler#3240).
	UnknownCount bool
	// Empty reports a count of 0 and no replicas, as if that were the complete truth (kubernetes/autoscaler#9452).
	Empty bool
	// Hidden leaves out so many replicas, the oldest first, and says that the list is not complete.
	Hidden int
	// Stale shows the world as it was so long ago, without saying so.
	Stale time.Duration
	// LosesOrders takes Grow and Shrink and does nothing.
	LosesOrders bool
	// LosesAnswers carries Grow and Shrink out and returns an error.
	LosesAnswers bool
	// Capacity is how many living replicas fit, all services together; 0 is no limit. A Grow that needs more starts
	// those that fit and returns ErrNoCapacity.
	Capacity int
	// StartDelay is the time from order to ready.
	StartDelay time.Duration
	// StopDelay is the time from order to gone.
	StopDelay time.Duration
	// NeverReady keeps every replica that is not ready starting.
	NeverReady bool
	// Silent sends no hints on Changes.
	Silent bool
	// NoUsage leaves the fields of Usage nil.
	NoUsage bool
}
