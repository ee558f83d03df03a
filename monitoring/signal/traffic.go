package signal

import (
	"fmt"
	"time"

	"headroom.dev/headroom"
)

// second is the traffic of one service in one report, about a second long.
type second struct {
	at       time.Time // its end
	length   time.Duration
	arrivals uint64
	inFlight float64 // mean over the second
	latency  headroom.Histogram
	bytes    float64 // of bodies, both ways
	ended    uint64  // requests
	failed   uint64  // of those
}

// trafficHistory is the recent traffic of one service, oldest first. A nil one has no traffic.
type trafficHistory struct {
	recent   recent[second]
	backends []headroom.BackendMeasurement // in the newest report
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
		h.recent.forget()
	}
	h.recent.push(second{
		at: at, length: length, arrivals: m.Traffic.Arrivals, inFlight: m.Traffic.InFlightMean, latency: m.Traffic.Latency,
		bytes: float64(m.Traffic.BytesIn) + float64(m.Traffic.BytesOut), ended: m.Traffic.Outcomes.Total(), failed: m.Traffic.Outcomes.Failed(),
	}, func(s *second) bool { return s.at.Before(at.Add(-keep)) })
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

// trafficWindow is the part of a history that a reading is made from: either seconds, or the reason
// why there are none.
type trafficWindow struct {
	seconds  []second
	age      time.Duration
	unknown  string
	ready    int // replicas
	measured int // of those, that the balancer knows
	*numbers
}

// fast is the last complete second.
func (h *trafficHistory) fast(now time.Time) trafficWindow {
	w := h.fresh(now, fastAge)
	if w.unknown == "" {
		seconds := h.recent.live()
		w.seconds = seconds[len(seconds)-1:]
	}
	return w
}

// stable is all of the window that ends with the newest second. It is anchored there and not at
// now, so that it holds 15 seconds and not sometimes 14 or 16, whenever in a second it is read.
func (h *trafficHistory) stable(now time.Time, length time.Duration) trafficWindow {
	w := h.fresh(now, stableAge)
	if w.unknown != "" {
		return w
	}
	seconds, newest := h.recent.live(), h.newest()
	begin := len(seconds) - 1
	for begin > 0 {
		older := &seconds[begin-1]
		// More than half of it must lie inside, since reports come a few ms early or late.
		if newest.Sub(older.at) > length-older.length/2 {
			break
		}
		begin--
	}
	w.seconds = seconds[begin:]
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
	var arrivals uint64
	var length time.Duration
	for i := range w.seconds {
		arrivals += w.seconds[i].arrivals
		length += w.seconds[i].length
	}
	return w.shared(float64(arrivals) / length.Seconds())
}

// inFlight is the requests being served or waiting at once, averaged over time.
func (w *trafficWindow) inFlight() headroom.Reading {
	if w.unknown != "" {
		return w.none()
	}
	var sum float64 // requests × seconds
	var length time.Duration
	for i := range w.seconds {
		sum += w.seconds[i].inFlight * w.seconds[i].length.Seconds()
		length += w.seconds[i].length
	}
	return w.shared(sum / length.Seconds())
}

// latency is a quantile over all requests that ended in the window, in milliseconds. It belongs to
// the service: there is no total, and no per-replica share. merged is an empty histogram that is written to.
func (w *trafficWindow) latency(quantile float64, merged headroom.Histogram) headroom.Reading {
	if w.unknown != "" {
		return w.none()
	}
	if len(w.seconds) == 1 {
		merged = w.seconds[0].latency
	} else {
		for i := range w.seconds {
			merged.Merge(w.seconds[i].latency)
		}
	}
	reading := headroom.Reading{Age: headroom.Duration(w.age), Measured: w.measured, Replicas: w.ready}
	value, known := merged.Quantile(quantile)
	if !known {
		reading.Unknown = "no request ended in the window"
		return reading
	}
	reading.PerReplica = w.number(float64(value) / float64(time.Millisecond))
	return reading
}

// shared is a total that the measured replicas share.
func (w *trafficWindow) shared(total float64) headroom.Reading {
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
