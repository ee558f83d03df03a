package scaling

import (
	"fmt"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// reason says in one sentence why the decision is as it is: what decided, and each limit that changed it.
func (s *situation) reason(d *headroom.Decision, deciding int, unknownNote string) string {
	var text strings.Builder
	if manual := s.manual(d); manual != nil {
		fmt.Fprintf(&text, "%s sets %s at %d; without it: ", manual.Note, s.service, manual.After)
	}
	switch {
	case deciding >= 0:
		text.WriteString(d.Proposals[deciding].Note)
		text.WriteString(combined(d, deciding))
	case unknownNote != "":
		text.WriteString(unknownNote + ", so nothing is proposed")
	case d.Unlimited == 0 && d.From > 0:
		fmt.Fprintf(&text, "nothing has been active on %s for %s", s.service, span(s.at.Sub(s.lastActive)))
	case len(d.Proposals) == 0:
		text.WriteString(s.service + " has no target and no policy")
	default:
		text.WriteString("no policy of " + s.service + " applies")
	}
	if d.Unlimited != d.From || d.To != d.From {
		fmt.Fprintf(&text, "; %s wanted now", are(d.From))
	}
	for _, limit := range d.Limits {
		if limit.Bound() && limit.Rule != ruleManual {
			fmt.Fprintf(&text, "; %s %s %d", limit.Note, verb(limit, d.From), limit.After)
		}
	}
	text.WriteByte('.')
	return text.String()
}

// verb is what a limit does to a number.
func verb(limit headroom.Limit, from int) string {
	switch {
	case limit.Rule == ruleHeadroom || distance(limit.After, from) > distance(limit.Before, from):
		return "makes it"
	case limit.After == from:
		return "holds it at"
	default:
		return "limits it to"
	}
}

// combined says what became of the deciding proposal beside the others, where that is another number.
func combined(d *headroom.Decision, deciding int) string {
	if *d.Proposals[deciding].Replicas == d.Unlimited {
		return ""
	}
	if d.Policy.Combine == headroom.CombineAll {
		return "; not all agree on a change, so there is none"
	}
	return fmt.Sprintf("; with the others by their weights that makes %d", d.Unlimited)
}

// manual is the limit of an order by hand; nil where none is in force.
func (s *situation) manual(d *headroom.Decision) *headroom.Limit {
	for i, limit := range d.Limits {
		if limit.Rule == ruleManual {
			return &d.Limits[i]
		}
	}
	return nil
}

func are(replicas int) string {
	if replicas == 0 {
		return "none is"
	}
	return fmt.Sprintf("%d %s", replicas, isAre(replicas))
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func manualNote(manual *headroom.ManualScale) string {
	note := "an order by hand"
	if manual.By != "" {
		note += " (" + printable(manual.By) + ")"
	}
	if manual.Reason != "" {
		note += fmt.Sprintf(" for %q", printable(manual.Reason))
	}
	return note + " until " + manual.Until.UTC().Format(time.RFC3339)
}

// printable replaces what could move a terminal's cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '?'
		}
		return r
	}, text)
}
