package signal

import (
	"fmt"
	"time"

	"headroom.dev/headroom"
)

// second is the traffic of one service in one report, about a second long.
type second struct {
	at      time.Time // its end
	through traffic   // of all seconds until its end
	latency headroom.Histogram
}

// traffic is what adds up over time. A window is the difference of two sums, so that no reading has to go through its seconds. All of it
// counts in whole numbers, for which that is exact however long the sums run; they may overflow.
type traffic struct {
	length   time.Duration
	arrivals uint64
	inFlight int64  // requests at once × ns
	bytes    uint64 // of bodies, both ways
	ended    uint64 // requests
	failed   uint64 // of those
}

func (t traffic) and(other traffic) traffic {
	return traffic{length: t.length + other.length, arrivals: t.arrivals + other.arrivals, inFlight: t.inFlight + other.inFlight,
		bytes: t.bytes + other.bytes, ended: t.ended + other.ended, failed: t.failed + other.failed}
}

func (t traffic) without(other traffic) traffic {
	return traffic{length: t.length - other.length, arrivals: t.arrivals - other.arrivals, inFlight: t.inFlight - other.inFlight,
		bytes: t.bytes - other.bytes, ended: t.ended - other.ended, failed: t.failed - other.failed}
}

// mostInFlight bounds what is believed: six minutes of it do not overflow.
const mostInFlight = 1e7

// trafficHistory is the recent traffic of one service, oldest first. A nil one has no traffic.
type trafficHistory struct {
	recent   recent[second]
	expired  traffic                       // of all seconds before the recent ones
	pushed   int                           // seconds so far
	merged   mergedLatency                 // of the stable window
	backends []headroom.BackendMeasurement // in the newest report
}

// before is the traffic until a second began.
func (h *trafficHistory) before(i int) traffic {
	if i == 0 {
		return h.expired
	}
	return h.recent.live()[i-1].through
}

func (h *trafficHistory) newest() time.Time {
	if h == nil || len(h.recent.live()) == 0 {
		return time.Time{}
	}
	seconds := h.recent.live()
	return seconds[len(seconds)-1].at
}

func (h *trafficHistory) add(at time.Time, length, keep time.Duration, m *headroom.ServiceMeasurement) {
	if back := h.newest().Sub(at); len(h.recent.live()) > 0 && back >= 0 {
		if back < clockStep {
			return
		}
		*h = trafficHistory{}
	}
	through := h.expired
	if n := len(h.recent.live()); n > 0 {
		through = h.recent.live()[n-1].through
	}
	inFlight := m.Traffic.InFlightMean
	if !(inFlight > 0) {
		inFlight = 0
	}
	h.recent.push(second{at: at, latency: m.Traffic.Latency, through: through.and(traffic{
		length: length, arrivals: m.Traffic.Arrivals, inFlight: int64(min(inFlight, mostInFlight) * float64(length)),
		bytes: uint64(m.Traffic.BytesIn) + uint64(m.Traffic.BytesOut), ended: m.Traffic.Outcomes.Total(), failed: m.Traffic.Outcomes.Failed(),
	})}, func(s *second) bool {
		if expired := s.at.Before(at.Add(-keep)); !expired {
			return false
		}
		h.expired = s.through
		return true
	})
	h.pushed++
	h.backends = m.Backends
}

// measured counts the ready replicas that the balancer knows. Both lists are mostly in the same order, so that each search
// begins where the last one ended.
func (h *trafficHistory) measured(ready []string) int {
	if h == nil {
		return 0
	}
	n, next := 0, 0
	for _, name := range ready {
		for i := range h.backends {
			at := next + i
			if at >= len(h.backends) {
				at -= len(h.backends)
			}
			if h.backends[at].ID == name {
				n, next = n+1, at+1
				break
			}
		}
	}
	return n
}

// trafficWindow is the part of a history that a reading is made from: either its traffic, or the reason
// why there is none.
type trafficWindow struct {
	traffic
	history    *trafficHistory
	begin, end int // of the seconds in history
	age        time.Duration
	unknown    string
	ready      int // replicas
	measured   int // of those, that the balancer knows
	*numbers
}

