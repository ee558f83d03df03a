package guard

import (
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
)

// quantileMemory is the part of the older counts that stays each second: after 10 s a third is left of them.
const quantileMemory = 0.9

// quantileLeast is how many requests a quantile needs: of 95 %, twenty have one above it.
const quantileLeast = 20

// Quantile follows a quantile of durations while they come. Record is safe for concurrent use, and so is Value; Tick is called by one
// goroutine, once a second.
type Quantile struct {
	counts [headroom.HistogramBuckets]atomic.Uint32 // of this second
	value  atomic.Int64
	old    [headroom.HistogramBuckets]float64 // Tick's
}

// Record takes a duration. Hot path.
func (q *Quantile) Record(d time.Duration) { q.counts[headroom.HistogramBucket(d)].Add(1) }

// Value is the quantile as of the last Tick; 0 where too little is known.
func (q *Quantile) Value() time.Duration { return time.Duration(q.value.Load()) }

// Tick ends a second. share is which quantile is followed, in (0, 1): its value is the upper end of the bucket that it falls into, so that no
// more than its share is above.
func (q *Quantile) Tick(share float64) {
	total := 0.0
	for i := range q.counts {
		q.old[i] = q.old[i]*quantileMemory + float64(q.counts[i].Swap(0))
		total += q.old[i]
	}
	if total < quantileLeast {
		q.value.Store(0)
		return
	}
	left := total * share
	for i := range q.old {
		left -= q.old[i]
		if left <= 0 {
			q.value.Store(int64(headroom.HistogramBound(i + 1)))
			return
		}
	}
}
