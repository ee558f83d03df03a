package accesslog

import (
	"fmt"
	"math"
	"testing"
	"time"
)

func TestSampleIsAShareOfTheRequests(t *testing.T) {
	for _, share := range []float64{0, 0.01, 0.5, 1} {
		for name, entry := range map[string]func(i int) *Entry{
			"by ID":   func(i int) *Entry { return &Entry{RequestID: fmt.Appendf(nil, "%d", i)} },
			"by time": func(i int) *Entry { return &Entry{Time: time.Unix(0, int64(i)*1000)} },
		} {
			const of = 100_000
			n := 0
			for i := range of {
				if sampled(entry(i), sampleOf(share)) {
					n++
				}
			}
			// Five standard deviations of a binomial distribution.
			if want := share * of; math.Abs(float64(n)-want) > 5*math.Sqrt(of*share*(1-share)) {
				t.Errorf("%s: %d of %d are in a sample of %v", name, n, of, share)
			}
		}
	}
}

func TestSmallerSampleIsPartOfALargerOne(t *testing.T) {
	for i := range 10_000 {
		e := &Entry{RequestID: fmt.Appendf(nil, "%d", i)}
		if sampled(e, sampleOf(0.1)) && !sampled(e, sampleOf(0.2)) {
			t.Fatalf("request %d is in a sample of 0.1 and not of 0.2", i)
		}
	}
}