// fast is the last complete second.
func (h *trafficHistory) fast(now time.Time) trafficWindow {
	w := h.fresh(now, fastAge)
	if w.unknown == "" {
		w.of(h, len(h.recent.live())-1)
	}
	return w
}

// of makes the window that of the seconds from begin on.
func (w *trafficWindow) of(h *trafficHistory, begin int) {
	w.history, w.begin, w.end = h, begin, len(h.recent.live())
	w.traffic = h.recent.live()[w.end-1].through.without(h.before(begin))
}

// stable is all of the window that ends with the newest second. It is anchored there and not at
// now, so that it holds 15 seconds and not sometimes 14 or 16, whenever in a second it is read.
func (h *trafficHistory) stable(now time.Time, length time.Duration) trafficWindow {
	w := h.fresh(now, stableAge)
	if w.unknown != "" {
		return w
	}
	seconds, last := h.recent.live(), len(h.recent.live())-1
	inside := func(i int) bool {
		// More than half of it must lie inside, since reports come a few ms early or late.
		own := seconds[i].through.length - h.before(i).length
		return seconds[last].at.Sub(seconds[i].at) <= length-own/2
	}
	begin := max(last+1-int(length/time.Second), 0) // a guess: they are mostly a second long
	for begin > 0 && inside(begin-1) {
		begin--
	}
	for begin < last && !inside(begin) {
		begin++
	}
	w.of(h, begin)
	return w
}

// fresh says whether the newest second is of now.
func (h *trafficHistory) fresh(now time.Time, oldest time.Duration) trafficWindow {
	if h == nil || len(h.recent.live()) == 0 {
		return trafficWindow{unknown: "no balancer has reported on it yet"}
	}
	age := now.Sub(h.newest())
	switch {
	case age > oldest:
		return trafficWindow{age: age, unknown: fmt.Sprintf("the balancer last reported %s ago", round(age))}
	case age < -clockStep:
		return trafficWindow{unknown: fmt.Sprintf("the balancer's last report is %s in the future; the clock was set back", round(-age))}
	}
	return trafficWindow{age: max(age, 0)}
}

// requestRate is the requests that arrived per second, from clients: each counts once, however
// often it was retried, and also where nobody was there to serve it.
func (w *trafficWindow) requestRate() headroom.Reading {
	if w.unknown != "" {
		return w.none()
	}
	return w.shared(float64(w.arrivals) / w.length.Seconds())
}

// inFlight is the requests being served or waiting at once, averaged over time.
func (w *trafficWindow) inFlight() headroom.Reading {
	if w.unknown != "" {
		return w.none()
	}
	return w.shared(float64(w.traffic.inFlight) / float64(w.length))
}

// latency is a quantile over all requests that ended in the window, in milliseconds. It belongs to
// the service: there is no total, and no per-replica share.
func (w *trafficWindow) latency(quantile float64) headroom.Reading {
	if w.unknown != "" {
		return w.none()
	}
	var merged headroom.Histogram
	if w.end-w.begin == 1 {
		merged = w.history.recent.live()[w.begin].latency
	} else {
		merged = w.history.latencySince(w.begin)
	}
	reading := headroom.Reading{Age: headroom.Duration(w.age), Measured: w.measured, Replicas: w.ready}
	value, known := merged.Quantile(quantile)
	if !known {
		reading.Unknown = "no request ended in the window"
		return reading
	}
	reading.PerReplica = w.number(headroom.RoundMeasured(float64(value) / float64(time.Millisecond)))
	return reading
}

// shared is a total that the measured replicas share.
func (w *trafficWindow) shared(total float64) headroom.Reading {
	total = headroom.RoundMeasured(total)
	reading := headroom.Reading{Total: w.number(total), Age: headroom.Duration(w.age), Measured: w.measured, Replicas: w.ready}
	switch {
	case w.ready == 0:
		reading.Unknown = "no replica is ready to share it"
	case reading.Measured == 0:
		reading.Unknown = "the balancer does not know the ready replicas yet"
	default:
		reading.PerReplica = w.number(total / float64(reading.Measured))
	}
	return reading
}

func (w *trafficWindow) none() headroom.Reading {
	return headroom.Reading{Age: headroom.Duration(w.age), Replicas: w.ready, Unknown: w.unknown}
}

// round keeps what a person wants to read of a duration: 7.3s, 2m5s.
func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
