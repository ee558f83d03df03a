package backtest

import (
	"math"
	"time"

	"headroom.dev/headroom"
)

// observer makes of each second what a balancer and a platform would have measured, in the form in which monitoring/signal gives it. Its buffers are
// used again each second: who keeps an observation copies it.
type observer struct {
	quantile float64
	measures []measure
	failed   window // requests
	answers  window
	latency  latencies // of the stable window
	seconds  []parts
	next     int
	signals  map[headroom.Metric]headroom.Signal
	ready    int
	starting int
	counts   headroom.ReplicaCounts
}

// measure is one metric over both windows.
type measure struct {
	metric headroom.Metric
	stable window     // of totals
	mean   window     // of the means per replica
	values [4]float64 // fast per replica, fast total, stable per replica, stable total
}

func newObserver(policy headroom.Scaling) *observer {
	seconds := int(math.Ceil(policy.StableWindow.Seconds()))
	if seconds <= 0 {
		seconds = 15 // the default of Scaling.StableWindow
	}
	quantile := policy.LatencyQuantile
	if !(quantile > 0 && quantile < 1) {
		quantile = 0.95 // the default of Scaling.LatencyQuantile
	}
	o := &observer{quantile: quantile, seconds: make([]parts, seconds), signals: map[headroom.Metric]headroom.Signal{},
		failed: newWindow(seconds), answers: newWindow(seconds)}
	for _, metric := range [...]headroom.Metric{headroom.MetricRequestsPerSecond, headroom.MetricInFlight, headroom.MetricCPU,
		headroom.MetricLatency, headroom.MetricErrors} {
		o.measures = append(o.measures, measure{metric: metric, stable: newWindow(seconds), mean: newWindow(seconds)})
	}
	o.counts = headroom.ReplicaCounts{Ready: &o.ready, Starting: &o.starting, Synced: true}
	return o
}

// cpu is the processor use of a replica that was ready in the second, in percent of run.cpu.
func (s *served) cpu(m Model) float64 {
	if s.capacity == 0 {
		return 0
	}
	return m.CPUAtCapacity * s.answered / s.capacity
}

// second takes in what happened, and how many replicas are ready at its end.
func (o *observer) second(m Model, s *served, p *parts, ready, starting int) {
	o.ready, o.starting = ready, starting
	o.latency.remove(&o.seconds[o.next])
	o.latency.add(p)
	o.seconds[o.next] = *p
	o.next = (o.next + 1) % len(o.seconds)
	o.failed.add(s.failed)
	o.answers.add(s.answered)

	for i := range o.measures {
		one := &o.measures[i]
		switch one.metric {
		case headroom.MetricRequestsPerSecond:
			one.total(s.arrivals, ready)
		case headroom.MetricInFlight:
			one.total(s.inFlight(), ready)
		case headroom.MetricCPU:
			one.use(s.cpu(m), ready, s.capacity > 0)
		case headroom.MetricLatency:
			one.quantiles(p.quantile(o.quantile), p.count > 0, &o.latency, o.quantile)
		case headroom.MetricErrors:
			one.values[0], one.values[2] = percent(s.failed, s.failed+s.answered), percent(o.failed.mean(), o.failed.mean()+o.answers.mean())
		}
		o.signals[one.metric] = one.signal(ready, p.count > 0, o.latency.total > 0)
	}
}

func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * part / whole
}

// total takes in what adds up over replicas.
func (m *measure) total(value float64, ready int) {
	m.stable.add(value)
	stable := m.stable.mean()
	m.values = [4]float64{value / float64(max(ready, 1)), value, stable / float64(max(ready, 1)), stable}
}

// use takes in the processor use of each replica.
func (m *measure) use(each float64, ready int, measured bool) {
	if measured {
		m.mean.add(each)
	}
	mean := m.mean.mean()
	m.values = [4]float64{each, each * float64(ready), mean, mean * float64(ready)}
}

func (m *measure) quantiles(second time.Duration, any bool, stable *latencies, quantile float64) {
	m.values[0], m.values[2] = 0, 0
	if any {
		m.values[0] = second.Seconds() * 1000
	}
	if value, known := stable.quantile(quantile); known {
		m.values[2] = value.Seconds() * 1000
	}
}

// signal is the metric in the form of the live one. Known says whether there were requests in the last second, and in the window.
func (m *measure) signal(ready int, fast, stable bool) headroom.Signal {
	s := headroom.Signal{Metric: m.metric, Fast: headroom.Reading{Measured: ready, Replicas: ready}, Stable: headroom.Reading{Measured: ready, Replicas: ready}}
	switch {
	case m.metric.Shared():
		s.Fast = shared(s.Fast, &m.values[0], fast)
		s.Stable = shared(s.Stable, &m.values[2], stable)
	case ready == 0 && m.metric == headroom.MetricCPU:
		s.Fast.Unknown, s.Stable.Unknown = "no replica is ready", "no replica is ready"
	default:
		s.Fast.Total, s.Stable.Total = &m.values[1], &m.values[3]
		if ready == 0 {
			s.Fast.Unknown, s.Stable.Unknown = "no replica is ready to share it", "no replica is ready to share it"
			break
		}
		s.Fast.PerReplica, s.Stable.PerReplica = &m.values[0], &m.values[2]
	}
	return s
}

func shared(r headroom.Reading, value *float64, known bool) headroom.Reading {
	if !known {
		r.Unknown = "no request ended in the window"
		return r
	}
	r.PerReplica = value
	return r
}

// quantile is that of one second. Parts are few and high quantiles are asked for, so it is looked for from the slow end: the largest bucket goes, until as much
// as may be above is gone.
func (p *parts) quantile(q float64) time.Duration {
	above, last := 0.0, bucketCount
	for _, one := range p.list[:p.count] {
		above += one.count * (1 - q)
	}
	for above >= 0 {
		next, count := -1, 0.0
		for _, one := range p.list[:p.count] {
			switch {
			case one.bucket >= last || one.bucket < next:
			case one.bucket == next:
				count += one.count
			default:
				next, count = one.bucket, one.count
			}
		}
		if next < 0 {
			break // rounding
		}
		above, last = above-count, next
	}
	return middle(min(last, bucketCount-1))
}

// kept is an observation of its own, which nothing changes any more.
func kept(o headroom.Observation) headroom.Observation {
	signals := make(map[headroom.Metric]headroom.Signal, len(o.Signals))
	for metric, s := range o.Signals {
		s.Fast, s.Stable = keptReading(s.Fast), keptReading(s.Stable)
		signals[metric] = s
	}
	o.Signals = signals
	ready, starting := *o.Replicas.Ready, *o.Replicas.Starting
	o.Replicas.Ready, o.Replicas.Starting = &ready, &starting
	return o
}

func keptReading(r headroom.Reading) headroom.Reading {
	if r.PerReplica != nil {
		value := *r.PerReplica
		r.PerReplica = &value
	}
	if r.Total != nil {
		value := *r.Total
		r.Total = &value
	}
	return r
}
