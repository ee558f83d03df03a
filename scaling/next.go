package scaling

import (
	"fmt"
	"math"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// Turn is what would have to change for another number: the load at which it would be decided, all else as it was.
type Turn struct {
	To int `json:"to"`
	// Factor is by how many times all signals would have to be more (or less).
	Factor float64 `json:"factor"`
	// Metric is the one of the proposal that would decide, and Value what it would be: the total, or for what does not add up the value itself. Both are empty
	// where it would be no metric's.
	Metric headroom.Metric `json:"metric,omitempty"`
	Value  float64         `json:"value,omitempty"`
	// Second is true where Value is of the last second alone, since the proposal is by that: it panics, or has windows of its own and gets each second once.
	Second bool `json:"second,omitempty"`
}

// mostLoad and leastLoad are how far the load is varied to find a turn, as factors.
const (
	mostLoad  = 1024.0
	leastLoad = 1.0 / 1024
)

// More is the least increase of the load for which more replicas would have been decided; false where none would do, or nothing is known.
func More(d headroom.Decision) (Turn, bool) {
	return turn(d, mostLoad, func(to int) bool { return to > d.To })
}

// Fewer is the least decrease of the load for which fewer replicas would have been decided.
func Fewer(d headroom.Decision) (Turn, bool) {
	return turn(d, leastLoad, func(to int) bool { return to < d.To })
}

// For is the least change of the load for which so many replicas, or more extremely many, would have been decided.
func For(d headroom.Decision, replicas int) (Turn, bool) {
	if replicas > d.To {
		return turn(d, mostLoad, func(to int) bool { return to >= replicas })
	}
	return turn(d, leastLoad, func(to int) bool { return to <= replicas })
}

// turn searches between the load as it was and an extreme of it, by halving on a logarithmic scale, to 0.1 % of the load. A decision rises with the load, but for
// rules and formulas that a user may write otherwise; then it finds one of several turns.
func turn(d headroom.Decision, extreme float64, is func(to int) bool) (Turn, bool) {
	if !d.State.Decided() {
		return Turn{}, false
	}
	c, _ := Compile(d.Policy)
	at := func(factor float64) headroom.Decision {
		again, _ := c.DecideQuietly(d.ID, scaled(d.Observation, factor), d.State)
		return again
	}
	if !is(at(extreme).To) {
		return Turn{}, false
	}
	without, with := 1.0, extreme
	for math.Abs(math.Log(with/without)) > 0.001 {
		middle := math.Sqrt(with * without)
		if is(at(middle).To) {
			with = middle
		} else {
			without = middle
		}
	}
	found := at(with)
	t := Turn{To: found.To, Factor: with}
	if deciding := decider(found); deciding >= 0 {
		p := &found.Proposals[deciding]
		t.Metric, t.Second = p.Metric, p.Window == string(fast) || p.Kind == headroom.KindConcurrency
	}
	if signal, known := d.Observation.Signals[t.Metric]; known {
		t.Value = with * amount(t.Metric, signal, t.Second)
	}
	return t, true
}

// decider is the proposal that a decision came from; -1 where it was none.
func decider(d headroom.Decision) int {
	for i, p := range d.Proposals {
		if p.Replicas != nil && !p.Shadow && *p.Replicas == d.Unlimited {
			return i
		}
	}
	return -1
}

// amount is the value of a signal over the stable window, or of the last second; where that is not known, the other one.
func amount(metric headroom.Metric, signal headroom.Signal, second bool) float64 {
	readings := [...]headroom.Reading{signal.Stable, signal.Fast}
	if second {
		readings = [...]headroom.Reading{signal.Fast, signal.Stable}
	}
	for _, reading := range readings {
		switch {
		case metric.Shared() && reading.PerReplica != nil:
			return *reading.PerReplica
		case !metric.Shared() && reading.Total != nil:
			return *reading.Total
		case reading.PerReplica != nil:
			return *reading.PerReplica * float64(max(reading.Measured, 1))
		}
	}
	return 0
}

// scaled is an observation with all signals so many times as high.
func scaled(obs headroom.Observation, factor float64) headroom.Observation {
	times := func(value *float64) *float64 {
		if value == nil {
			return nil
		}
		product := *value * factor
		return &product
	}
	signals := make(map[headroom.Metric]headroom.Signal, len(obs.Signals))
	for name, signal := range obs.Signals {
		for _, reading := range [...]*headroom.Reading{&signal.Fast, &signal.Stable} {
			reading.PerReplica, reading.Total = times(reading.PerReplica), times(reading.Total)
		}
		signals[name] = signal
	}
	obs.Signals = signals
	return obs
}

// sentence says a turn to a person.
func (t Turn) sentence() string {
	way, little := "above", "more"
	if t.Factor < 1 {
		way, little = "below", "less"
	}
	switch {
	case t.Metric != "" && t.Value > 0:
		value := strings.TrimSpace(number(t.Value) + " " + t.Metric.Unit())
		if !t.Metric.Shared() {
			value += " in all"
		}
		if t.Second {
			value += " in the last second"
		}
		return fmt.Sprintf("%s with %s %s %s", count(t.To), t.Metric, way, value)
	case math.Abs(t.Factor-1) < 0.01:
		return fmt.Sprintf("%s with a little %s load", count(t.To), little)
	default:
		return fmt.Sprintf("%s with %s times the load", count(t.To), number(t.Factor))
	}
}

// WhyNot says why a decision is not for another number of replicas, and what it would take.
func WhyNot(d headroom.Decision, replicas int) string {
	var e explanation
	if replicas == d.To {
		e.paragraph("", "", fmt.Sprintf("%s is what is wanted for %s. %s", count(replicas), printable(d.Service), printable(d.Reason)))
		return e.text.String()
	}
	e.paragraph("", "", fmt.Sprintf("%s: %s rather than %d. %s", printable(d.Service), count(d.To), replicas, printable(d.Reason)))
	e.heading("Why not " + count(replicas))
	if !d.State.Decided() {
		e.row("not decided yet", "the replicas had not been counted")
		return e.text.String()
	}
	more := replicas > d.To
	if reached := (more && d.Unlimited >= replicas) || (!more && d.Unlimited <= replicas); reached {
		e.row("the load", fmt.Sprintf("would do: it asks for %s", count(d.Unlimited)))
	} else {
		e.row("the load", fmt.Sprintf("does not ask for it: all together ask for %s", count(d.Unlimited)))
		for _, p := range d.Proposals {
			if p.Replicas != nil && !p.Shadow {
				e.row(p.Source, fmt.Sprintf("%s: %s", count(*p.Replicas), p.Note))
			}
		}
	}
	var against []string
	for _, limit := range d.Limits {
		if !limit.Bound() || (more && limit.After >= min(limit.Before, replicas)) || (!more && limit.After <= max(limit.Before, replicas)) {
			continue
		}
		against = append(against, limit.Rule)
		e.row(limit.Rule, fmt.Sprintf("%s; without it: %s", strings.TrimSuffix(limit.Note, ","), count(withoutLimit(d, limit.Rule))))
	}
	if t, found := For(d, replicas); found {
		e.row("what it would take", t.sentence())
		return e.text.String()
	}
	e.row("what it would take", whatElse(d, replicas, against))
	return e.text.String()
}

// whatElse is what another number would take, where more or less load alone would not do.
func whatElse(d headroom.Decision, replicas int, against []string) string {
	if low, high := d.Policy.MinReplicas, d.Policy.MaxReplicas; replicas > high || replicas < low {
		return fmt.Sprintf("other bounds: minReplicas is %d and maxReplicas %d", low, high)
	}
	if wait := waits(d); wait > 0 && len(against) > 0 {
		return fmt.Sprintf("time: cooldowns last for %s more", headroom.Duration(wait.Round(time.Second)))
	}
	idle := d.At.Sub(d.State.LastActive)
	if wait := time.Duration(d.Policy.ScaleToZeroAfter) - idle; replicas == 0 && !d.State.LastActive.IsZero() && wait > 0 {
		return fmt.Sprintf("time: the last replica stops after %s without activity, of which %s have passed", d.Policy.ScaleToZeroAfter, span(idle))
	}
	if len(against) > 0 {
		return "no load alone, while this holds: " + strings.Join(against, ", ")
	}
	return "more than another load: no multiple of this one would do"
}

// waits is how long the longest cooldown that bound lasts on.
func waits(d headroom.Decision) time.Duration {
	last, longest := d.State.LastUp, time.Duration(0)
	if d.State.LastDown.After(last) {
		last = d.State.LastDown
	}
	for _, limit := range d.Limits {
		switch {
		case !limit.Bound():
		case limit.Rule == ruleScaleUpCooldown:
			longest = max(longest, time.Duration(d.Policy.ScaleUpCooldown)-d.At.Sub(d.State.LastUp))
		case limit.Rule == ruleScaleDownCooldown:
			longest = max(longest, time.Duration(d.Policy.ScaleDownCooldown)-d.At.Sub(last))
		}
	}
	return longest
}
