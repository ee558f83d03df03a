package hpa

import "time"

// Bounds are what the number of replicas stays within. Min is 0 or more, Max at least Min.
type Bounds struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Limits are what became of a recommendation.
type Limits struct {
	Recommended int `json:"recommended"` // what the metrics ask for
	Stabilized  int `json:"stabilized"`  // after the stabilization windows
	Replicas    int `json:"replicas"`    // after the rate policies and the bounds
	// Stabilization is ReasonReadyForNewScale, or the window that held the recommendation.
	Stabilization Reason `json:"stabilization"`
	// Limit is ReasonDesiredWithinRange, or what bound after the stabilization.
	Limit Reason `json:"limit"`
	// Rate is the most (on the way up) or the fewest (on the way down) that the rate policies allow now; it is the number
	// asked for where there is no change.
	Rate int `json:"rate"`
}

// Normalize limits a recommendation to what the behavior and the bounds allow, and remembers it. Current is the number
// that is wanted now. Where the number is then changed, hand the state to Rescaled.
//
// The state that is passed in is not changed. Percent of nothing are nothing: from zero only a Pods policy lets it rise, in
// HPA too.
func (b Behavior) Normalize(current, recommended int, bounds Bounds, s State, now time.Time) (Limits, State) {
	s = s.caughtUp(now)
	l := Limits{Recommended: recommended, Stabilization: ReasonReadyForNewScale}
	l.Stabilized = b.stabilize(current, recommended, s, now)
	if l.Stabilized != recommended {
		l.Stabilization = ReasonScaleDownStabilized
		if recommended >= current {
			l.Stabilization = ReasonScaleUpStabilized
		}
	}
	next := s.recommended(recommended, now, max(b.ScaleUp.StabilizationWindow, b.ScaleDown.StabilizationWindow))

	l.Replicas, l.Rate, l.Limit = l.Stabilized, l.Stabilized, ReasonDesiredWithinRange
	switch {
	case l.Stabilized > current:
		// At least the current number: after a scale-up by someone else the policies may already be exceeded.
		l.Rate = max(b.ScaleUp.most(current, s, now), current)
		allowed, why := bounds.Max, ReasonTooManyReplicas
		if allowed > l.Rate {
			allowed, why = l.Rate, ReasonScaleUpLimit
		}
		if l.Stabilized > allowed {
			l.Replicas, l.Limit = allowed, why
		}
	case l.Stabilized < current:
		l.Rate = min(b.ScaleDown.fewest(current, s, now), current)
		allowed, why := bounds.Min, ReasonTooFewReplicas
		if allowed < l.Rate {
			allowed, why = l.Rate, ReasonScaleDownLimit
		}
		if l.Stabilized < allowed {
			l.Replicas, l.Limit = allowed, why
		}
	}
	return l, next
}

// stabilize brings the current number to within the lowest recommendation of the window up and the highest of the window
// down, both with the new one. A recommendation that is exactly as old as a window is out of it.
func (b Behavior) stabilize(current, recommended int, s State, now time.Time) int {
	lowest, highest := recommended, recommended
	for since, i := now.Add(-b.ScaleUp.StabilizationWindow), 0; i < len(s.Lowest); i++ {
		if s.Lowest[i].At.After(since) {
			lowest = min(lowest, s.Lowest[i].Replicas) // rising: none after it is lower
			break
		}
	}
	for since, i := now.Add(-b.ScaleDown.StabilizationWindow), 0; i < len(s.Highest); i++ {
		if s.Highest[i].At.After(since) {
			highest = max(highest, s.Highest[i].Replicas) // falling: none after it is higher
			break
		}
	}
	return min(max(current, lowest), highest)
}

// most is the most replicas that the policies of scaling up allow now: calculateScaleUpLimitWithScalingRules.
//
// Each policy counts from what there was when its period began: with 10 replicas now, of which 4 came within the period,
// "4 Pods" allows 6+4 = 10, and "100 Percent" 6×2 = 12, rounded up so that one percent of a few replicas is still one.
func (r Rules) most(current int, s State, now time.Time) int {
	if r.Select == SelectDisabled {
		return current
	}
	most := -mostReplicas
	if r.Select == SelectMin {
		most = mostReplicas
	}
	for _, p := range r.Policies {
		allowed := p.start(current, s, now)
		if p.Type == RatePercent {
			allowed = ceil(float64(allowed) * (1 + float64(p.Value)/100))
		} else {
			allowed = min(allowed+p.Value, mostReplicas)
		}
		if r.Select == SelectMin {
			most = min(most, allowed)
		} else {
			most = max(most, allowed)
		}
	}
	return most
}

// fewest is the fewest replicas that the policies of scaling down allow now: calculateScaleDownLimitWithBehaviors. Percent
// are rounded toward fewer replicas, so that one percent of a few is still one.
func (r Rules) fewest(current int, s State, now time.Time) int {
	if r.Select == SelectDisabled {
		return current
	}
	fewest := mostReplicas
	if r.Select == SelectMin {
		fewest = -mostReplicas
	}
	for _, p := range r.Policies {
		allowed := p.start(current, s, now)
		if p.Type == RatePercent {
			allowed = whole(float64(allowed) * (1 - float64(p.Value)/100))
		} else {
			allowed -= p.Value
		}
		if r.Select == SelectMin {
			fewest = max(fewest, allowed)
		} else {
			fewest = min(fewest, allowed)
		}
	}
	return fewest
}

// start is how many replicas there were when the policy's period began, as far as this autoscaler changed them.
func (p RatePolicy) start(current int, s State, now time.Time) int {
	return current - changed(s.ScaleUps, p.Period, now) + changed(s.ScaleDowns, p.Period, now)
}

// normalizeWithoutBehavior is what HPA does where no behavior is set: normalizeDesiredReplicas. It is not the same as the
// default behavior: the number at most doubles at each step (from 1 or 2: to 4), however often steps come, and a
// recommendation that is exactly as old as the window still counts.
func (c Controller) normalizeWithoutBehavior(current, recommended int, bounds Bounds, s State, now time.Time) (Limits, State) {
	s = s.caughtUp(now)
	l := Limits{Recommended: recommended, Stabilized: recommended, Stabilization: ReasonReadyForNewScale}
	for since, i := now.Add(-c.DownscaleStabilization), 0; i < len(s.Highest); i++ {
		if !s.Highest[i].At.Before(since) {
			l.Stabilized = max(l.Stabilized, s.Highest[i].Replicas)
			break
		}
	}
	if l.Stabilized != recommended {
		l.Stabilization = ReasonScaleDownStabilized
	}
	next := s.recommended(recommended, now, c.DownscaleStabilization)

	l.Replicas, l.Limit = l.Stabilized, ReasonDesiredWithinRange
	l.Rate = max(2*current, 4)
	allowed, why := bounds.Max, ReasonTooManyReplicas
	if allowed > l.Rate {
		allowed, why = l.Rate, ReasonScaleUpLimit
	}
	switch {
	case l.Stabilized < bounds.Min:
		l.Replicas, l.Limit = bounds.Min, ReasonTooFewReplicas
	case l.Stabilized > allowed:
		l.Replicas, l.Limit = allowed, why
	}
	return l, next
}
