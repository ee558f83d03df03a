package headroom

import (
	"math"
	"math/bits"
	"time"
)

// The buckets of a latency histogram are log-linear, as in HdrHistogram: each power of two of microseconds is cut into
// histogramSub equal parts, so a bucket is never wider than 1/8 of its lower end (12.5 %).
const (
	histogramSubBits = 3
	histogramSub     = 1 << histogramSubBits
	// HistogramBuckets is the number of buckets; the last one begins at about 2.1 hours and takes everything above.
	HistogramBuckets = 31 * histogramSub
)

// Histogram counts durations in log-linear buckets from 1 µs to 2 h, at most 12.5 % wide.
// Counts is either nil (nothing counted) or holds at most HistogramBuckets counts, trailing zeros left out.
type Histogram struct {
	Count  uint64   `json:"count"`
	Sum    Duration `json:"sum"`
	Counts []uint32 `json:"counts,omitempty"`
}

// HistogramBucket returns the bucket that counts d.
func HistogramBucket(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < histogramSub {
		return int(us)
	}
	exponent := bits.Len64(us) - 1 - histogramSubBits // 8..15 µs has exponent 0 and width 1 µs
	bucket := (exponent+1)*histogramSub + int(us>>exponent) - histogramSub
	return min(bucket, HistogramBuckets-1)
}

// HistogramBound returns the lower end of a bucket; durations d with bound(i) <= d < bound(i+1) are counted in i.
func HistogramBound(bucket int) time.Duration {
	if bucket < histogramSub {
		return time.Duration(bucket) * time.Microsecond
	}
	exponent := bucket/histogramSub - 1
	return time.Duration((bucket%histogramSub+histogramSub)<<exponent) * time.Microsecond
}

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	bucket := HistogramBucket(d)
	for len(h.Counts) <= bucket {
		h.Counts = append(h.Counts, 0)
	}
	h.Counts[bucket]++
	h.Count++
	h.Sum += Duration(d)
}

// Merge adds another histogram's counts to this one.
func (h *Histogram) Merge(other Histogram) {
	for len(h.Counts) < len(other.Counts) {
		h.Counts = append(h.Counts, 0)
	}
	for i, n := range other.Counts {
		h.Counts[i] += n
	}
	h.Count += other.Count
	h.Sum += other.Sum
}

// Quantile estimates the q-quantile (0 <= q <= 1), interpolating inside the bucket. It is not known of an empty
// histogram.
func (h Histogram) Quantile(q float64) (time.Duration, bool) {
	if h.Count == 0 || math.IsNaN(q) {
		return 0, false
	}
	rank := min(max(q, 0), 1) * float64(h.Count)
	var seen float64
	for i, n := range h.Counts {
		if n == 0 {
			continue
		}
		if seen+float64(n) >= rank {
			low, high := HistogramBound(i), HistogramBound(i+1)
			return low + time.Duration(float64(high-low)*(rank-seen)/float64(n)), true
		}
		seen += float64(n)
	}
	return HistogramBound(len(h.Counts)), true
}
