package proxy

import (
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
)

// outcome is how a request or an attempt ended; the order is that of headroom.Outcomes.
type outcome uint8

const (
	informational outcome = iota
	success
	redirect
	clientError
	serverError
	noBackend
	connectError
	timedOut
	reset
	clientAborted
	rejected
	outcomes
)

// outcomeNames are the names of headroom.Outcomes in JSON. Read only.
var outcomeNames = [outcomes]string{"1xx", "2xx", "3xx", "4xx", "5xx", "noBackend", "connectError", "timeout", "reset", "clientAborted", "rejected"}

// outcomeOf is the outcome of a whole response with this status.
func outcomeOf(status int) outcome {
	switch {
	case status < 200:
		return informational
	case status < 300:
		return success
	case status < 400:
		return redirect
	case status < 500:
		return clientError
	}
	return serverError
}

// traffic counts the requests of a service or a backend. Its counts only grow and are written by atomics alone; Measure takes
// differences, and empties the buckets, whose former counts would be another KB of each backend. inFlight is read at each pick and has a cache line of its own.
type traffic struct {
	inFlight atomic.Int64
	_        [56]byte

	arrivals atomic.Uint64
	outcomes [outcomes]atomic.Uint64
	sum      atomic.Int64 // of latencies, nanoseconds
	bytesIn  atomic.Uint64
	bytesOut atomic.Uint64
	buckets  [headroom.HistogramBuckets]atomic.Uint32
}

func (t *traffic) begin() {
	t.arrivals.Add(1)
	t.inFlight.Add(1)
}

func (t *traffic) end(how outcome, latency time.Duration) {
	t.outcomes[how].Add(1)
	t.sum.Add(int64(latency))
	t.buckets[headroom.HistogramBucket(latency)].Add(1)
	t.inFlight.Add(-1)
}

// window remembers what of a traffic was reported already. It belongs to Measure and the sampler, under the server's lock.
type window struct {
	arrivals uint64
	outcomes [outcomes]uint64
	sum      int64
	bytesIn  uint64
	bytesOut uint64

	samples    int
	sampledSum int64
}

func (w *window) sample(t *traffic) {
	w.samples++
	w.sampledSum += t.inFlight.Load()
}

// take reports what t counted since the last take.
func (w *window) take(t *traffic) headroom.Traffic {
	var out headroom.Traffic
	out.InFlight = t.inFlight.Load()
	out.InFlightMean = float64(out.InFlight)
	if w.samples > 0 {
		out.InFlightMean = float64(w.sampledSum) / float64(w.samples)
	}
	w.samples, w.sampledSum = 0, 0

	var ended [outcomes]uint64
	for i := range ended {
		now := t.outcomes[i].Load()
		ended[i] = now - w.outcomes[i]
		w.outcomes[i] = now
	}
	out.Outcomes = headroom.Outcomes{
		Informational: ended[informational], Success: ended[success], Redirect: ended[redirect], ClientError: ended[clientError],
		ServerError: ended[serverError], NoBackend: ended[noBackend], ConnectError: ended[connectError], Timeout: ended[timedOut],
		Reset: ended[reset], ClientAborted: ended[clientAborted], Rejected: ended[rejected],
	}
	out.Latency = w.takeLatency(t)
	out.Arrivals = difference(t.arrivals.Load(), &w.arrivals)
	out.BytesIn = difference(t.bytesIn.Load(), &w.bytesIn)
	out.BytesOut = difference(t.bytesOut.Load(), &w.bytesOut)
	return out
}

func (w *window) takeLatency(t *traffic) headroom.Histogram {
	var h headroom.Histogram
	last := -1
	for i := range t.buckets {
		if t.buckets[i].Load() != 0 {
			last = i
		}
	}
	sum := t.sum.Load()
	h.Sum = headroom.Duration(sum - w.sum)
	w.sum = sum
	if last < 0 {
		return h
	}
	h.Counts = make([]uint32, last+1)
	for i := range h.Counts {
		h.Counts[i] = t.buckets[i].Swap(0)
		h.Count += uint64(h.Counts[i])
	}
	return h
}

func difference(now uint64, before *uint64) uint64 {
	d := now - *before
	*before = now
	return d
}
