// Package alert evaluates alert rules: PromQL expressions of which each series in the result is one
// alert, pending until it has held for as long as its rule says, then firing, then resolved.
//
// Tracker is the pure state machine; Runner feeds it from the metrics store.
package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"headroom.dev/headroom"
)

const (
	// maxAlerts bounds the alerts of one rule: an expression that matches more is a mistake, and
	// nobody could act on them.
	maxAlerts = 1000
	// maxHistory bounds the resolved alerts that are kept, over all rules.
	maxHistory = 1000
)

// Tracker holds the alerts of all rules. It has no clock and does no I/O. It is not safe for
// concurrent use.
type Tracker struct {
	active  map[string]map[string]*headroom.Alert // by rule and labels
	history []headroom.Alert                      // resolved, oldest first
}

// NewTracker returns a tracker without alerts.
func NewTracker() *Tracker {
	return &Tracker{active: map[string]map[string]*headroom.Alert{}}
}

// Apply takes the result of a rule's expression at one time and returns the alerts that began to
// fire or were resolved by it, in the order of their labels. An error means that the result cannot
// be used; then the alerts of the rule stay as after [Tracker.Fail].
func (t *Tracker) Apply(rule headroom.AlertRule, result headroom.QueryResult, at time.Time) ([]headroom.Alert, error) {
	holding, err := elements(result)
	if err != nil {
		t.Fail(rule.Name)
		return nil, err
	}
	alerts := t.active[rule.Name]
	if alerts == nil {
		alerts = map[string]*headroom.Alert{}
		t.active[rule.Name] = alerts
	}
	var changes []headroom.Alert
	for _, key := range slices.Sorted(maps.Keys(holding)) {
		element := holding[key]
		alert := alerts[key]
		if alert == nil {
			alert = &headroom.Alert{Rule: rule.Name, Labels: element.labels, State: headroom.AlertPending, Since: at}
			alerts[key] = alert
		}
		alert.Severity, alert.Summary, alert.Value = rule.Severity, rule.Summary, element.value
		if alert.State == headroom.AlertPending && at.Sub(alert.Since) >= time.Duration(rule.For) {
			alert.State, alert.FiredAt = headroom.AlertFiring, at
			changes = append(changes, *alert)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(alerts)) {
		if _, holds := holding[key]; !holds {
			changes = append(changes, t.resolve(rule.Name, key, at)...)
		}
	}
	return changes, nil
}

// Fail notes that a rule could not be evaluated. Its alerts keep their state, since nothing is
// known against them, but their values are not known any more.
func (t *Tracker) Fail(rule string) {
	for _, alert := range t.active[rule] {
		alert.Value = nil
	}
}

// Keep ends the alerts of all rules but those named, and returns those that had been firing.
func (t *Tracker) Keep(rules map[string]bool, at time.Time) []headroom.Alert {
	var changes []headroom.Alert
	for _, name := range slices.Sorted(maps.Keys(t.active)) {
		if rules[name] {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(t.active[name])) {
			changes = append(changes, t.resolve(name, key, at)...)
		}
		delete(t.active, name)
	}
	return changes
}

// resolve ends one alert. One that never fired leaves no trace: nobody was told of it.
func (t *Tracker) resolve(rule, key string, at time.Time) []headroom.Alert {
	alert := t.active[rule][key]
	delete(t.active[rule], key)
	if alert.State != headroom.AlertFiring {
		return nil
	}
	alert.State, alert.ResolvedAt = headroom.AlertResolved, at
	t.history = append(t.history, *alert)
	if extra := len(t.history) - maxHistory; extra > 0 {
		t.history = slices.Delete(t.history, 0, extra)
	}
	return []headroom.Alert{*alert}
}

// Active returns the pending and firing alerts, firing ones first, then by rule and labels.
func (t *Tracker) Active() []headroom.Alert {
	out := []headroom.Alert{}
	for _, alerts := range t.active {
		for _, alert := range alerts {
			out = append(out, *alert)
		}
	}
	slices.SortFunc(out, func(a, b headroom.Alert) int {
		return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Rule, b.Rule), cmp.Compare(key(a.Labels), key(b.Labels)))
	})
	return out
}

// History returns the resolved alerts, newest first.
func (t *Tracker) History() []headroom.Alert {
	out := make([]headroom.Alert, len(t.history))
	copy(out, t.history)
	slices.Reverse(out)
	return out
}

// element is one series of a result.
type element struct {
	labels map[string]string
	value  *float64
}

// elements takes a result apart. A vector holds for each of its series, whatever their value, as in
// Prometheus; a scalar holds where it is not zero.
func elements(result headroom.QueryResult) (map[string]element, error) {
	if len(result.Series) > maxAlerts {
		return nil, fmt.Errorf("the expression has %d series; at most %d can be alerts", len(result.Series), maxAlerts)
	}
	out := map[string]element{}
	for _, series := range result.Series {
		if len(series.Points) == 0 {
			continue
		}
		value := series.Points[len(series.Points)-1].Value
		switch result.Type {
		case "vector":
		case "scalar":
			if value != nil && *value == 0 {
				continue
			}
		default:
			return nil, fmt.Errorf("the expression gives a %s; an alert needs an instant vector or a scalar", result.Type)
		}
		labels := maps.Clone(series.Labels)
		delete(labels, "__name__")
		if _, twice := out[key(labels)]; twice {
			return nil, fmt.Errorf("the expression gives two series with the labels {%s}; aggregate them, for example with sum by (service)", key(labels))
		}
		out[key(labels)] = element{labels: labels, value: value}
	}
	return out, nil
}

// key writes labels in one way only.
func key(labels map[string]string) string {
	pairs := make([]string, 0, len(labels))
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, name+"="+strconv.Quote(labels[name]))
	}
	return strings.Join(pairs, ",")
}
