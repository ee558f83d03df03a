package kpa

import (
	"math"
	"time"
)

// Decision is how many pods are wanted, and what that came from.
type Decision struct {
	// Known is false where nothing could be computed; Bound then says why, and the rest is of the last decision.
	Known   bool `json:"known"`
	Desired int  `json:"desired"` // pods; -1 before the first decision
	Panic   bool `json:"panic"`
	// Bound is the last rule that changed the number; empty where it is ceil(average / target).
	Bound Bound `json:"bound,omitempty"`

	StableLoad float64 `json:"stableLoad"` // mean over the stable window
	PanicLoad  float64 `json:"panicLoad"`  // mean over the panic window
	StablePods int     `json:"stablePods"` // ceil(StableLoad / target), before any limit
	PanicPods  int     `json:"panicPods"`  // ceil(PanicLoad / target), before any limit
	Ready      int     `json:"ready"`
	Most       int     `json:"most"`  // by MaxScaleUpRate
	Least      int     `json:"least"` // by MaxScaleDownRate
	// ExcessBurst is the load that fits beside the present one and TargetBurstCapacity. Below zero Knative sends requests through the activator.
	ExcessBurst int `json:"excessBurst"`
}

// Bound names a rule that decided a number.
type Bound string

// The rules, in the order in which they apply.
const (
	BoundNone            Bound = ""
	BoundNoLoad          Bound = "load-unknown"        // no value in the stable window
	BoundNoReady         Bound = "ready-unknown"       // the ready pods could not be counted
	BoundScaleUpRate     Bound = "max-scale-up-rate"   // Policy.MaxScaleUpRate
	BoundScaleDownRate   Bound = "max-scale-down-rate" // Policy.MaxScaleDownRate
	BoundActivationScale Bound = "activation-scale"    // Policy.ActivationScale
	BoundPanic           Bound = "panic-never-shrinks" // the largest count of this panic
	BoundScaleDownDelay  Bound = "scale-down-delay"    // Policy.ScaleDownDelay
	BoundInitialScale    Bound = "initial-scale"       // Policy.InitialScale; this and the next are Reconcile's
	BoundMinScale        Bound = "min-scale"           // Policy.MinScale
	BoundMaxScale        Bound = "max-scale"           // Policy.MaxScale
	BoundKeepLastPod     Bound = "scale-to-zero-off"   // Policy.KeepLastPod
	BoundActivating      Bound = "activating"          // the first pods have not been ready yet
	BoundStableWindow    Bound = "active-too-shortly"  // less than a stable window
	BoundInactive        Bound = "becoming-inactive"   // the activator takes over first
	BoundActivator       Bound = "activator-not-ready" // it does not answer yet
	BoundRetention       Bound = "last-pod-retention"  // Policy.LastPodRetention
	BoundGrace           Bound = "scale-to-zero-grace" // Policy.ScaleToZeroGrace
)

// Decide computes the number of pods from what was recorded. Ready pods that are negative are not known.
func Decide(policy Policy, now time.Time, ready int, s *State) Decision {
	p := policy.usable()
	s.DecidedAt = now
	s.fit(&p, second(now)) // also where nothing can be decided: what a changed window keeps depends on when it is changed
	if !s.Started && ready < 0 {
		s.Last = Decision{Desired: -1, Bound: BoundNoReady}
		return s.Last
	}
	if !s.Started {
		s.start(&p, now, ready)
	}
	if ready < 0 {
		return s.unknown(BoundNoReady)
	}
	stable, panics, known := s.averages(&p, second(now))
	if !known {
		return s.unknown(BoundNoLoad)
	}

	d := Decision{Known: true, StableLoad: stable, PanicLoad: panics, Ready: ready}
	pods := math.Max(1, float64(ready))
	// Up: rounded up, so that a small rate can still add a pod (1.1 times 2 is 3). Down: rounded down, so that the last can go.
	most, least := math.Ceil(p.MaxScaleUpRate*pods), 0.0
	if !p.Unreachable {
		least = math.Floor(pods / p.MaxScaleDownRate)
	}
	wantStable, wantPanic := math.Ceil(stable/p.Target), math.Ceil(panics/p.Target)
	d.StablePods, d.PanicPods, d.Most, d.Least = whole(wantStable), whole(wantPanic), whole(most), whole(least)

	d.Desired, d.Bound = limited(&p, wantStable, least, most)
	panicPods, ofPanic := limited(&p, wantPanic, least, most)

	s.panicOrNot(&p, now, wantPanic/pods >= p.PanicThreshold)
	if d.Panic = !s.PanicSince.IsZero(); d.Panic {
		if panicPods > d.Desired {
			d.Desired, d.Bound = panicPods, ofPanic
		}
		if d.Desired < s.PanicPods {
			d.Desired, d.Bound = s.PanicPods, BoundPanic
		}
		s.PanicPods = d.Desired
	}
	s.delay(&p, now, &d)
	d.ExcessBurst = excessBurst(&p, ready, panics)
	s.Last = d
	return d
}

// unknown keeps the last decision.
func (s *State) unknown(why Bound) Decision {
	s.Last.Known, s.Last.Bound = false, why
	return s.Last
}

// limited is a count within the greatest rates of change, and at least ActivationScale unless nothing is wanted.
func limited(p *Policy, want, least, most float64) (int, Bound) {
	pods, bound := want, BoundNone
	if pods < least {
		pods, bound = least, BoundScaleDownRate
	}
	if pods > most {
		pods, bound = most, BoundScaleUpRate
	}
	if p.ActivationScale > 1 && want > 0 && float64(p.ActivationScale) > pods {
		return p.ActivationScale, BoundActivationScale
	}
	return whole(pods), bound
}

// panicOrNot begins or extends panic, or ends it when a stable window has passed, so that the surge is in the stable average.
func (s *State) panicOrNot(p *Policy, now time.Time, over bool) {
	if over {
		s.PanicSince = now
		return
	}
	if s.PanicSince.After(now) {
		s.PanicSince = now // the clock was set back; panic would last as long as it jumped
	}
	if !s.PanicSince.IsZero() && s.PanicSince.Add(p.StableWindow).Before(now) {
		s.PanicSince, s.PanicPods = time.Time{}, 0
	}
}

// delay holds the largest count of the last ScaleDownDelay. An unreachable revision shrinks at once, and what it wants is not remembered.
func (s *State) delay(p *Policy, now time.Time, d *Decision) {
	if p.ScaleDownDelay <= 0 {
		s.Delay.Counts, s.Delay.Gone = s.Delay.Counts[:0], 0
		return
	}
	if p.Unreachable {
		return
	}
	if largest := s.Delay.largest(p.ScaleDownDelay, now, d.Desired); largest != d.Desired {
		d.Desired, d.Bound = largest, BoundScaleDownDelay
	}
}

// excessBurst is judged by the panic window and by pods that are really ready, zero included.
func excessBurst(p *Policy, ready int, panics float64) int {
	switch {
	case p.TargetBurstCapacity == 0:
		return 0
	case p.TargetBurstCapacity > 0:
		return whole(math.Floor(float64(ready)*p.Total - p.TargetBurstCapacity - panics))
	default:
		return -1
	}
}
