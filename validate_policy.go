package headroom

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Validate says what is wrong with one policy. With an empty path the fields are named alone. The name is part of the policy's identity,
// SERVICE.NAME, and of its path in the API, so it holds no spaces, dots and slashes.
func (p ScalingPolicy) Validate(path string) []error {
	found := &findings{}
	found.add(validName(joinPath(path, "name"), p.Name)...)
	kinds := p.Kinds()
	switch {
	case len(kinds) == 0:
		found.add(&InvalidError{Field: joinPath(path, "metric"),
			Expected: `must be given for a threshold, such as "cpu", or one of target, steps, schedule, concurrency, rule, formula, kubernetes instead`})
	case len(kinds) > 1:
		words := make([]string, len(kinds))
		for i, kind := range kinds {
			words[i] = string(kind)
		}
		found.add(&InvalidError{Field: joinPath(path, words[1]),
			Expected: "a policy is of one kind, and this one has " + strings.Join(words, " and ") + ": make a policy of each"})
	case kinds[0] == KindThreshold:
		found.add(p.validateThreshold(path)...)
	}
	if t := p.Target; t != nil {
		found.add(t.validate(joinPath(path, "target"))...)
	}
	if p.Steps != nil {
		found.add(p.Steps.validate(joinPath(path, "steps"))...)
	}
	if p.Concurrency != nil {
		found.add(p.Concurrency.validate(joinPath(path, "concurrency"))...)
	}
	if p.Kubernetes != nil {
		found.add(p.Kubernetes.validate(joinPath(path, "kubernetes"))...)
	}
	found.add(checkTags(path, p)...)
	return found.errors
}

// validName holds a name to what can be part of a path of the API.
func validName(path, name string) []error {
	const longest = 63
	switch {
	case strings.TrimSpace(name) == "":
		return []error{&InvalidError{Field: path, Expected: `must be given, such as "cpu-scaling"`}}
	case len(name) > longest || strings.ContainsAny(name, " \t\r\n./"):
		return []error{&InvalidError{Field: path, Value: strconv.Quote(name),
			Expected: fmt.Sprintf(`must be a word of at most %d characters without spaces, dots and slashes, such as "cpu-scaling"`, longest)}}
	}
	return nil
}

func (p ScalingPolicy) validateThreshold(path string) []error {
	found := &findings{}
	if p.Metric == "" {
		found.add(&InvalidError{Field: joinPath(path, "metric"), Expected: `must be given, such as "cpu"`})
	}
	if p.Action == "" {
		found.add(&InvalidError{Field: joinPath(path, "action"), Expected: "must be one of scale-up, scale-down"})
	}
	return found.errors
}

func (t TargetPolicy) validate(path string) []error {
	given := []string{}
	for _, value := range []struct {
		name  string
		value float64
	}{{"utilization", t.Utilization}, {"averageValue", t.AverageValue}, {"value", t.Value}} {
		if value.value != 0 {
			given = append(given, value.name)
		}
	}
	measuredInPercent := t.Metric == MetricCPU || t.Metric == MetricMemory
	switch {
	case len(given) != 1:
		return []error{&InvalidError{Field: joinPath(path, "averageValue"),
			Expected: fmt.Sprintf("exactly one of utilization, averageValue and value must be given and more than 0, and there are %d", len(given))}}
	case t.Utilization != 0 && !measuredInPercent:
		return []error{&InvalidError{Field: joinPath(path, "utilization"), Value: strconv.FormatFloat(t.Utilization, 'g', -1, 64),
			Expected: fmt.Sprintf("is for cpu and memory: %s has no limit that it could be a share of; use averageValue or value", t.Metric)}}
	case t.Value == 0 && t.Metric.Shared():
		return []error{&InvalidError{Field: joinPath(path, given[0]),
			Expected: fmt.Sprintf("%s does not add up over replicas: use value", t.Metric)}}
	}
	return nil
}

