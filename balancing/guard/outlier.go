package guard

import (
	"math"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// What a comparison needs to mean something; Envoy's numbers for success rates.
const (
	rateHosts      = 5
	rateRequests   = 100
	latencyHosts   = 3
	latencySamples = 20
	// latencyWeight is that of the newest interval in the moving average of a backend's latency.
	latencyWeight = 0.5
	// ejectionJitter is the most that is added to an ejection, as a part of it, so that several balancers do not return a backend at once.
	ejectionJitter = 0.1
)

// Reason is why a backend was ejected.
type Reason string

// The reasons there are.
const (
	ConsecutiveErrors Reason = "consecutive errors"
	SuccessRate       Reason = "success rate"
	Latency           Reason = "latency"
)

// Host is one backend as the detector sees it. The detector alone changes its state; whoever calls it fills what was counted.
type Host struct {
	// What was counted, over the whole life of the backend: requests that ended, those of them that failed, and times to first byte.
	Requests, Failures, Samples uint64
	FirstByte                   time.Duration // sum
	Consecutive                 int64         // errors in a row until now

	Ejected bool
	Reason  Reason // of the last ejection
	Detail  string // the same with the numbers
	Times   int    // ejections, less one for each clean interval
	until   time.Time
	seen    counts  // at the last interval
	latency float64 // moving average of the times to first byte, nanoseconds
	samples uint64  // in the intervals of it
	spoiled bool    // was ejected in this interval
}

type counts struct {
	requests, failures, samples uint64
	firstByte                   time.Duration
}

// Until is when an ejection ends.
func (h *Host) Until() time.Time { return h.until }

// Detector ejects the outliers of one service. It is not safe for concurrent use.
type Detector struct {
	Settings headroom.OutlierDetection
	Draw     func() float64 // random numbers in [0, 1)
	next     time.Time      // end of the interval
}

// Look returns backends whose time is over, ejects those that fail in a row and, at the end of each interval, those that are slower or fail
// more often than the others. available is how many backends other reasons (health, draining) leave: of those MaxEjectionPercent may be
// ejected, one always where another is left. It reports whether anything has changed.
func (d *Detector) Look(now time.Time, hosts []*Host) (changed bool) {
	ejected := 0
	for _, h := range hosts {
		if h.Ejected && !now.Before(h.until) {
			d.readmit(h)
			changed = true
		}
		if h.Ejected {
			ejected++
		}
	}
	most := d.most(len(hosts))
	eject := func(h *Host, reason Reason, detail string) {
		if h.Ejected || ejected >= most {
			return
		}
		d.eject(h, now, reason, detail)
		ejected++
		changed = true
	}
	if limit := int64(d.Settings.ConsecutiveErrors); limit > 0 {
		for _, h := range hosts {
			if h.Consecutive >= limit {
				eject(h, ConsecutiveErrors, consecutiveDetail(h.Consecutive))
			}
		}
	}
	if d.next.IsZero() || d.next.Sub(now) > time.Duration(d.Settings.Interval) {
		d.begin(now, hosts)
	}
	if now.Before(d.next) {
		return changed
	}
	d.slow(hosts, eject)
	d.failing(hosts, eject)
	d.begin(now, hosts)
	return changed
}

// most is how many of n backends may be ejected at once.
func (d *Detector) most(n int) int {
	return min(max(n*d.Settings.MaxEjectionPercent/100, 1), n-1)
}

// eject leaves a backend alone for EjectionTime times the number of its ejections.
func (d *Detector) eject(h *Host, now time.Time, reason Reason, detail string) {
	h.Times++
	length := min(time.Duration(d.Settings.EjectionTime)*time.Duration(h.Times), time.Duration(d.Settings.MaxEjectionTime))
	h.Ejected, h.Reason, h.Detail, h.spoiled = true, reason, detail, true
	h.until = now.Add(time.Duration(float64(length) * (1 + ejectionJitter*d.Draw())))
}

// readmit begins anew with a backend: what it was ejected for counts no more.
func (d *Detector) readmit(h *Host) {
	h.Ejected = false
	h.Consecutive = 0
	h.latency, h.samples = 0, 0
	h.seen = h.counted()
}

// begin begins an interval. A backend that was not ejected in the last one gets one ejection less counted.
func (d *Detector) begin(now time.Time, hosts []*Host) {
	if !d.next.IsZero() {
		for _, h := range hosts {
			if !h.spoiled && !h.Ejected && h.Times > 0 {
				h.Times--
			}
		}
	}
	for _, h := range hosts {
		h.seen, h.spoiled = h.counted(), false
	}
	d.next = now.Add(time.Duration(d.Settings.Interval))
}

func (h *Host) counted() counts { return counts{h.Requests, h.Failures, h.Samples, h.FirstByte} }

// slow ejects backends whose moving average of the time to first byte is LatencyFactor times the median of all and LatencyMargin above it.
func (d *Detector) slow(hosts []*Host, eject func(*Host, Reason, string)) {
	if d.Settings.LatencyFactor <= 0 {
		return
	}
	var averages []float64
	for _, h := range hosts {
		h.average()
		if !h.Ejected && h.samples >= latencySamples {
			averages = append(averages, h.latency)
		}
	}
	if len(averages) < latencyHosts {
		return
	}
	slices.Sort(averages)
	median := averages[(len(averages)-1)/2] // of an even number the lower: half of all may be slow
	limit := max(median*d.Settings.LatencyFactor, median+float64(d.Settings.LatencyMargin))
	for _, h := range worst(hosts, func(h *Host) float64 { return -h.latency }) {
		if !h.Ejected && h.samples >= latencySamples && h.latency > limit {
			eject(h, Latency, latencyDetail(h.latency, median))
		}
	}
}

// average takes the interval into the moving average.
func (h *Host) average() {
	n := h.Samples - h.seen.samples
	if n == 0 || h.Ejected {
		return
	}
	mean := float64(h.FirstByte-h.seen.firstByte) / float64(n)
	if h.samples == 0 {
		h.latency = mean
	} else {
		h.latency += latencyWeight * (mean - h.latency)
	}
	h.samples += n
}

// failing ejects backends whose share of successes in this interval is SuccessRateFactor standard deviations below the mean of all.
func (d *Detector) failing(hosts []*Host, eject func(*Host, Reason, string)) {
	if d.Settings.SuccessRateFactor <= 0 {
		return
	}
	rate := func(h *Host) float64 {
		return 1 - float64(h.Failures-h.seen.failures)/float64(h.Requests-h.seen.requests)
	}
	var rates []float64
	var compared []*Host
	for _, h := range hosts {
		if !h.Ejected && h.Requests-h.seen.requests >= rateRequests {
			rates, compared = append(rates, rate(h)), append(compared, h)
		}
	}
	if len(rates) < rateHosts {
		return
	}
	mean, deviation := meanDeviation(rates)
	limit := mean - d.Settings.SuccessRateFactor*deviation
	for _, h := range worst(compared, rate) {
		if r := rate(h); r < limit {
			eject(h, SuccessRate, rateDetail(r, mean))
		}
	}
}

// worst are the hosts, the one with the least value first: where not all may be ejected, those are that need it most.
func worst(hosts []*Host, value func(*Host) float64) []*Host {
	return slices.SortedStableFunc(slices.Values(hosts), func(a, b *Host) int {
		switch x, y := value(a), value(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
}

// meanDeviation are the mean and the standard deviation of the whole population, as Envoy takes it.
func meanDeviation(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(values)))
}
