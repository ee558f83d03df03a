package scaling

import (
	"fmt"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// reason says in one sentence why the decision is as it is: what decided, and each limit that changed it.
func (s *situation) reason(d headroom.Decision, deciding int, unknownNote string) string {
	var text strings.Builder
	switch {
	case deciding >= 0:
		text.WriteString(d.Proposals[deciding].Note)
	case unknownNote != "":
		text.WriteString(unknownNote + ", so nothing is proposed")
	case len(d.Proposals) == 0:
		text.WriteString(s.service + " has no target and no policy")
	default:
		text.WriteString("no policy of " + s.service + " applies")
	}
	if d.Unlimited != d.From || d.To != d.From {
		fmt.Fprintf(&text, "; %s wanted now", are(d.From))
	}
	for _, limit := range d.Limits {
		if limit.Bound() {
			fmt.Fprintf(&text, "; %s %s at %d", limit.Note, verb(limit), limit.After)
		}
	}
	text.WriteByte('.')
	return text.String()
}

func are(replicas int) string {
	if replicas == 1 {
		return "1 is"
	}
	return fmt.Sprintf("%d are", replicas)
}

func verb(limit headroom.Limit) string {
	if limit.Rule == ruleManual {
		return "sets it"
	}
	return "holds it"
}

func manualNote(manual *headroom.ManualScale) string {
	note := "a wish by hand"
	if manual.By != "" {
		note += " by " + printable(manual.By)
	}
	note += ", in force until " + manual.Until.UTC().Format(time.RFC3339)
	if manual.Reason != "" {
		note += fmt.Sprintf(" (%s),", printable(manual.Reason))
	} else {
		note += ","
	}
	return note
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
