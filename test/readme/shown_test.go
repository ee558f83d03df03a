package readme_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var (
	// variable is what differs from run to run: IDs of decisions, then numbers with their unit, times and dates.
	variable = regexp.MustCompile(`\b[a-z]+-d[0-9a-z]{9,}\b|[0-9][0-9.,:]*(?:(?:ns|µs|ms|s|m|h|d)\b|(?:h|m|s)[0-9][0-9.hms]*)?|…`)
	// number is what may stand where a number is shown.
	number = `[0-9][0-9.,:]*(?:[a-zµ][0-9.hms]*){0,3}`
)

// missing says which shown line does not occur in an output; nil where all do.
func missing(shown, output string) error {
	output = strings.Join(strings.Fields(output), " ")
	for _, line := range strings.Split(shown, "\n") {
		words := strings.Join(strings.Fields(line), " ")
		if words == "" || words == "…" {
			continue
		}
		if !pattern(words).MatchString(output) {
			return fmt.Errorf("no line like %q", words)
		}
	}
	return nil
}

// pattern is a line with its numbers left open. Spaces may differ, since tables widen with what is in them.
func pattern(words string) *regexp.Regexp {
	var text strings.Builder
	rest := words
	for rest != "" {
		at := variable.FindStringIndex(rest)
		if at == nil {
			break
		}
		text.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		switch found := rest[at[0]:at[1]]; {
		case found == "…":
			text.WriteString(`.*`)
		case found[0] >= '0' && found[0] <= '9':
			text.WriteString(number)
		default:
			text.WriteString(`[a-z]+-d[0-9a-z]+`)
		}
		rest = rest[at[1]:]
	}
	text.WriteString(regexp.QuoteMeta(rest))
	return regexp.MustCompile(text.String())
}

func TestAShownLineMatchesWithOtherNumbersAndNothingElse(t *testing.T) {
	const shown = "16:40:14.7  shop: 296.0 requests/s, half answered within 43.1ms; 6 of 6 replicas ready."
	for output, same := range map[string]bool{
		"09:01:02.3  shop: 60.0 requests/s, half answered within 1.043s; 2 of 2 replicas ready.":       true,
		"09:01:02.3  shop: 60.0 requests/s, half answered within\n     1m2s; 2 of 2 replicas ready.\n": true,
		"09:01:02.3  shop: no requests/s, half answered within 43.1ms; 2 of 2 replicas ready.":         false,
		"09:01:02.3  shop: 60.0 requests/s, half answered within 43.1ms; 2 of 2 backends ready.":       false,
	} {
		if err := missing(shown, output); (err == nil) != same {
			t.Errorf("%q: %v", output, err)
		}
	}
	if err := missing("Decision shop-dhofn9m5i9n, … UTC\n…\n", "Decision shop-dhofn6eekno, 2026-11-23 16:40:11.001 UTC"); err != nil {
		t.Error(err)
	}
}
