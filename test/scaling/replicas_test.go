package scaling_test

import (
	"maps"
	"slices"
	"testing"
)

// samePIDs fails the test unless replicas are as they were.
func samePIDs(t *testing.T, before, after map[string]int) {
	t.Helper()
	if !maps.Equal(before, after) {
		t.Errorf("replicas were %v and are %v", before, after)
	}
}

// names lists the names of replicas.
func names(replicas map[string]int) []string { return slices.Sorted(maps.Keys(replicas)) }
