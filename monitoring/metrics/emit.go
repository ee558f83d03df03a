package metrics

import (
	"strconv"

	"headroom.dev/headroom"
)

// emitter takes the current values one by one, with the values of the family's labels.
type emitter struct {
	value     func(f *family, value float64, labels ...string)
	durations func(f *family, d *durations, labels ...string)
}

// eachTraffic emits what the balancer reported of one service.
func (r *Recorder) eachTraffic(e emitter, name string, service *serviceState) {
	f := &r.families
	e.value(f.arrivals, float64(service.arrivals), name)
	for _, o := range outcomes(service.outcomes) {
		e.value(f.requests, float64(o.count), name, o.name)
	}
	e.durations(f.duration, &service.durations, name)
	e.value(f.inFlight, service.inFlight, name)
	e.value(f.received, float64(service.bytesIn), name)
	e.value(f.sent, float64(service.bytesOut), name)
	e.value(f.waiting, float64(service.hold.Waiting), name)
	e.value(f.held, float64(service.hold.Held), name, "held")
	e.value(f.held, float64(service.hold.TurnedAway), name, "turned_away")
	e.value(f.held, float64(service.hold.GaveUp), name, "gave_up")
	if service.mirror != (headroom.MirrorMeasurement{}) {
		e.value(f.copies, float64(service.mirror.Sent), name, "sent")
		e.value(f.copies, float64(service.mirror.Skipped), name, "skipped")
	}
	for health, n := range service.health {
		e.value(f.backends, float64(n), name, string(health))
	}
	e.value(f.retries, float64(service.guard.Retries), name)
	e.value(f.budgetExhausted, float64(service.guard.Exhausted), name)
	if service.guard.Hedges > 0 { // a service without hedging has no such series
		e.value(f.hedges, float64(service.guard.HedgesWon), name, "second")
		e.value(f.hedges, float64(service.guard.Hedges-service.guard.HedgesWon), name, "first")
	}
	for priority, n := range service.guard.Shed {
		e.value(f.shed, float64(n), name, priority)
	}
	for limit, l := range service.limits {
		refused := "limited"
		if l.dryRun {
			refused = "would_limit"
		}
		e.value(f.rateLimited, float64(l.counts.Allowed), name, limit, "allowed")
		e.value(f.rateLimited, float64(l.counts.Limited), name, limit, refused)
		e.value(f.rateLimited, float64(l.counts.Unknown), name, limit, "unknown")
		e.value(f.rateFallback, float64(l.counts.Fallback), name, limit)
		e.value(f.rateCrowded, float64(l.counts.Crowded), name, limit)
	}
	for id, backend := range service.backends {
		r.eachBackend(e, name, id, backend)
	}
}

func (r *Recorder) eachBackend(e emitter, service, id string, b *backendState) {
	f := &r.families
	for _, o := range outcomes(b.outcomes) {
		// Most outcomes never happen: a series begins with the first one. It loses that first
		// increase to rate(), which the totals per service do not.
		if o.count > 0 {
			e.value(f.attempts, float64(o.count), service, id, o.name)
		}
	}
	e.durations(f.attemptDuration, &b.durations, service, id)
	e.value(f.attemptsInFlight, b.inFlight, service, id)
	switch b.health {
	case headroom.HealthHealthy:
		e.value(f.up, 1, service, id)
	case headroom.HealthUnhealthy:
		e.value(f.up, 0, service, id)
	}
	e.value(f.ejected, truth(b.ejected), service, id)
	e.value(f.breakerOpen, truth(b.breaker == headroom.BreakerOpen || b.breaker == headroom.BreakerHalfOpen), service, id)
}

// eachReplica emits what replicas consumed. What could not be read has no sample.
func (r *Recorder) eachReplica(e emitter, replicas []headroom.ReplicaUsage) {
	f := &r.families
	for _, u := range replicas {
		if u.CPUSeconds != nil {
			e.value(f.replicaCPU, *u.CPUSeconds, u.Service, u.Replica)
		}
		if u.Memory != nil {
			e.value(f.replicaMemory, float64(*u.Memory), u.Service, u.Replica)
		}
		if u.CPULimit > 0 {
			e.value(f.replicaCPULimit, u.CPULimit.Cores(), u.Service, u.Replica)
		}
		if u.MemLimit > 0 {
			e.value(f.replicaMemoryLimit, float64(u.MemLimit), u.Service, u.Replica)
		}
	}
}

// eachScaled emits the scaler's counts. What is not known has no sample.
func (r *Recorder) eachScaled(e emitter, services []Replicas) {
	f := &r.families
	for _, s := range services {
		e.value(f.desired, float64(s.Desired), s.Service)
		e.value(f.minReplicas, float64(s.Min), s.Service)
		e.value(f.maxReplicas, float64(s.Max), s.Service)
		for family, count := range map[*family]*int{f.ready: s.Ready, f.starting: s.Starting, f.wishUnlimited: s.Unlimited} {
			if count != nil {
				e.value(family, float64(*count), s.Service)
			}
		}
		for _, p := range s.Proposals {
			e.value(f.proposal, float64(p.Replicas), s.Service, p.Policy, strconv.FormatBool(p.Shadow))
		}
	}
}

func (r *Recorder) eachLate(e emitter) { e.durations(r.families.lateness, &r.late.lateness) }

// collect turns what is emitted into samples; a histogram becomes _bucket, _sum and _count.
func collect(each func(emitter)) []Sample {
	var out []Sample
	each(emitter{
		value: func(f *family, value float64, values ...string) {
			out = append(out, Sample{Name: f.name, Labels: pairs(f, values), Value: value})
		},
		durations: func(f *family, d *durations, values ...string) {
			labels := pairs(f, values)
			for i, edge := range d.edges {
				bound := formatBound(headroom.HistogramBound(edge).Seconds())
				out = append(out, Sample{Name: f.name + "_bucket", Labels: with(labels, "le", bound), Value: float64(d.counts[i])})
			}
			out = append(out,
				Sample{Name: f.name + "_bucket", Labels: with(labels, "le", "+Inf"), Value: float64(d.total)},
				Sample{Name: f.name + "_sum", Labels: labels, Value: d.sum.Seconds()},
				Sample{Name: f.name + "_count", Labels: labels, Value: float64(d.total)})
		},
	})
	return out
}

// pairs joins the family's label names with their values.
func pairs(f *family, values []string) []Label {
	out := make([]Label, len(values))
	for i, value := range values {
		out[i] = Label{Name: f.labels[i], Value: value}
	}
	return out
}

// with copies labels and adds one.
func with(labels []Label, name, value string) []Label {
	out := make([]Label, len(labels), len(labels)+1)
	copy(out, labels)
	return append(out, Label{name, value})
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
