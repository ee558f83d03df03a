package hpa

import "time"

// Behavior is how fast the number of replicas may change, in each direction.
type Behavior struct {
	ScaleUp   Rules `json:"scaleUp"`
	ScaleDown Rules `json:"scaleDown"`
}

// Rules are those of one direction. There are no defaults in them: DefaultScaleUp and DefaultScaleDown hold HPA's, to
// which a user's fields are then set.
type Rules struct {
	// StabilizationWindow is over how long the least change of all recommendations is taken: on the way up the lowest, on
	// the way down the highest. 0 to 1 h.
	StabilizationWindow time.Duration `json:"stabilizationWindow"`
	// Select is which of the policies holds.
	Select Select `json:"select"`
	// Policies are at least one; with none there is no change.
	Policies []RatePolicy `json:"policies"`
	// Tolerance is the share of the target by which a metric may miss it without a change in this direction.
	Tolerance float64 `json:"tolerance"`
}

// Select is which of several policies holds, by HPA's names.
type Select string

// The ways to select a policy.
const (
	SelectMax      Select = "Max"      // the one that allows the largest change
	SelectMin      Select = "Min"      // the one that allows the smallest change
	SelectDisabled Select = "Disabled" // none: no change in this direction
)

// RatePolicy limits how much the number may change within a period.
type RatePolicy struct {
	Type RateType `json:"type"`
	// Value is replicas, or percent of the replicas that there were when the period began; above 0.
	Value int `json:"value"`
	// Period is how far back changes count; above 0, up to 30 min.
	Period time.Duration `json:"period"`
}

// RateType is what a policy counts in, by HPA's names.
type RateType string

// The types of rate policies.
const (
	RatePods    RateType = "Pods"
	RatePercent RateType = "Percent"
)

// DefaultScaleUp is what HPA takes where a behavior is given without (all of) scaleUp: at most 4 replicas or 100 % in 15 s,
// whichever is more, at once.
func DefaultScaleUp(c Controller) Rules {
	return Rules{
		Select: SelectMax,
		Policies: []RatePolicy{
			{Type: RatePods, Value: 4, Period: 15 * time.Second},
			{Type: RatePercent, Value: 100, Period: 15 * time.Second},
		},
		Tolerance: c.Tolerance,
	}
}

// DefaultScaleDown is what HPA takes where a behavior is given without (all of) scaleDown: to the highest recommendation
// of the controller's window (5 min), at any rate.
func DefaultScaleDown(c Controller) Rules {
	return Rules{
		// Whole seconds: the controller writes its window into a field of seconds.
		StabilizationWindow: c.DownscaleStabilization.Truncate(time.Second),
		Select:              SelectMax,
		Policies:            []RatePolicy{{Type: RatePercent, Value: 100, Period: 15 * time.Second}},
		Tolerance:           c.Tolerance,
	}
}

// longest is the longest period of the policies: changes are remembered for that long.
func (r Rules) longest() time.Duration {
	longest := time.Duration(0)
	for _, p := range r.Policies {
		longest = max(longest, p.Period)
	}
	return longest
}
