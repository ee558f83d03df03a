package proxy

import (
	"testing"
	"time"
)

func TestMemoryIsGivenBackWhereThatIsWorthACollection(t *testing.T) {
	start := time.Now()
	g := given{}
	for _, c := range []struct {
		after  time.Duration
		parked uint64
		due    bool
	}{
		{0, 1999, false}, {1 * time.Second, 2000, true},
		{2 * time.Second, 3999, false}, {3 * time.Second, 4000, true}, // 2000 more is half of 2000, and more
		{4 * time.Second, 5999, false}, {5 * time.Second, 6000, true}, // half of 4000
		{6 * time.Second, 8999, false},                                  // less than half of 6000
		{14 * time.Second, 8999, false}, {15 * time.Second, 8999, true}, // 10 s after the last time
		{40 * time.Second, 10998, false}, // not worth it
	} {
		if got := g.due(start.Add(c.after), c.parked); got != c.due {
			t.Errorf("after %v with %d parked: %v, want %v", c.after, c.parked, got, c.due)
		}
	}
}
