package role

import (
	"context"
	"sync"

	"headroom.dev/headroom"
	"headroom.dev/headroom/link"
)

// predecessor is the process that this one took over from, while it drains. What it still serves counts as ours: without it the scaler
// would stop a replica on which the predecessor has a request in flight, since it saw none. Safe for concurrent use; nil is nobody.
type predecessor struct {
	handover *link.Handover
	gone     chan struct{} // closed when it has drained and ended

	mu   sync.Mutex             // guards all below
	new  []headroom.Measurement // not joined yet
	last headroom.Measurement
	here bool // last says what is in flight there
}

func follow(handover *link.Handover) *predecessor {
	p := &predecessor{handover: handover, gone: make(chan struct{})}
	go func() {
		defer close(p.gone)
		for message := range handover.Messages {
			if message.Measurement != nil {
				p.measured(*message.Measurement)
			}
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.here = false
	}()
	return p
}

// leave has the predecessor end soon.
func (p *predecessor) leave() {
	if p != nil {
		p.handover.Leave()
	}
}

// wait waits until the predecessor has ended or ctx ends.
func (p *predecessor) wait(ctx context.Context) {
	if p == nil {
		return
	}
	select {
	case <-p.gone:
	case <-ctx.Done():
	}
}

// told tells the predecessor which backends there are now.
func (p *predecessor) told(endpoints headroom.Endpoints) {
	if p != nil {
		_ = p.handover.Send(link.Message{Endpoints: &endpoints}) // a failure means that it has ended
	}
}

func (p *predecessor) measured(m headroom.Measurement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.new, p.last, p.here = append(p.new, m), m, true
}

// join adds what the predecessor measured to a measurement of ours. One window of its at a time, and the longer of both counts: our first
// is a part of a second, and two of its in one of ours would look like twice the rate, for which the scaler would start replicas.
func (p *predecessor) join(m headroom.Measurement) headroom.Measurement {
	if p == nil {
		return m
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.new) > 0 {
		m.Window = max(m.Window, p.new[0].Window)
		addCounts(&m, p.new[0])
		p.new = p.new[1:]
	}
	if p.here {
		addGauges(&m, p.last)
	}
	return m
}

// addCounts adds what happened in a window.
func addCounts(m *headroom.Measurement, theirs headroom.Measurement) {
	m.LogDropped += theirs.LogDropped
	for _, service := range theirs.Services {
		ours := serviceOf(m, service.Service)
		addTraffic(&ours.Traffic, service.Traffic)
		ours.Hold.Held += service.Hold.Held
		ours.Hold.TurnedAway += service.Hold.TurnedAway
		ours.Hold.GaveUp += service.Hold.GaveUp
		ours.Mirror.Sent += service.Mirror.Sent
		ours.Mirror.Skipped += service.Mirror.Skipped
		for _, backend := range service.Backends {
			addTraffic(&backendOf(ours, backend).Traffic, backend.Traffic)
		}
		for _, limit := range service.RateLimits {
			for i := range ours.RateLimits {
				if mine := &ours.RateLimits[i]; mine.Limit == limit.Limit {
					mine.Counts = mine.Counts.Plus(limit.Counts)
				}
			}
		}
	}
	for _, listener := range theirs.Listeners {
		ours := listenerOf(m, listener.Listen)
		ours.Accepted += listener.Accepted
		ours.Refused += listener.Refused
		ours.Handshakes.Full += listener.Handshakes.Full
		ours.Handshakes.Resumed += listener.Handshakes.Resumed
		ours.Handshakes.Failed += listener.Handshakes.Failed
		ours.HTTP10 += listener.HTTP10
		ours.HTTP11 += listener.HTTP11
		ours.HTTP2 += listener.HTTP2
		ours.Malformed += listener.Malformed
	}
}

func addTraffic(ours *headroom.Traffic, theirs headroom.Traffic) {
	ours.Arrivals += theirs.Arrivals
	ours.Outcomes = ours.Outcomes.Plus(theirs.Outcomes)
	ours.Latency.Merge(theirs.Latency)
	ours.BytesIn += theirs.BytesIn
	ours.BytesOut += theirs.BytesOut
}

// addGauges adds what was so at the end of a window. A table is in force once it is in both processes.
func addGauges(m *headroom.Measurement, theirs headroom.Measurement) {
	m.TableVersion = min(m.TableVersion, theirs.TableVersion)
	for _, service := range theirs.Services {
		ours := serviceOf(m, service.Service)
		ours.Traffic.InFlight += service.Traffic.InFlight
		ours.Hold.Waiting += service.Hold.Waiting
		ours.Traffic.InFlightMean += service.Traffic.InFlightMean
		for _, backend := range service.Backends {
			traffic := &backendOf(ours, backend).Traffic
			traffic.InFlight += backend.Traffic.InFlight
			traffic.InFlightMean += backend.Traffic.InFlightMean
		}
	}
	for _, listener := range theirs.Listeners {
		ours := listenerOf(m, listener.Listen)
		ours.Connections += listener.Connections
		ours.Tunnels += listener.Tunnels
	}
}

func serviceOf(m *headroom.Measurement, name string) *headroom.ServiceMeasurement {
	for i := range m.Services {
		if m.Services[i].Service == name {
			return &m.Services[i]
		}
	}
	m.Services = append(m.Services, headroom.ServiceMeasurement{Service: name})
	return &m.Services[len(m.Services)-1]
}

// backendOf finds a backend by its ID, or adds one that only the predecessor has, without its traffic.
func backendOf(service *headroom.ServiceMeasurement, theirs headroom.BackendMeasurement) *headroom.BackendMeasurement {
	for i := range service.Backends {
		if service.Backends[i].ID == theirs.ID {
			return &service.Backends[i]
		}
	}
	theirs.Traffic = headroom.Traffic{}
	service.Backends = append(service.Backends, theirs)
	return &service.Backends[len(service.Backends)-1]
}

func listenerOf(m *headroom.Measurement, address string) *headroom.ListenerMeasurement {
	for i := range m.Listeners {
		if m.Listeners[i].Listen == address {
			return &m.Listeners[i]
		}
	}
	m.Listeners = append(m.Listeners, headroom.ListenerMeasurement{Listen: address})
	return &m.Listeners[len(m.Listeners)-1]
}
