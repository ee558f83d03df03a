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
	seconds  []second
	backends map[string]bool // in the newest report
}

func (h *trafficHistory) newest() time.Time {
	if h == nil || len(h.seconds) == 0 {
		return time.Time{}
	}
	return h.seconds[len(h.seconds)-1].at
}

func (h *trafficHistory) add(at time.Time, length time.Duration, m headroom.ServiceMeasurement) {
	if back := h.newest().Sub(at); len(h.seconds) > 0 && back >= 0 {
		if back < clockStep {
			return
		}
		h.seconds = nil
	}
	kept := 0
	for kept < len(h.seconds) && h.seconds[kept].at.Before(at.Add(-keep)) {
		kept++
	}
	h.seconds = append(h.seconds[kept:], second{
		at: at, length: length, arrivals: m.Traffic.Arrivals, inFlight: m.Traffic.InFlightMean, latency: m.Traffic.Latency,
		bytes: float64(m.Traffic.BytesIn) + float64(m.Traffic.BytesOut), ended: m.Traffic.Outcomes.Total(), failed: m.Traffic.Outcomes.Failed(),
	})
	h.backends = make(map[string]bool, len(m.Backends))
	for _, backend := range m.Backends {
		h.backends[backend.ID] = true
	}
}

// trafficWindow is the part of a history that a reading is made from: either seconds, or the reason
// why there are none.
type trafficWindow struct {
	seconds  []second
	backends map[string]bool
	age      time.Duration
	unknown  string
}

// fast is the last complete second.
func (h *trafficHistory) fast(now time.Time) trafficWindow {
	w := h.fresh(now, fastAge)
	if w.unknown == "" {
		w.seconds = h.seconds[len(h.seconds)-1:]
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
	begin := len(h.seconds) - 1
	for begin > 0 {
		older := h.seconds[begin-1]
		// More than half of it must lie inside, since reports come a few ms early or late.
		if h.newest().Sub(older.at) > length-older.length/2 {
			break
		}
		begin--
	}
	w.seconds = h.seconds[begin:]
	return w
}

// fresh says whether the newest second is of now.
func (h *trafficHistory) fresh(now time.Time, oldest time.Duration) trafficWindow {
	if h == nil || len(h.seconds) == 0 {
		return trafficWindow{unknown: "no balancer has reported on it yet"}
	}
	age := now.Sub(h.newest())
	switch {
	case age > oldest:
		return trafficWindow{age: age, unknown: fmt.Sprintf("the balancer last reported %s ago", round(age))}
	case age < -clockStep:
		return trafficWindow{unknown: fmt.Sprintf("the balancer's last report is %s in the future; the clock was set back", round(-age))}
	}
	return trafficWindow{backends: h.backends, age: max(age, 0)}
}

// requestRate is the requests that arrived per second, from clients: each counts once, however
// often it was retried, and also where nobody was there to serve it.
func (w trafficWindow) requestRate(ready []string) headroom.Reading {
	if w.unknown != "" {
		return w.none(ready)
	}
	var arrivals uint64
	var length time.Duration
	for _, s := range w.seconds {
		arrivals += s.arrivals
		length += s.length
	}
	return w.shared(ready, float64(arrivals)/length.Seconds())
}

// inFlight is the requests being served or waiting at once, averaged over time.
func (w trafficWindow) inFlight(ready []string) headroom.Reading {
	if w.unknown != "" {
		return w.none(ready)
	}
	var sum float64 // requests × seconds
	var length time.Duration
	for _, s := range w.seconds {
		sum += s.inFlight * s.length.Seconds()
		length += s.length
	}
	return w.shared(ready, sum/length.Seconds())
}

// latency is a quantile over all requests that ended in the window, in milliseconds. It belongs to
// the service: there is no total, and no per-replica share.
func (w trafficWindow) latency(ready []string, quantile float64) headroom.Reading {
	if w.unknown != "" {
		return w.none(ready)
	}
	var merged headroom.Histogram
	for _, s := range w.seconds {
		merged.Merge(s.latency)
	}
	reading := headroom.Reading{Age: headroom.Duration(w.age), Measured: w.measured(ready), Replicas: len(ready)}
	value, known := merged.Quantile(quantile)
	if !known {
		reading.Unknown = "no request ended in the window"
		return reading
	}
	ms := float64(value) / float64(time.Millisecond)
	reading.PerReplica = &ms
	return reading
}

// shared is a total that the measured replicas share.
func (w trafficWindow) shared(ready []string, total float64) headroom.Reading {
	reading := headroom.Reading{Total: &total, Age: headroom.Duration(w.age), Measured: w.measured(ready), Replicas: len(ready)}
	switch {
	case len(ready) == 0:
		reading.Unknown = "no replica is ready to share it"
	case reading.Measured == 0:
		reading.Unknown = "the balancer does not know the ready replicas yet"
	default:
		mean := total / float64(reading.Measured)
		reading.PerReplica = &mean
	}
	return reading
}

func (w trafficWindow) none(ready []string) headroom.Reading {
	return headroom.Reading{Age: headroom.Duration(w.age), Replicas: len(ready), Unknown: w.unknown}
}

// measured counts the ready replicas that the balancer knows.
func (w trafficWindow) measured(ready []string) int {
	n := 0
	for _, name := range ready {
		if w.backends[name] {
			n++
		}
	}
	return n
}

// round keeps what a person wants to read of a duration: 7.3s, 2m5s.
func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
