package hpa

import (
	"errors"
	"fmt"
	"time"
)

// The longest windows that the API server of Kubernetes takes.
const (
	longestStabilization = time.Hour
	longestPeriod        = 30 * time.Minute
)

// takes reports whether a metric of the source may have such a target.
func (s Source) takes(target TargetType) bool {
	switch s {
	case Resource, ContainerResource:
		return target == Utilization || target == AverageValue
	case Pods:
		return target == AverageValue
	default:
		return target == Value || target == AverageValue
	}
}

func (s Source) known() bool {
	return s == Resource || s == ContainerResource || s == Pods || s == Object || s == External
}

// Validate names the first field that HPA does not take.
func (m Metric) Validate() error {
	switch {
	case !m.Source.known():
		return fmt.Errorf("source %q: expected %s, %s, %s, %s or %s", m.Source, Resource, ContainerResource, Pods, Object, External)
	case m.Name == "":
		return fmt.Errorf("name of a %s metric is empty: expected a resource or a metric", m.Source)
	case m.Source == ContainerResource && m.Container == "":
		return fmt.Errorf("container of the %s metric %q is empty: expected the name of a container", m.Source, m.Name)
	case !m.Source.takes(m.Type):
		return fmt.Errorf("type %q of the %s metric %q: expected %s (of anything), %s (of resources) or %s (of Object and External)",
			m.Type, m.Source, m.Name, AverageValue, Utilization, Value)
	case m.Target < 1:
		return fmt.Errorf("target %d of the %s metric %q: expected 1 or more", m.Target, m.Source, m.Name)
	}
	return nil
}

// Validate names the first field that HPA does not take.
func (s Spec) Validate() error {
	switch {
	case s.Min < 0:
		return fmt.Errorf("min %d: expected 0 or more", s.Min)
	case s.Max < 1 || s.Max < s.Min || s.Max > mostReplicas:
		return fmt.Errorf("max %d: expected at least 1 and at least min %d, at most %d", s.Max, s.Min, mostReplicas)
	case len(s.Metrics) == 0:
		return errors.New("metrics is empty: expected at least one")
	case s.Min == 0 && !s.external():
		return fmt.Errorf("min 0: expected a metric of source %s or %s, which exists without replicas", Object, External)
	}
	for i, m := range s.Metrics {
		if err := m.Validate(); err != nil {
			return fmt.Errorf("metrics[%d]: %w", i, err)
		}
	}
	if s.Behavior != nil {
		return s.Behavior.Validate()
	}
	return nil
}

// Validate names the first field that HPA does not take.
func (b Behavior) Validate() error {
	if err := b.ScaleUp.validate("scaleUp"); err != nil {
		return err
	}
	return b.ScaleDown.validate("scaleDown")
}

func (r Rules) validate(field string) error {
	switch {
	case r.StabilizationWindow < 0 || r.StabilizationWindow > longestStabilization:
		return fmt.Errorf("%s.stabilizationWindow %s: expected 0s to %s", field, r.StabilizationWindow, longestStabilization)
	case r.Select != SelectMax && r.Select != SelectMin && r.Select != SelectDisabled:
		return fmt.Errorf("%s.select %q: expected %s, %s or %s", field, r.Select, SelectMax, SelectMin, SelectDisabled)
	case len(r.Policies) == 0:
		return fmt.Errorf("%s.policies is empty: expected at least one", field)
	case !(r.Tolerance >= 0):
		return fmt.Errorf("%s.tolerance %v: expected 0 or more", field, r.Tolerance)
	}
	for i, p := range r.Policies {
		switch {
		case p.Type != RatePods && p.Type != RatePercent:
			return fmt.Errorf("%s.policies[%d].type %q: expected %s or %s", field, i, p.Type, RatePods, RatePercent)
		case p.Value <= 0:
			return fmt.Errorf("%s.policies[%d].value %d: expected 1 or more", field, i, p.Value)
		case p.Period <= 0 || p.Period > longestPeriod:
			return fmt.Errorf("%s.policies[%d].period %s: expected more than 0s, at most %s", field, i, p.Period, longestPeriod)
		}
	}
	return nil
}
