package headroom

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Validate says what is wrong with how a service is scaled. Expressions and times of schedules are judged by scaling.Check, which can read them.
func (s Scaling) Validate(path string) []error {
	found := &findings{}
	if s.MinReplicas >= 0 && s.MaxReplicas >= 1 && s.MaxReplicas < s.MinReplicas {
		found.add(&InvalidError{Field: path + ".maxReplicas", Value: strconv.Itoa(s.MaxReplicas),
			Expected: fmt.Sprintf("must be at least minReplicas, which is %d", s.MinReplicas)})
	}
	found.add(s.validateAlone(path)...)
	return found.errors
}

// validateAlone judges each field by itself.
func (s Scaling) validateAlone(path string) []error {
	found := &findings{}
	found.add(between(path+".stableWindow", s.StableWindow, time.Second, 5*time.Minute)...)
	found.add(between(path+".warmUp", s.WarmUp, 0, time.Hour)...)
	found.add(between(path+".scaleToZeroAfter", s.ScaleToZeroAfter, 0, 7*24*time.Hour)...)
	found.add(s.Behavior.validate(path + ".behavior")...)
	for _, name := range slices.Sorted(maps.Keys(s.Signals)) {
		found.add(s.Signals[name].validate(joinPath(path+".signals", string(name)), name)...)
	}
	for _, metric := range slices.Sorted(maps.Keys(s.Activation)) {
		found.add(s.checkMetric(path+".activation", metric)...)
	}
	for i, window := range s.Schedule {
		found.add(window.validate(fmt.Sprintf("%s.schedule[%d]", path, i))...)
	}
	seen := map[string]int{}
	for i, policy := range s.Policies {
		at := fmt.Sprintf("%s.policies[%d]", path, i)
		found.add(policy.Validate(at)...)
		found.add(s.CheckMetrics(at, policy)...)
		if first, twice := seen[policy.Name]; twice && policy.Name != "" {
			found.add(&InvalidError{Field: at + ".name", Value: strconv.Quote(policy.Name),
				Expected: fmt.Sprintf("is also the name of %s.policies[%d]: names of policies must differ", path, first)})
			continue
		}
		seen[policy.Name] = i
	}
	found.add(checkTags(path, s)...)
	return found.errors
}

func (b BoundsWindow) validate(path string) []error {
	switch {
	case b.MinReplicas == nil && b.MaxReplicas == nil:
		return []error{&InvalidError{Field: path + ".minReplicas", Expected: "minReplicas or maxReplicas must be given, else the window changes nothing"}}
	case b.MinReplicas != nil && b.MaxReplicas != nil && *b.MaxReplicas < *b.MinReplicas:
		return []error{&InvalidError{Field: path + ".maxReplicas", Value: strconv.Itoa(*b.MaxReplicas),
			Expected: fmt.Sprintf("must be at least minReplicas of the same window, which is %d", *b.MinReplicas)}}
	}
	return nil
}

// CheckMetrics says which metrics of a policy are neither built in nor among the signals.
func (s Scaling) CheckMetrics(path string, p ScalingPolicy) []error {
	found := &findings{}
	if p.Metric != "" {
		found.add(s.checkMetric(joinPath(path, "metric"), p.Metric)...)
	}
	if p.Target != nil {
		found.add(s.checkMetric(joinPath(path, "target.metric"), p.Target.Metric)...)
	}
	if p.Steps != nil {
		found.add(s.checkMetric(joinPath(path, "steps.metric"), p.Steps.Metric)...)
	}
	if p.Kubernetes != nil {
		for i, metric := range p.Kubernetes.Metrics {
			found.add(s.checkMetric(joinPath(path, fmt.Sprintf("kubernetes.metrics[%d].name", i)), metric.Name)...)
		}
	}
	return found.errors
}

func (s Scaling) checkMetric(path string, metric Metric) []error {
	known := make([]string, 0, len(Metrics())+len(s.Signals))
	for _, builtIn := range Metrics() {
		known = append(known, string(builtIn))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Signals)) {
		if !slices.Contains(known, string(name)) {
			known = append(known, string(name))
		}
	}
	enum := strings.Join(known, ",")
	if err := checkEnum(path, enum, string(metric)); err != nil {
		return []error{err}
	}
	return nil
}

// between holds a duration to its bounds.
func between(path string, value Duration, shortest, longest time.Duration) []error {
	if value >= Duration(shortest) && value <= Duration(longest) {
		return nil
	}
	return []error{&InvalidError{Field: path, Value: strconv.Quote(value.String()),
		Expected: fmt.Sprintf("must be from %s to %s", Duration(shortest), Duration(longest))}}
}