func (s StepPolicy) validate(path string) []error {
	found := &findings{}
	if len(s.Steps) == 0 {
		found.add(&InvalidError{Field: joinPath(path, "steps"), Expected: "must have at least one step, such as {from: 70, add: 1}"})
	}
	type band struct {
		from, until float64
		at          int
	}
	var bands []band
	for i, step := range s.Steps {
		at := joinPath(path, fmt.Sprintf("steps[%d]", i))
		b := band{0, math.Inf(1), i}
		if step.From != nil {
			b.from = *step.From
		}
		if step.Until != nil {
			b.until = *step.Until
		}
		switch {
		case step.From == nil && step.Until == nil:
			found.add(&InvalidError{Field: joinPath(at, "from"), Expected: "from or until must be given, else the step would always be taken"})
		case !(b.from < b.until):
			found.add(&InvalidError{Field: joinPath(at, "until"), Value: number(b.until), Expected: "must be more than from, which is " + number(b.from)})
		case (step.Add == 0) == (step.AddPercent == 0):
			found.add(&InvalidError{Field: joinPath(at, "add"), Expected: "either add or addPercent must be given, and not be 0"})
		default:
			bands = append(bands, b)
		}
	}
	slices.SortFunc(bands, func(a, b band) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(bands); i++ {
		if bands[i].from < bands[i-1].until {
			end := "goes to " + number(bands[i-1].until)
			if math.IsInf(bands[i-1].until, 1) {
				end = "has no until"
			}
			found.add(&InvalidError{Field: joinPath(path, fmt.Sprintf("steps[%d].from", bands[i].at)), Value: number(bands[i].from),
				Expected: fmt.Sprintf("lies in the band of steps[%d], which %s: bands must not overlap", bands[i-1].at, end)})
		}
	}
	return found.errors
}

func number(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

func (c ConcurrencyPolicy) validate(path string) []error {
	return append(between(joinPath(path, "stableWindow"), c.StableWindow, 6*time.Second, time.Hour),
		between(joinPath(path, "scaleDownDelay"), c.ScaleDownDelay, 0, time.Hour)...)
}

func (k KubernetesPolicy) validate(path string) []error {
	found := &findings{}
	if len(k.Metrics) == 0 {
		found.add(&InvalidError{Field: joinPath(path, "metrics"), Expected: "must have at least one metric"})
	}
	found.add(between(joinPath(path, "syncPeriod"), k.SyncPeriod, time.Second, 10*time.Minute)...)
	for i, metric := range k.Metrics {
		at := joinPath(path, fmt.Sprintf("metrics[%d]", i))
		resource := metric.Type == "Resource" || metric.Type == "ContainerResource"
		switch {
		case resource && metric.Name != MetricCPU && metric.Name != MetricMemory:
			found.add(&InvalidError{Field: at + ".name", Value: strconv.Quote(string(metric.Name)), Expected: "a Resource is cpu or memory"})
		case resource && metric.TargetType == "Value", !resource && metric.TargetType == "Utilization", metric.Type == "Pods" && metric.TargetType != "AverageValue":
			found.add(&InvalidError{Field: at + ".targetType", Value: strconv.Quote(metric.TargetType),
				Expected: "must be Utilization or AverageValue for resources, AverageValue for Pods, AverageValue or Value for Object and External"})
		}
	}
	if k.Behavior != nil {
		found.add(k.Behavior.validate(joinPath(path, "behavior"))...)
	}
	return found.errors
}

func (b Behavior) validate(path string) []error {
	return append(b.ScaleUp.validate(joinPath(path, "scaleUp")), b.ScaleDown.validate(joinPath(path, "scaleDown"))...)
}

func (r BehaviorRules) validate(path string) []error {
	found := &findings{}
	if r.StabilizationWindow != nil {
		found.add(between(joinPath(path, "stabilizationWindow"), *r.StabilizationWindow, 0, time.Hour)...)
	}
	for i, policy := range r.Policies {
		found.add(between(joinPath(path, fmt.Sprintf("policies[%d].period", i)), policy.Period, time.Second, 30*time.Minute)...)
	}
	return found.errors
}
