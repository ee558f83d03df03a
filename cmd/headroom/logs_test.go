package main

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNewLinesAreThoseThatWereNotSeenBefore(t *testing.T) {
	for _, c := range []struct{ before, now, want string }{
		{"", "a b", "a b"},
		{"a b", "a b", ""},
		{"a b", "a b c", "c"},
		{"a b c", "b c d", "d"}, // a fell off the end of what is kept
		{"a a", "a a a", "a"},
		{"a b", "x y", "x y"}, // more was written than is kept
		{"a b", "", ""},
	} {
		if got := newLines(strings.Fields(c.before), strings.Fields(c.now)); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("after %q, %q: new are %q, want %q", c.before, c.now, got, c.want)
		}
	}
}

func TestFollowedLinesAreNeitherLostNorRepeated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// All lines differ, and each look shows the last 10 of what was written until then: up to 10 more each time.
		var written, shown, seen []string
		for range rapid.IntRange(1, 10).Draw(t, "looks") {
			for range rapid.IntRange(0, 10).Draw(t, "more") {
				written = append(written, string(rune('A'+len(written))))
			}
			now := written[max(0, len(written)-10):]
			shown = append(shown, newLines(seen, now)...)
			seen = now
		}
		if !slices.Equal(shown, written) {
			t.Fatalf("shown %q, written %q", shown, written)
		}
	})
}
