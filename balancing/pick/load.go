package pick

import (
	"sync/atomic"
	"time"
)

// Load is what a balancer has learned of one backend. It outlives snapshots, and its zero value knows nothing. Safe for concurrent use; nothing
// here locks or allocates. It fills one cache line.
type Load struct {
	coldness atomic.Uint32 // thousandths that are missing to full warmth
	peak     average       // of times to first byte
	mean     average       // of the same
	report   report
}

// fullWarmth is that of a backend which gets its whole share, in thousandths.
const fullWarmth = 1000

// SetWarmth says how much of its share a backend gets, 0 to 1000 thousandths: slow start. A new backend is warm.
func (l *Load) SetWarmth(thousandths int) {
	l.coldness.Store(fullWarmth - uint32(min(max(thousandths, 0), fullWarmth)))
}

// warmth is at least 1, so that shares by weight are never 0.
func (l *Load) warmth() uint32 { return max(1, fullWarmth-l.coldness.Load()) }

// cold draws whether the backend is passed over because it is not warm yet.
func (l *Load) cold(r *Request) bool {
	missing := l.coldness.Load()
	return missing > 0 && uint32(r.draw()%fullWarmth) < missing
}

// Observe says that the backend has begun to answer a request after span (time to first byte), or that it has failed to: then span is as long as
// a failure shall count.
func (l *Load) Observe(now int64, span time.Duration) {
	l.peak.peak(now, span.Seconds())
	l.mean.mean(now, span.Seconds())
}

// NotWithin says that the backend had not begun to answer within span, when its client left: it takes longer, and nobody knows how much.
func (l *Load) NotWithin(now int64, span time.Duration) {
	if span.Seconds() > l.mean.now(now) {
		l.Observe(now, span)
	}
}
