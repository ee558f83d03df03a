package alert

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// vector is an instant vector with one series per service.
func vector(values map[string]float64) headroom.QueryResult {
	result := headroom.QueryResult{Type: "vector", Series: []headroom.Series{}}
	for service, value := range values {
		result.Series = append(result.Series, headroom.Series{
			Labels: map[string]string{"__name__": "x", "service": service},
			Points: []headroom.Point{{At: epoch, Value: &value}},
		})
	}
	return result
}

var minuteRule = headroom.AlertRule{Name: "Slow", Expr: "x > 1", For: headroom.Duration(time.Minute), Severity: "warning", Summary: "it is slow"}

func apply(t *testing.T, tracker *Tracker, rule headroom.AlertRule, result headroom.QueryResult, when time.Time) []headroom.Alert {
	t.Helper()
	changes, err := tracker.Apply(rule, result, when)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func TestAlertIsPendingThenFiringThenResolved(t *testing.T) {
	tracker := NewTracker()
	if changes := apply(t, tracker, minuteRule, vector(map[string]float64{"shop": 5}), at(0)); len(changes) != 0 {
		t.Errorf("pending was told: %+v", changes)
	}
	active := tracker.Active()
	if len(active) != 1 || active[0].State != headroom.AlertPending || !active[0].Since.Equal(at(0)) || *active[0].Value != 5 {
		t.Fatalf("active is %+v; expected one pending since the start with value 5", active)
	}
	if changes := apply(t, tracker, minuteRule, vector(map[string]float64{"shop": 6}), at(59)); len(changes) != 0 {
		t.Errorf("fired after 59 s: %+v", changes)
	}
	changes := apply(t, tracker, minuteRule, vector(map[string]float64{"shop": 7}), at(60))
	if len(changes) != 1 || changes[0].State != headroom.AlertFiring || !changes[0].FiredAt.Equal(at(60)) || *changes[0].Value != 7 ||
		changes[0].Labels["service"] != "shop" || changes[0].Labels["__name__"] != "" || changes[0].Summary != "it is slow" || changes[0].Severity != "warning" {
		t.Fatalf("changes are %+v; expected it to fire at 60 s with its labels", changes)
	}
	if changes := apply(t, tracker, minuteRule, vector(map[string]float64{"shop": 8}), at(62)); len(changes) != 0 {
		t.Errorf("firing was told twice: %+v", changes)
	}
	changes = apply(t, tracker, minuteRule, vector(nil), at(90))
	if len(changes) != 1 || changes[0].State != headroom.AlertResolved || !changes[0].ResolvedAt.Equal(at(90)) || !changes[0].Since.Equal(at(0)) {
		t.Errorf("changes are %+v; expected it resolved at 90 s", changes)
	}
	if len(tracker.Active()) != 0 || len(tracker.History()) != 1 {
		t.Errorf("active %v, history %v; expected it in the history only", tracker.Active(), tracker.History())
	}
}

func TestBriefConditionNeverFiresAndStartsAnew(t *testing.T) {
	tracker := NewTracker()
	apply(t, tracker, minuteRule, vector(map[string]float64{"shop": 5}), at(0))
	if changes := apply(t, tracker, minuteRule, vector(nil), at(30)); len(changes) != 0 || len(tracker.History()) != 0 {
		t.Errorf("a pending alert that ended left a trace: %+v", changes)
	}
	apply(t, tracker, minuteRule, vector(map[string]float64{"shop": 5}), at(40))
	if changes := apply(t, tracker, minuteRule, vector(map[string]float64{"shop": 5}), at(70)); len(changes) != 0 {
		t.Errorf("fired 30 s after it began anew: %+v", changes)
	}
}

func TestRuleWithoutDurationFiresAtOnce(t *testing.T) {
	rule := minuteRule
	rule.For = 0
	if changes := apply(t, NewTracker(), rule, vector(map[string]float64{"shop": 1}), at(0)); len(changes) != 1 || changes[0].State != headroom.AlertFiring {
		t.Errorf("changes are %+v; expected firing", changes)
	}
}

func TestEachSeriesIsAnAlertOfItsOwn(t *testing.T) {
	tracker := NewTracker()
	rule := minuteRule
	rule.For = headroom.Duration(10 * time.Second)
	apply(t, tracker, rule, vector(map[string]float64{"a": 1}), at(0))
	apply(t, tracker, rule, vector(map[string]float64{"a": 1, "b": 2}), at(5))
	changes := apply(t, tracker, rule, vector(map[string]float64{"a": 1, "b": 2}), at(10))
	if len(changes) != 1 || changes[0].Labels["service"] != "a" {
		t.Errorf("changes are %+v; expected only a to fire", changes)
	}
	changes = apply(t, tracker, rule, vector(map[string]float64{"b": 2}), at(15))
	if len(changes) != 2 || changes[0].State != headroom.AlertFiring || changes[1].State != headroom.AlertResolved {
		t.Errorf("changes are %+v; expected b firing and a resolved", changes)
	}
}

func TestFailureKeepsTheStateAndForgetsTheValue(t *testing.T) {
	tracker := NewTracker()
	apply(t, tracker, minuteRule, vector(map[string]float64{"shop": 5}), at(0))
	apply(t, tracker, minuteRule, vector(map[string]float64{"shop": 5}), at(60))
	tracker.Fail("Slow")
	active := tracker.Active()
	if len(active) != 1 || active[0].State != headroom.AlertFiring || active[0].Value != nil {
		t.Errorf("active is %+v; expected firing with an unknown value", active)
	}
}

func TestResultsThatCannotBeAlertsAreErrors(t *testing.T) {
	value := 1.0
	many := map[string]float64{}
	for i := range maxAlerts + 1 {
		many[fmt.Sprint(i)] = 1
	}
	twice := vector(map[string]float64{"a": 1})
	twice.Series = append(twice.Series, twice.Series[0])
	for want, result := range map[string]headroom.QueryResult{
		"gives a matrix":             {Type: "matrix", Series: []headroom.Series{{Points: []headroom.Point{{Value: &value}}}}},
		"gives a string":             {Type: "string", Series: []headroom.Series{{Points: []headroom.Point{{Text: "x"}}}}},
		"has 1001 series":            vector(many),
		`two series with the labels`: twice,
	} {
		tracker := NewTracker()
		apply(t, tracker, minuteRule, vector(map[string]float64{"a": 1}), at(0))
		if _, err := tracker.Apply(minuteRule, result, at(60)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v; expected %q", err, want)
		}
		if active := tracker.Active(); len(active) != 1 || active[0].State != headroom.AlertPending {
			t.Errorf("active is %+v; expected the old alert still pending", active)
		}
	}
}

func TestScalarHoldsWhereItIsNotZero(t *testing.T) {
	rule := headroom.AlertRule{Name: "S"}
	for value, alerts := range map[float64]int{0: 0, 1: 1, -2: 1} {
		result := headroom.QueryResult{Type: "scalar", Series: []headroom.Series{{Points: []headroom.Point{{Value: &value}}}}}
		tracker := NewTracker()
		apply(t, tracker, rule, result, at(0))
		if got := len(tracker.Active()); got != alerts {
			t.Errorf("scalar %v gives %d alerts; expected %d", value, got, alerts)
		}
	}
}

func TestRemovedRulesEndTheirAlerts(t *testing.T) {
	tracker := NewTracker()
	rule := headroom.AlertRule{Name: "Now"}
	apply(t, tracker, rule, vector(map[string]float64{"a": 1}), at(0))
	apply(t, tracker, minuteRule, vector(map[string]float64{"a": 1}), at(0))
	changes := tracker.Keep(map[string]bool{"Slow": true}, at(5))
	if len(changes) != 1 || changes[0].Rule != "Now" || changes[0].State != headroom.AlertResolved {
		t.Errorf("changes are %+v; expected Now resolved", changes)
	}
	if active := tracker.Active(); len(active) != 1 || active[0].Rule != "Slow" {
		t.Errorf("active is %+v; expected Slow", active)
	}
}

func TestHistoryIsBoundedAndNewestFirst(t *testing.T) {
	tracker := NewTracker()
	rule := headroom.AlertRule{Name: "Flap"}
	for i := range maxHistory + 5 {
		apply(t, tracker, rule, vector(map[string]float64{"a": 1}), at(2*i))
		apply(t, tracker, rule, vector(nil), at(2*i+1))
	}
	history := tracker.History()
	if len(history) != maxHistory || !history[0].Since.Equal(at(2*(maxHistory+4))) {
		t.Errorf("history has %d alerts, newest since %v", len(history), history[0].Since)
	}
}

// Whatever holds when: an alert fires only after its condition held at every evaluation for the
// whole duration, and every alert told as firing is told as resolved exactly once.
func TestPropertyFiringMeansItHeldThroughout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hold := rapid.IntRange(0, 10).Draw(t, "for")
		rule := headroom.AlertRule{Name: "R", For: headroom.Duration(time.Duration(hold) * time.Second)}
		tracker := NewTracker()
		since, firing := -1, false
		for second := range rapid.IntRange(1, 60).Draw(t, "seconds") {
			holds := rapid.IntRange(0, 3).Draw(t, "holds") > 0
			values := map[string]float64{}
			if holds {
				values["a"] = 1
			}
			changes, err := tracker.Apply(rule, vector(values), at(second))
			if err != nil {
				t.Fatal(err)
			}
			if holds && since < 0 {
				since = second
			}
			shouldFire := holds && second-since >= hold
			var want headroom.AlertState
			switch {
			case shouldFire && !firing:
				want = headroom.AlertFiring
			case !holds && firing:
				want = headroom.AlertResolved
			}
			firing = shouldFire
			if !holds {
				since = -1
			}
			if (want == "") != (len(changes) == 0) || want != "" && changes[0].State != want {
				t.Fatalf("at %d s changes are %+v; expected %q", second, changes, want)
			}
		}
	})
}
