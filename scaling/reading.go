package scaling

import (
	"math"
	"time"

	"headroom.dev/headroom"
)

// window says over which time a reading was taken.
type window string

const (
	fast   window = "fast"   // the last complete second
	stable window = "stable" // the stable window
)

// staleAfter is when a reading of the last second is no longer of the last second. Measurements come once a second;
// five misses in a row are not jitter.
const staleAfter = 5 * time.Second

// measured is a reading that has been checked.
type measured struct {
	known      bool
	total      float64 // sum over the measured replicas; 0 for latency
	perReplica float64 // mean over the measured replicas; the quantile for latency
	missing    int     // ready replicas that could not be read
	replicas   int     // ready replicas
	cause      cause   // why it is not known
}

// read returns a metric over a window, or why it is not known. A value that is too old, not a number, infinite or
// negative is not known.
func (s *situation) read(metric headroom.Metric, w window) measured {
	m := s.readSignal(metric, w)
	if m.known || !metric.Shared() {
		return m
	}
	// Without requests there is no latency and no share of errors, and without this a service scaled on latency would keep its replicas for
	// ever once its traffic has ended.
	if requests := s.readSignal(headroom.MetricRequestsPerSecond, w); requests.known && requests.total == 0 {
		return measured{known: true}
	}
	return m
}

func (s *situation) readSignal(metric headroom.Metric, w window) measured {
	signal, found := s.signals[metric]
	if !found {
		return unknown(cause{kind: neverMeasured, metric: metric})
	}
	reading, limit := signal.Stable, max(s.window, staleAfter)
	if w == fast {
		reading, limit = signal.Fast, staleAfter
	}
	if len(s.sources) > 0 { // a lookup in an empty map hashes the name nevertheless
		if from, own := s.sources[metric]; own {
			limit = time.Duration(from.StaleAfter)
		}
	}
	if reading.PerReplica == nil && reading.Total == nil {
		return unknown(cause{kind: unknownValue, metric: metric, text: reading.Unknown})
	}
	if age := time.Duration(reading.Age); age > limit {
		return unknown(cause{kind: staleValue, metric: metric, age: age})
	}
	for _, value := range [...]*float64{reading.PerReplica, reading.Total} {
		if value != nil && !possible(*value) {
			return unknown(cause{kind: impossibleValue, metric: metric, value: *value})
		}
	}
	if reading.Measured < 0 || reading.Replicas < 0 {
		return unknown(cause{kind: impossibleCounts, metric: metric, measured: reading.Measured, replicas: reading.Replicas})
	}
	m := measured{known: true, missing: max(reading.Replicas-reading.Measured, 0), replicas: reading.Replicas}
	if metric.Shared() {
		if reading.PerReplica == nil {
			return unknown(cause{kind: unknownValue, metric: metric})
		}
		m.perReplica, m.missing = *reading.PerReplica, 0
		return m
	}
	switch {
	case reading.Total != nil:
		m.total = *reading.Total
	default:
		m.total = *reading.PerReplica * float64(reading.Measured)
	}
	switch {
	case reading.PerReplica != nil:
		m.perReplica = *reading.PerReplica
	default:
		m.perReplica = m.total / float64(max(reading.Measured, 1))
	}
	if !possible(m.total) {
		return unknown(cause{kind: impossibleValue, metric: metric, value: m.total})
	}
	return m
}

// possible reports whether a float can be a measured amount.
func possible(value float64) bool {
	return value >= 0 && !math.IsInf(value, 1) // NaN fails the comparison
}
