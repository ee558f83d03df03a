package hpa

import "time"

// Spec is one HorizontalPodAutoscaler with the settings of its controller.
type Spec struct {
	Bounds
	Metrics []Metric `json:"metrics"` // at least one
	// Behavior nil is not the default behavior, but what HPA did before there were behaviors: the number at most doubles at
	// each step (from 1 or 2: to 4), and falls to the highest recommendation of DownscaleStabilization.
	Behavior   *Behavior  `json:"behavior,omitempty"`
	Controller Controller `json:"controller"`
}

// Tolerance is what the metrics of the autoscaler are to be compared with.
func (s Spec) Tolerance() Tolerance {
	if s.Behavior == nil {
		return Tolerance{Down: s.Controller.Tolerance, Up: s.Controller.Tolerance}
	}
	return Tolerance{Down: s.Behavior.ScaleDown.Tolerance, Up: s.Behavior.ScaleUp.Tolerance}
}

// Condition is one of HPA's conditions after a step. The zero Condition was not judged and stays as it was.
type Condition struct {
	Status bool   `json:"status"`
	Reason Reason `json:"reason"`
}

// Decision is what came of a step.
type Decision struct {
	Replicas int  `json:"replicas"` // what to scale to
	Rescale  bool `json:"rescale"`  // whether that is a change
	// Why is the reason in HPA's event SuccessfulRescale, without the labels of metrics; empty where the metrics ask for no
	// change.
	Why string `json:"why,omitempty"`
	// Deciding is the index of the metric with the largest proposal; -1 where no metric decided.
	Deciding int `json:"deciding"`
	// Limits are zero where no metric decided.
	Limits Limits `json:"limits,omitzero"`

	Able    Condition `json:"able"`    // AbleToScale; HPA then sets SucceededRescale where it could carry out a change
	Active  Condition `json:"active"`  // ScalingActive
	Limited Condition `json:"limited"` // ScalingLimited

	// Err is why metrics failed. The decision stands nevertheless: it is no change, or the others were enough.
	Err error `json:"-"`
}

// Step is one reconciliation: reconcileAutoscaler. Current is the number of replicas wanted now (spec.replicas of what is
// scaled), and the k-th proposal is that of the k-th metric, made with s.Tolerance(). The state that comes back holds the
// change as done; where it could not be carried out, call Behavior.Normalize and State.Rescaled instead, or keep in the
// state the changes of before.
//
// It is pure. A step makes two small allocations, for the recommendations that the new state keeps.
func Step(s Spec, proposals []Proposed, current int, state State, now time.Time) (Decision, State) {
	next := state.Seen(current, now)
	d := Decision{Replicas: current, Deciding: -1, Able: Condition{Status: true, Reason: ReasonSucceededGetScale}}
	switch {
	case current == 0 && !s.wakes(state):
		d.Active.Reason = ReasonScalingDisabled
		return d, next
	case current != 0 && current > s.Max:
		d.Replicas, d.Why = s.Max, "Current number of replicas above Spec.MaxReplicas"
	case current != 0 && current < s.Min:
		d.Replicas, d.Why = s.Min, "Current number of replicas below Spec.MinReplicas"
	default:
		d, next = s.follow(d, proposals, current, next, now)
	}
	d.Rescale = d.Replicas != current
	if !d.Rescale {
		return d, next
	}
	if s.Behavior != nil {
		next = next.Rescaled(*s.Behavior, current, d.Replicas, now)
	}
	next.ScaledToZero = current > 0 && d.Replicas == 0 && s.Min == 0 && s.external()
	return d, next
}

// follow does what the metrics ask for, within all limits.
func (s Spec) follow(d Decision, proposals []Proposed, current int, state State, now time.Time) (Decision, State) {
	combined := Combine(s.Metrics, proposals, current)
	d.Deciding, d.Err = combined.Deciding, combined.Err
	if !combined.Valid {
		d.Active.Reason = ReasonInvalidMetricSourceType
		if combined.Failed >= 0 {
			d.Active.Reason = s.Metrics[combined.Failed].Source.failed()
		}
		return d, state
	}
	d.Active = Condition{Status: true, Reason: ReasonValidMetricFound}

	recommended := max(combined.Replicas, 0)
	switch {
	case recommended > current:
		d.Why = s.Metrics[combined.Deciding].describe() + " above target"
	case recommended < current:
		d.Why = "All metrics below target"
	}
	var l Limits
	if s.Behavior == nil {
		l, state = s.Controller.normalizeWithoutBehavior(current, recommended, s.Bounds, state, now)
	} else {
		l, state = s.Behavior.Normalize(current, recommended, s.Bounds, state, now)
	}
	d.Replicas, d.Limits = l.Replicas, l
	d.Able.Reason = l.Stabilization
	d.Limited = Condition{Status: l.Replicas != l.Stabilized, Reason: l.Limit}
	if current == 0 && d.Replicas < s.Min {
		// It was scaled to zero, and since then Min was raised.
		d.Replicas = s.Min
		if d.Why == "" {
			d.Why = "Current number of replicas below Spec.MinReplicas"
		}
	}
	return d, state
}

// wakes reports whether metrics may bring a first replica: where this autoscaler took the last one away, and its metrics
// exist without pods or Min is above 0 by now. What a person set to zero stays there.
func (s Spec) wakes(state State) bool {
	return state.ScaledToZero && (s.Min != 0 || s.external())
}

// external reports whether any metric can be read while there are no replicas.
func (s Spec) external() bool {
	for i := range s.Metrics {
		if s.Metrics[i].external() {
			return true
		}
	}
	return false
}
