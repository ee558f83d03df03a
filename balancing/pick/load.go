package pick

import (
	"math"
	"sync/atomic"
	"time"
)

// Load is what a balancer has learned of one backend. It outlives snapshots, and its zero value knows nothing. Safe for concurrent use; nothing
// here locks or allocates.
type Load struct {
	coldness atomic.Uint32 // thousandths that are missing to full warmth
	latency  peak
	waiting  atomic.Int64 // since when, in nanoseconds, nothing was heard of what is in flight
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

// Sent says that the backend got a request while it had inFlight, this one included.
func (l *Load) Sent(now, inFlight int64) {
	if inFlight <= 1 {
		l.waiting.Store(now)
	}
}

// Observe says that the backend has begun to answer a request after span (time to first byte), or that it has failed to: then span is at
// least as long as a failure shall count.
func (l *Load) Observe(now int64, span time.Duration, failed bool) {
	l.waiting.Store(now)
	l.latency.observe(now, span.Seconds())
}

// NotWithin says that the backend had not begun to answer within span, when its client left: it takes longer, and nobody knows how much.
func (l *Load) NotWithin(now int64, span time.Duration) {
	if seconds := span.Seconds(); seconds > l.latency.now(now) {
		l.latency.observe(now, seconds)
	}
}

// silence is how long what is in flight has waited without any answer, in seconds.
func (l *Load) silence(now int64, inFlight uint64) float64 {
	if inFlight == 0 {
		return 0
	}
	return max(0, float64(now-l.waiting.Load())/1e9)
}

// peak is an average of times that jumps up with the greatest and falls exponentially (peak EWMA: Finagle). Who reads it lets it fall on to the
// present, so that a backend which was slow once is tried again although nothing is learned of it meanwhile.
type peak struct {
	seconds atomic.Uint64 // bits of a float64
	at      atomic.Int64  // nanoseconds
}

// decayTime is how long the memory of a peak takes to fall to 1/e: 10 s as Finagle's and Linkerd's.
const decayTime = 10 * float64(time.Second)

func (p *peak) observe(now int64, seconds float64) {
	last := p.at.Load()
	weight := 0.0 // of what was known
	if now > last && p.at.CompareAndSwap(last, now) {
		weight = math.Exp(-float64(now-last) / decayTime)
	} else {
		weight = 1 // another goroutine's sample is of the same moment: this one counts if it is a peak
	}
	for {
		bits := p.seconds.Load()
		known := math.Float64frombits(bits)
		next := known*weight + seconds*(1-weight)
		if seconds > known {
			next = seconds
		}
		if next == known || p.seconds.CompareAndSwap(bits, math.Float64bits(next)) {
			return
		}
	}
}

// now is the average as it has fallen to by now, in seconds; 0 where nothing is known.
func (p *peak) now(now int64) float64 {
	known := math.Float64frombits(p.seconds.Load())
	if known == 0 {
		return 0
	}
	return known * math.Exp(-max(0, float64(now-p.at.Load()))/decayTime)
}
