package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// WriteTable writes the report for people.
func (r Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line("Duration    %v%s", r.Duration.Round(time.Millisecond), map[bool]string{true: " (interrupted)"}[r.Interrupted])
	line("")
	line("%-12s%10s%12s%9s", "REQUESTS", "count", "per second", "share")
	share := func(name string, count int64) {
		line("%-12s%10d%12.1f%9s", name, count, r.rate(count), percent(count, r.Counts.Scheduled))
	}
	share("scheduled", r.Counts.Scheduled)
	share("sent", r.Counts.Sent)
	share("dropped", r.Counts.Dropped)
	share("answered", r.Counts.Answered)
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		share(fmt.Sprintf("  %d", status), r.Statuses[status])
	}
	share("failed", r.Counts.Failed)
	for _, e := range r.Errors {
		share("  "+string(e.Kind), e.Count)
	}
	line("")
	line("%-12s%10s%10s%10s%10s%10s%10s", "LATENCY", "mean", "p50", "p90", "p99", "p99.9", "max")
	for _, row := range []struct {
		name string
		of   Latency
	}{{"answer", r.Latency}, {"own lag", r.Lag}} {
		l, short := row.of, headroom.ShortDuration
		if l == (Latency{}) {
			line("%-12s%10s%10s%10s%10s%10s%10s", row.name, "-", "-", "-", "-", "-", "-")
			continue
		}
		line("%-12s%10s%10s%10s%10s%10s%10s", row.name, short(l.Mean), short(l.P50), short(l.P90), short(l.P99), short(l.P999), short(l.Max))
	}
	if len(r.Errors) > 0 {
		line("")
		line("FIRST ERRORS")
		for _, e := range r.Errors {
			line("%-12sat %v: %s", e.Kind, e.FirstAt.Round(time.Millisecond), e.First)
		}
	}
	if r.Counts.Dropped > 0 {
		line("")
		line("Dropped requests were due while the most allowed were in flight; allow more to send them.")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f%%", 100*float64(part)/float64(whole))
}
