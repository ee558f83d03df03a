package headroom

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestHistogramBucketsAreContiguousAndAtMostAnEighthWide(t *testing.T) {
	for i := range HistogramBuckets - 1 {
		low, high := HistogramBound(i), HistogramBound(i+1)
		if high <= low {
			t.Fatalf("bucket %d ends at %s, before it begins at %s", i, high, low)
		}
		if low >= 8*time.Microsecond && float64(high-low) > float64(low)/8 {
			t.Errorf("bucket %d from %s is %s wide, more than an eighth of its lower end", i, low, high-low)
		}
		if got := HistogramBucket(low); got != i {
			t.Errorf("%s is counted in bucket %d; its own begins there: %d", low, got, i)
		}
		if got := HistogramBucket(high - time.Nanosecond); got != i {
			t.Errorf("%s is counted in bucket %d, want %d", high-time.Nanosecond, got, i)
		}
	}
}

func TestHistogramCountsWhatIsOutsideItsRangeAtItsEnds(t *testing.T) {
	if got := HistogramBucket(-time.Second); got != 0 {
		t.Errorf("a negative duration is counted in bucket %d, want 0", got)
	}
	if got := HistogramBucket(1000 * time.Hour); got != HistogramBuckets-1 {
		t.Errorf("1000 h are counted in bucket %d, want the last, %d", got, HistogramBuckets-1)
	}
}

func TestQuantileOfAnEmptyHistogramIsUnknown(t *testing.T) {
	if value, known := (Histogram{}).Quantile(0.5); known {
		t.Errorf("got %s", value)
	}
}

func TestQuantileIsInTheBucketOfTheExactOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.SliceOfN(rapid.IntRange(0, 10_000_000), 1, 200).Draw(t, "microseconds")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var h Histogram
		below := make([]int, HistogramBuckets+1) // durations up to and including each bucket
		for _, us := range micros {
			d := time.Duration(us) * time.Microsecond
			h.Add(d)
			for i := HistogramBucket(d); i < len(below); i++ {
				below[i]++
			}
		}
		value, known := h.Quantile(q)
		if !known {
			t.Fatal("unknown")
		}
		// The bucket of the exact quantile is the first with at least q of all durations up to its end.
		exact := 0
		for float64(below[exact]) < q*float64(len(micros)) || below[exact] == 0 {
			exact++
		}
		if value < HistogramBound(exact) || value > HistogramBound(exact+1) {
			t.Fatalf("quantile %g is %s, outside its bucket %s to %s", q, value, HistogramBound(exact), HistogramBound(exact+1))
		}
	})
}

func TestMergedHistogramCountsBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.SliceOf(rapid.IntRange(0, 1<<40))
		var a, b, both Histogram
		for _, us := range draw.Draw(t, "a") {
			a.Add(time.Duration(us))
			both.Add(time.Duration(us))
		}
		for _, us := range draw.Draw(t, "b") {
			b.Add(time.Duration(us))
			both.Add(time.Duration(us))
		}
		a.Merge(b)
		if a.Count != both.Count || a.Sum != both.Sum || len(a.Counts) != len(both.Counts) {
			t.Fatalf("merged %+v, counted together %+v", a, both)
		}
		for i := range a.Counts {
			if a.Counts[i] != both.Counts[i] {
				t.Fatalf("bucket %d has %d merged and %d together", i, a.Counts[i], both.Counts[i])
			}
		}
	})
}
