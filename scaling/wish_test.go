package scaling

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestAWishHasTheHeadroomAndTheBoundsOfItsTime(t *testing.T) {
	t.Parallel()
	eight := 8
	policy := headroom.Scaling{MinReplicas: 2, MaxReplicas: 6, Headroom: headroom.Spare{Percent: 20},
		Schedule: []headroom.BoundsWindow{{Name: "office", Window: headroom.Window{From: "0 8 * * *", Until: "0 18 * * *"}, MaxReplicas: &eight}}}
	c, err := Compile(policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		what           string
		hour, proposal int // hour of the day, UTC
		from, want     int
	}{
		{"3 and 20 % are 3.6, so 4", 3, 3, 2, 4},
		{"5 and 20 % are 6, the most at night", 3, 5, 2, 6},
		{"6 and 20 % are 7.2, and 6 the most at night", 3, 6, 2, 6},
		{"in office hours 8 may be", 9, 6, 2, 8},
		{"nothing is below minReplicas", 3, 0, 4, 2},
		{"4 with their spare are 5, so of 5 there are 4 without: no change", 3, 4, 5, 5},
	} {
		d := headroom.Decision{From: one.from, Observation: headroom.Observation{At: time.Date(2026, 3, 2, one.hour, 0, 0, 0, time.UTC)}}
		if got, known := c.Wish(d, headroom.Proposal{Replicas: &one.proposal}); got != one.want || !known {
			t.Errorf("%s: got %d, %v", one.what, got, known)
		}
	}
	if _, known := c.Wish(headroom.Decision{}, headroom.Proposal{}); known {
		t.Error("an abstention is a wish")
	}
}
