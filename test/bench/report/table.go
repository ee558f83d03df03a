// Package report shows what benchmarks have measured.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Table writes rows as Markdown under a title.
func Table(out io.Writer, title string, head []string, rows [][]string) {
	fmt.Fprintf(out, "\n### %s\n\n| %s |\n|%s\n", title, strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, row := range rows {
		fmt.Fprintf(out, "| %s |\n", strings.Join(row, " | "))
	}
}

// Median of values, of which there is at least one.
func Median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// Milliseconds writes a duration such as "12 ms".
func Milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

// Microseconds writes a duration such as "21.7 µs".
func Microseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond))
}

// Megabytes writes a size, given in bytes, such as "39 MB".
func Megabytes(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }

// FineMilliseconds writes a duration such as "1.25 ms".
func FineMilliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
