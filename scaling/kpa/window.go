package kpa

import (
	"math"
	"time"
)

// Window is the load of the last seconds, one bucket for each, as Knative's aggregation.TimedFloat64Buckets. Its arithmetic is done in
// Knative's order, so that even the rounding is the same. Seconds are counted from the year 1, so that 0 is never.
type Window struct {
	// Buckets is a ring: the value of a second is at second modulo length. The length is the window in seconds.
	Buckets []float64 `json:"buckets,omitempty"`
	// Total is the sum over Buckets, kept up as they change.
	Total float64 `json:"total"`
	// First is the second of the first value since the window was last empty: an average over less than a window divides by what there is.
	First int64 `json:"first"`
	// Last is the second of the newest value.
	Last int64 `json:"last"`
}

// mostLoad caps a value, in requests: a window of an hour of it is still far from where float64 loses whole numbers (9e15).
const mostLoad = 1e12

// yearOne is the Unix time of the start of the year 1.
const yearOne = -62135596800

// second counts seconds from the year 1; what was before it is never.
func second(t time.Time) int64 { return max(t.Unix()-yearOne, 0) }

// buckets is how many a window of this length has.
func buckets(length time.Duration) int64 { return int64((length + BucketSize - 1) / BucketSize) }

// fit gives the window a length. Values are kept as far as they fit. After a change the window counts as if it had been full
// of its old length, as Knative does: what was not measured then is zero. A window that cannot be (a State from outside) starts anew.
func (w *Window) fit(length time.Duration, now int64) {
	if w.First < 0 || w.Last < 0 || math.IsNaN(w.Total) || math.IsInf(w.Total, 0) {
		*w = Window{}
	}
	size := buckets(length)
	old := int64(len(w.Buckets))
	if size == old {
		return
	}
	fitted := make([]float64, size)
	total := 0.0
	if old > 0 && w.Last > 0 && now-w.Last <= old {
		for i := range min(size, old) {
			at := max(w.Last-i, 0)
			fitted[at%size] = w.Buckets[at%old]
			total += w.Buckets[at%old]
		}
		w.First = max(w.Last-(old-1), 0)
	} else {
		w.First = 0
	}
	w.Buckets, w.Total = fitted, total
}

// record adds a value to the bucket of its second. Seconds without a value since the last are zero. A value that is older than the window
// is dropped; a whole window without values starts it anew.
func (w *Window) record(now int64, value float64) {
	size := int64(len(w.Buckets))
	if now != w.Last {
		if now+size <= w.Last {
			return
		}
		if w.First == 0 || w.First > now {
			w.First = now
		}
		if now-w.Last >= size {
			clear(w.Buckets)
			w.First, w.Last, w.Total = now, now, 0
		}
		for i := w.Last + 1; i <= now; i++ {
			w.Total -= w.Buckets[i%size]
			w.Buckets[i%size] = 0
		}
		w.Last = max(w.Last, now)
	}
	w.Buckets[now%size] += value
	w.Total += value
}

// forget starts the window anew.
func (w *Window) forget() {
	clear(w.Buckets)
	w.Total, w.First, w.Last = 0, 0, 0
}

// empty reports whether the window has seen no value for longer than it is.
func (w *Window) empty(now int64) bool { return now-w.Last > int64(len(w.Buckets)) }

// average is the mean over the seconds from the first value to the last, and within the window. Seconds after the last value do not
// count as zero: they are not known yet. It is rounded to six digits, so that sums that cancel out are zero.
func (w *Window) average(now int64) float64 {
	size := int64(len(w.Buckets))
	behind := max(now-w.Last, 0)
	if behind >= size {
		return 0
	}
	total := w.Total
	for i := w.Last + 1; i <= w.Last+behind; i++ {
		total -= w.Buckets[i%size]
	}
	return round6(total / float64(min(w.Last-w.First+1, size-behind)))
}

// weighted is the exponentially weighted sum, newest first. For [10 10 5 5] and a coefficient of 0.6 it is
// 5*0.6 + 5*0.6*0.4 + 10*0.6*0.4² + 10*0.6*0.4³ = 5.544. Unlike average it does not divide by what there is, and takes seconds
// after the last value as zero.
func (w *Window) weighted(now int64) float64 {
	if w.empty(now) {
		return 0
	}
	size := int64(len(w.Buckets))
	smoothing := smoothing(size)
	weight := smoothing
	behind := max(now-w.Last, 0)
	if behind > 0 {
		weight *= math.Pow(1-smoothing, float64(behind))
	}
	sum := 0.0
	for i := range size - behind {
		sum += float64(w.Buckets[max(w.Last-i, 0)%size] * weight)
		weight *= 1 - smoothing
	}
	return sum
}

// smoothing is the weight of the newest second: such that the weights of a whole window add up to 0.9999, and at least 0.2, since over a
// long window it would be nearly the plain mean.
func smoothing(size int64) float64 {
	return math.Max(1-math.Pow(1-0.9999, 1/float64(size)), 0.2)
}

func round6(f float64) float64 { return math.Round(f*1e6) / 1e6 }
