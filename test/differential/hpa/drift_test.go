package hpa

import (
	"time"

	"headroom.dev/headroom/scaling/hpa"
)

// spec draws an autoscaler: sometimes without behavior, with one metric or several.
func (r random) spec() hpa.Spec {
	s := hpa.Spec{Bounds: hpa.Bounds{Min: oneOf(r, 0, 1, 1, 1, 2, 4), Max: 4 + r.IntN(40)}, Controller: r.controller()}
	for k := range oneOf(r, 1, 1, 1, 1, 2, 2, 3, 4) {
		s.Metrics = append(s.Metrics, r.metric(k))
	}
	if r.chance(60) {
		// Most autoscalers can be steered; and Min 0 needs such a metric.
		s.Metrics[0] = hpa.Metric{Source: hpa.External, Name: "queue-0", Type: hpa.AverageValue, Target: 100}
	}
	if r.chance(85) {
		s.Behavior = &hpa.Behavior{ScaleUp: r.rules(), ScaleDown: r.rules()}
	}
	return s
}

func (r random) rules() hpa.Rules {
	rules := hpa.Rules{
		StabilizationWindow: r.seconds(0, 0, 5, 15, 60, 60, 300),
		Select:              oneOf(r, hpa.SelectMax, hpa.SelectMax, hpa.SelectMin, hpa.SelectMin, hpa.SelectDisabled),
		Tolerance:           r.tolerance(),
	}
	if r.chance(50) && rules.Select == hpa.SelectDisabled {
		rules.Select = hpa.SelectMax
	}
	rules.Policies = r.policies()
	return rules
}

func (r random) policies() []hpa.RatePolicy {
	policies := make([]hpa.RatePolicy, 1+r.IntN(3))
	for i := range policies {
		policies[i] = hpa.RatePolicy{Type: oneOf(r, hpa.RatePods, hpa.RatePercent), Period: r.seconds(1, 15, 15, 60, 300)}
		policies[i].Value = oneOf(r, 1, 2, 3, 4, 10)
		if policies[i].Type == hpa.RatePercent {
			policies[i].Value = oneOf(r, 1, 10, 33, 50, 100, 100, 150, 900)
		}
	}
	return policies
}

// pause is how long until the next step: mostly the interval, which puts steps exactly onto the ends of windows and periods.
func (s *sequence) pause() time.Duration {
	switch s.IntN(10) {
	case 0:
		return time.Duration(s.Int64N(int64(2 * s.interval)))
	case 1:
		return s.interval + 1
	case 2:
		return s.interval - 1
	default:
		return s.interval
	}
}

// adjust is what people do meanwhile: they change the bounds, the metrics and the policies, and scale by hand. Windows only shrink here: where they
// grow, Kubernetes and we remember different parts of what was before the old window.
func (s *sequence) adjust() {
	if s.chance(3) {
		s.wanted = s.IntN(25)
	}
	if s.chance(2) {
		s.spec.Min = oneOf(s.random, 0, 1, 2, 4)
	}
	if s.chance(2) {
		s.spec.Max = 4 + s.IntN(40)
	}
	if s.wanted == 0 && s.chance(5) || s.chance(1) {
		s.spec.Metrics = []hpa.Metric{s.metric(0), s.metric(1)}
	}
	if s.spec.Behavior == nil || !s.chance(3) {
		return
	}
	b := *s.spec.Behavior
	for _, rules := range []*hpa.Rules{&b.ScaleUp, &b.ScaleDown} {
		rules.Policies, rules.Tolerance = s.policies(), s.tolerance()
		if s.chance(50) {
			rules.StabilizationWindow = rules.StabilizationWindow / time.Second / 2 * time.Second
		}
	}
	s.spec.Behavior = &b
}

// steer sets what there is to what is wanted, and makes the first metric ask for a number that wanders.
func (s *sequence) steer(w *world) {
	w.wanted = s.wanted
	if !s.chance(10) {
		w.observed = s.wanted
	}
	m := s.spec.Metrics[0]
	if m.Source != hpa.External || m.Type != hpa.AverageValue {
		return
	}
	asked := s.wanted + s.IntN(13) - 6
	if s.chance(20) {
		asked = s.IntN(30)
	}
	if s.chance(5) {
		asked = 0
	}
	w.series[m.Name] = []int64{max(0, int64(asked)*m.Target)}
}
