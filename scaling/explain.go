package scaling

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"headroom.dev/headroom"
)

// explainWidth is the longest line of an explanation, in columns; it fits a terminal beside a scroll bar.
const explainWidth = 100

// Explain tells a person how a decision came about, from its record alone: what was known and how old it was, what each
// target and policy asked for, which rule changed that and what would have been without it. It is plain text of
// several lines, at most 100 columns wide, without color.
func Explain(d headroom.Decision) string {
	var e explanation
	e.paragraph("", "", fmt.Sprintf("%s: %s (%s)", printable(d.Service), change(d), d.Code))
	e.paragraph("", "", printable(d.Reason))
	e.paragraph("", "", fmt.Sprintf("Decision %s, %s", printable(d.ID), d.At.UTC().Format("2006-01-02 15:04:05.000 UTC")))

	e.heading("What was known")
	e.row("replicas", replicasKnown(d.Observation.Replicas))
	if d.State.Decided() {
		e.row("wanted before", fmt.Sprintf("%d; last raised %s, last lowered %s", d.State.Wanted, ago(d.State.LastUp, d.At), ago(d.State.LastDown, d.At)))
	}
	for _, metric := range metricsOf(d) {
		signal := d.Observation.Signals[metric]
		second, average := readingText(metric, signal.Fast), readingText(metric, signal.Stable)
		if second == average {
			e.row(string(metric), fmt.Sprintf("last second, and over %s: %s", d.Policy.StableWindow, second))
			continue
		}
		e.row(string(metric), "last second: "+second)
		e.row("", fmt.Sprintf("over %s: %s", d.Policy.StableWindow, average))
	}

	if len(d.Proposals) > 0 {
		e.heading("What was asked for")
	}
	for _, p := range d.Proposals {
		asked := "nothing"
		if p.Replicas != nil {
			asked = count(*p.Replicas)
		}
		if p.Shadow {
			asked += " (shadow: it decides nothing)"
		}
		e.row(p.Source, asked+": "+p.Note)
	}
	if len(d.Proposals) > 0 {
		e.row("together", fmt.Sprintf("%s (%s)", count(d.Unlimited), combinationText(d.Policy.Combine)))
	}

	if len(d.Limits) > 0 {
		e.heading("What limited it")
	}
	for _, limit := range d.Limits {
		if !limit.Bound() {
			e.row(limit.Rule, fmt.Sprintf("%d, not changed: %s", limit.After, strings.TrimSuffix(limit.Note, ",")))
			continue
		}
		e.row(limit.Rule, fmt.Sprintf("%d -> %d: %s; without it: %s", limit.Before, limit.After,
			strings.TrimSuffix(limit.Note, ","), count(withoutLimit(d, limit.Rule))))
	}

	e.heading("Result")
	e.row("wanted", change(d))
	if turn, found := More(d); found {
		e.row("more", turn.sentence())
	}
	if turn, found := Fewer(d); found {
		e.row("fewer", turn.sentence())
	}
	return e.text.String()
}

// metricsOf lists what was observed: the built-in metrics in their order, then a user's own by name.
func metricsOf(d headroom.Decision) []headroom.Metric {
	var all, own []headroom.Metric
	for _, metric := range headroom.Metrics() {
		if _, found := d.Observation.Signals[metric]; found {
			all = append(all, metric)
		}
	}
	for metric := range d.Observation.Signals {
		if !slices.Contains(all, metric) {
			own = append(own, metric)
		}
	}
	slices.Sort(own)
	return append(all, own...)
}

func combinationText(c headroom.Combination) string {
	switch c {
	case headroom.CombineMin:
		return "the smallest wins"
	case headroom.CombineAll:
		return "a change only where all agree"
	case headroom.CombineWeighted:
		return "the weighted mean"
	case headroom.CombineFirst:
		return "the first that does not abstain wins"
	default:
		return "the largest wins"
	}
}

func change(d headroom.Decision) string {
	switch {
	case d.To == 0 && !d.State.Decided() && d.Code == headroom.CodeUnknown:
		return "nothing decided yet"
	case !d.State.Decided():
		return "starts at " + count(d.To)
	case d.From == d.To:
		return "stays at " + count(d.To)
	default:
		return fmt.Sprintf("from %d to %s", d.From, count(d.To))
	}
}

func replicasKnown(counts headroom.ReplicaCounts) string {
	text := known(counts.Ready) + " ready, " + known(counts.Starting) + " starting"
	if !counts.Synced {
		text += "; the platform has not been read completely yet"
	}
	return text
}

func known(n *int) string {
	if n == nil {
		return "an unknown number"
	}
	return fmt.Sprint(*n)
}

func readingText(metric headroom.Metric, r headroom.Reading) string {
	if r.PerReplica == nil && r.Total == nil {
		if r.Unknown != "" {
			return "not known, " + r.Unknown
		}
		return "not known"
	}
	var parts []string
	if r.Total != nil && !metric.Shared() {
		parts = append(parts, fmt.Sprintf("%s %s in all", number(*r.Total), metric.Unit()))
	}
	if r.PerReplica != nil && metric.Shared() {
		parts = append(parts, number(*r.PerReplica)+" "+metric.Unit())
	} else if r.PerReplica != nil {
		parts = append(parts, fmt.Sprintf("%s %s per replica", number(*r.PerReplica), metric.Unit()))
	}
	return fmt.Sprintf("%s, from %d of %d replicas, %s old", strings.Join(parts, ", "), r.Measured, r.Replicas, span(time.Duration(r.Age)))
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(max(now.Sub(t), 0)) + " ago"
}

// explanation writes indented rows of a label and a text, wrapped at explainWidth.
type explanation struct{ text strings.Builder }

const labelWidth = 30

func (e *explanation) heading(title string) {
	e.text.WriteString("\n" + title + "\n")
}

func (e *explanation) row(label, text string) {
	label = "  " + printable(label)
	if utf8.RuneCountInString(label) >= labelWidth {
		e.paragraph("", "    ", label)
		label = ""
	}
	label += strings.Repeat(" ", labelWidth-utf8.RuneCountInString(label))
	e.paragraph(label, strings.Repeat(" ", labelWidth), printable(text))
}

// paragraph writes words after the first prefix, and continues on further lines after the other one. A word that does
// not fit into a line is cut.
func (e *explanation) paragraph(first, next, text string) {
	line, used := first, utf8.RuneCountInString(first)
	empty := true
	if trimmed := strings.TrimLeft(text, " "); first == "" && trimmed != text {
		line, used = text[:len(text)-len(trimmed)], len(text)-len(trimmed)
	}
	flush := func() {
		e.text.WriteString(strings.TrimRight(line, " ") + "\n")
		line, used, empty = next, utf8.RuneCountInString(next), true
	}
	for _, word := range strings.Fields(text) {
		width := utf8.RuneCountInString(word)
		if !empty && used+1+width > explainWidth {
			flush()
		}
		for empty && used+width > explainWidth {
			runes := []rune(word)
			fits := explainWidth - used
			line += string(runes[:fits])
			word, width = string(runes[fits:]), len(runes)-fits
			flush()
		}
		if !empty {
			line, used = line+" ", used+1
		}
		line, used, empty = line+word, used+width, false
	}
	flush()
}
