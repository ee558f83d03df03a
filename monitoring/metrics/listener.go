package metrics

import (
	"time"

	"headroom.dev/headroom"
)

// balancerState is what the balancer reported beside the traffic of its services.
type balancerState struct {
	seen         time.Time
	listeners    map[string]headroom.ListenerMeasurement // by address; counts since the balancer got to know it
	logDropped   uint64
	certificates map[certificateLabels]headroom.CertificateStatus
}

// certificateLabels are what tells certificates apart.
type certificateLabels struct {
	name string // the first of its names: hundreds would make a long label
	file string
}

// add makes one second's report cumulative. Listeners and certificates that are not in it are forgotten.
func (b *balancerState) add(m headroom.Measurement) {
	b.seen = m.At
	b.logDropped += m.LogDropped
	before := b.listeners
	b.listeners = make(map[string]headroom.ListenerMeasurement, len(m.Listeners))
	for _, report := range m.Listeners {
		b.listeners[report.Listen] = total(before[report.Listen], report)
	}
	b.certificates = make(map[certificateLabels]headroom.CertificateStatus, len(m.Certificates))
	for _, c := range m.Certificates {
		labels := certificateLabels{file: c.File}
		if len(c.Names) > 0 {
			labels.name = c.Names[0]
		}
		b.certificates[labels] = worse(b.certificates[labels], c)
	}
}

// total adds the counts of a second; what is of one moment is the second's.
func total(before, second headroom.ListenerMeasurement) headroom.ListenerMeasurement {
	second.Accepted += before.Accepted
	second.Refused += before.Refused
	second.Handshakes.Full += before.Handshakes.Full
	second.Handshakes.Resumed += before.Handshakes.Resumed
	second.Handshakes.Failed += before.Handshakes.Failed
	second.HTTP10 += before.HTTP10
	second.HTTP11 += before.HTTP11
	second.HTTP2 += before.HTTP2
	second.Malformed += before.Malformed
	return second
}

// worse joins certificates of the same labels, as those that two listeners obtain for one host: one series has the sooner end, and the
// failure of either. A zero one is none.
func worse(a, b headroom.CertificateStatus) headroom.CertificateStatus {
	if a.NotAfter.IsZero() || !b.NotAfter.IsZero() && b.NotAfter.Before(a.NotAfter) {
		a.NotBefore, a.NotAfter = b.NotBefore, b.NotAfter
	}
	if a.Error == "" {
		a.Error = b.Error
	}
	return a
}

// eachOfBalancer emits what is of no service.
func (r *Recorder) eachOfBalancer(e emitter, b balancerState) {
	f := &r.families
	for address, l := range b.listeners {
		e.value(f.connections, float64(l.Connections), address)
		e.value(f.accepted, float64(l.Accepted), address)
		e.value(f.refused, float64(l.Refused), address)
		e.value(f.handshakes, float64(l.Handshakes.Full), address, "full")
		e.value(f.handshakes, float64(l.Handshakes.Resumed), address, "resumed")
		e.value(f.handshakes, float64(l.Handshakes.Failed), address, "failed")
		e.value(f.protocols, float64(l.HTTP10), address, "HTTP/1.0") // named as in the access log
		e.value(f.protocols, float64(l.HTTP11), address, "HTTP/1.1")
		e.value(f.protocols, float64(l.HTTP2), address, "HTTP/2.0")
		e.value(f.malformed, float64(l.Malformed), address)
		e.value(f.tunnels, float64(l.Tunnels), address)
	}
	for labels, c := range b.certificates {
		if !c.NotAfter.IsZero() {
			e.value(f.certificateEnd, float64(c.NotAfter.Unix()), labels.name, labels.file)
			e.value(f.certificateLife, c.NotAfter.Sub(c.NotBefore).Seconds(), labels.name, labels.file)
		}
		e.value(f.certificateFailing, truth(c.Error != ""), labels.name, labels.file)
	}
	e.value(f.logDropped, float64(b.logDropped))
}
