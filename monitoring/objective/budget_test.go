package objective

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

const month = 30 * 24 * time.Hour

func near(got, want, relative float64) bool {
	return math.Abs(got-want) <= relative*math.Max(math.Abs(want), 1e-12)
}

func TestBudgetOfAMillionRequests(t *testing.T) {
	if got := Target(99.9).Budget(1e6); !near(got, 1000, 1e-9) {
		t.Errorf("budget is %v; expected 1000", got)
	}
	for bad, want := range map[float64]float64{0: 1, 250: 0.75, 1000: 0, 1500: -0.5} {
		got, known := Target(99.9).Remaining(Events{Total: 1e6, Bad: bad})
		if !known || math.Abs(got-want) > 1e-9 {
			t.Errorf("%v bad leave %v of the budget; expected %v", bad, got, want)
		}
	}
}

func TestBurnRateIsTheBadShareOverTheAllowedOne(t *testing.T) {
	for _, c := range []struct {
		target           Target
		total, bad, want float64
	}{{99.9, 1000, 1, 1}, {99.9, 1000, 15, 15}, {99, 100, 1, 1}, {99.9, 100, 1, 10}, {99.9, 5, 5, 1000}, {99.9, 5, 0, 0}} {
		if got, known := c.target.BurnRate(Events{c.total, c.bad}); !known || math.Abs(got-c.want) > 1e-9*c.want {
			t.Errorf("%v of %v at %v %% burn at %v; expected %v", c.bad, c.total, c.target, got, c.want)
		}
	}
}

func TestWithoutEventsNothingIsKnown(t *testing.T) {
	if _, known := (Events{}).GoodRatio(); known {
		t.Error("availability is known without requests")
	}
	if _, known := Target(99.9).Remaining(Events{}); known {
		t.Error("the remaining budget is known without requests")
	}
	if _, known := Target(99.9).BurnRate(Events{}); known {
		t.Error("the burn rate is known without requests")
	}
	if _, known := Target(100).BurnRate(Events{10, 1}); known {
		t.Error("a target that allows nothing has a burn rate")
	}
}

// Spending the whole budget evenly over the period is a burn rate of 1, by definition.
func TestPropertyBudgetAndBurnRateAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := Target(rapid.Float64Range(50, 99.9999).Draw(t, "target"))
		e := Events{Total: float64(rapid.IntRange(1, 1e9).Draw(t, "total"))}
		e.Bad = math.Floor(e.Total * rapid.Float64Range(0, 1).Draw(t, "bad"))
		burn, _ := target.BurnRate(e)
		remaining, _ := target.Remaining(e)
		if math.Abs((1-remaining)-burn) > 1e-6*math.Max(1, burn) {
			t.Fatalf("burn rate %v but %v of the budget left", burn, remaining)
		}
	})
}

func TestWithinInterpolatesInsideTheBucketOfTheThreshold(t *testing.T) {
	var h headroom.Histogram
	for range 8 {
		h.Add(1100 * time.Microsecond) // bucket [1024, 1152) µs
	}
	for range 2 {
		h.Add(time.Second)
	}
	for threshold, want := range map[time.Duration]float64{
		1024 * time.Microsecond: 0, 1056 * time.Microsecond: 2, 1152 * time.Microsecond: 8, 10 * time.Second: 10,
	} {
		if got := Within(h, threshold); got != want {
			t.Errorf("%v within %v; expected %v", got, threshold, want)
		}
	}
}
