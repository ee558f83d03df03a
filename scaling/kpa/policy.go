package kpa

import (
	"math"
	"time"
)

const (
	// BucketSize is what one value of a window stands for. Knative's config.BucketSize.
	BucketSize = time.Second
	// TickInterval is how often Knative decides. It is also the grain of the scale-down delay.
	TickInterval = 2 * time.Second
	// TargetMin is the smallest target; Knative raises smaller ones to it.
	TargetMin = 0.01
	// longest is the longest window and delay that Knative accepts, and what bounds a State.
	longest = time.Hour
)

// Policy is what Knative calls the DeciderSpec, with the windows of the Metric and the bounds of the PodAutoscaler. Default fills it; a
// value that cannot be meant (zero, negative, not a number where that makes no sense) counts as the default's.
type Policy struct {
	// Target is the load per pod to aim at: requests in flight, or requests per second. See Target.
	Target float64
	// Total is the load that a pod can take at most; only the excess burst capacity is computed from it.
	Total float64

	StableWindow time.Duration // 6 s to 1 h, whole seconds
	PanicWindow  time.Duration // whole seconds, at least one; see PanicWindow
	// PanicThreshold is how many times the ready pods the panic window must ask for: 2 is Knative's 200 %.
	PanicThreshold float64
	// Weighted averages exponentially: the newest seconds count most. Knative's metric-aggregation-algorithm weighted-exponential.
	Weighted bool
	// SilenceIsZero takes a window without any value as no load. Otherwise it is unknown, and nothing changes. Knative does this when
	// TargetBurstCapacity is -1: all requests then pass the activator, so its silence is known to be none.
	SilenceIsZero bool

	MaxScaleUpRate   float64 // at most so many times the ready pods at once; over 1
	MaxScaleDownRate float64 // at least one so-manieth of the ready pods at once; over 1
	// ScaleDownDelay holds the largest count of so long, in steps of TickInterval; 0 is none.
	ScaleDownDelay time.Duration
	// ActivationScale lifts any count but zero to it; below 2 it does nothing.
	ActivationScale int
	// TargetBurstCapacity is the load that must fit at once beside the present one; 0 asks for none, -1 for all that there may be.
	TargetBurstCapacity float64

	// Interval is how often Step decides, in whole seconds; one second or less is at each step.
	Interval time.Duration

	MinScale     int
	MaxScale     int // 0 is without end
	InitialScale int // pods that must have been ready once; see Reconcile
	// Unreachable is a revision that no route names any more: it may shrink at once, and has no MinScale.
	Unreachable bool

	KeepLastPod      bool          // Knative's enable-scale-to-zero: false
	ScaleToZeroGrace time.Duration // the last pod stays for so long after the activator took over
	LastPodRetention time.Duration // the last pod stays at least this long after there was no load
	ProgressDeadline time.Duration // a first pod that is not ready by then, and 30 s, is given up
}

// Default is Knative's configuration as it is delivered, for pods that set no limit of concurrency.
func Default() Policy {
	return Policy{
		Target:              Target(100, 0.7),
		Total:               100,
		StableWindow:        60 * time.Second,
		PanicWindow:         PanicWindow(60*time.Second, 10),
		PanicThreshold:      2,
		MaxScaleUpRate:      1000,
		MaxScaleDownRate:    2,
		TargetBurstCapacity: 211,
		Interval:            TickInterval,
		InitialScale:        1,
		ScaleToZeroGrace:    30 * time.Second,
		ProgressDeadline:    600 * time.Second,
	}
}

// Target is the load per pod to aim at, where a pod can take total and should be used to a share of it (0.7 by default).
func Target(total, utilization float64) float64 {
	return math.Max(TargetMin, total*utilization)
}

// PanicWindow is a percentage (10 by default) of the stable window, rounded to seconds, at least one.
func PanicWindow(stable time.Duration, percentage float64) time.Duration {
	return max(time.Duration(float64(stable)*percentage/100).Round(time.Second), BucketSize)
}

// usable is the policy with what cannot be meant replaced, so that no policy can make a step fail.
func (p *Policy) usable() Policy {
	u := *p
	u.Target = math.Max(TargetMin, positive(u.Target, TargetMin))
	u.Total = positive(u.Total, u.Target)
	u.StableWindow = length(u.StableWindow, 60*time.Second)
	u.PanicWindow = length(u.PanicWindow, 6*time.Second)
	u.PanicThreshold = positive(u.PanicThreshold, 2)
	u.MaxScaleUpRate = positive(u.MaxScaleUpRate, 1000)
	u.MaxScaleDownRate = positive(u.MaxScaleDownRate, 2)
	u.ScaleDownDelay = min(u.ScaleDownDelay, longest)
	if u.ProgressDeadline <= 0 {
		u.ProgressDeadline = 600 * time.Second
	}
	if math.IsNaN(u.TargetBurstCapacity) {
		u.TargetBurstCapacity = 0
	}
	return u
}

func positive(value, otherwise float64) float64 {
	if value > 0 && !math.IsInf(value, 1) {
		return value
	}
	return otherwise
}

func length(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return min(d, longest)
}
