package main

import (
	"time"

	"headroom.dev/headroom"
)

// traffic makes what a balancer would report of all services each second.
type traffic struct {
	names    []string
	backends map[string][]headroom.BackendMeasurement
	latency  []headroom.Histogram
	// A measurement is never changed, and the loop holds the newest one only: two take turns.
	services [2][]headroom.ServiceMeasurement
	second   int
	version  uint64
}

func newTraffic(names []string) *traffic {
	t := &traffic{names: names}
	for range 32 {
		t.latency = append(t.latency, headroom.Histogram{})
	}
	for i := range t.latency {
		for n := range 100 {
			t.latency[i].Add(time.Duration(10+(i*7+n*n)%90) * time.Millisecond)
		}
	}
	for i := range t.services {
		t.services[i] = make([]headroom.ServiceMeasurement, len(names))
	}
	return t
}

// heed takes a new list of backends.
func (t *traffic) heed(endpoints headroom.Endpoints) {
	t.version = endpoints.Version
	t.backends = make(map[string][]headroom.BackendMeasurement, len(t.names))
	for _, backend := range endpoints.Backends {
		t.backends[backend.Service] = append(t.backends[backend.Service], headroom.BackendMeasurement{ID: backend.ID, Address: backend.Address,
			Health: headroom.HealthHealthy, Breaker: headroom.BreakerClosed})
	}
}

// next is of the second that ends at a time. Each replica is meant for 50 requests/s, and two get 80 to 99; 20 services at a time get 200
// for half a minute, so that there is always something to do.
func (t *traffic) next(at time.Time) headroom.Measurement {
	t.second++
	services := t.services[t.second%2]
	for i, name := range t.names {
		arrivals := uint64(80 + (i+t.second)%20)
		if (i+t.second/30)%(max(len(t.names)/20, 1)) == 0 {
			arrivals = 200
		}
		services[i] = headroom.ServiceMeasurement{Service: name, Backends: t.backends[name], Traffic: headroom.Traffic{
			Arrivals: arrivals, Outcomes: headroom.Outcomes{Success: arrivals}, InFlight: 4, InFlightMean: float64(arrivals) / 20,
			Latency: t.latency[(i+t.second)%len(t.latency)],
		}}
	}
	return headroom.Measurement{At: at, Window: headroom.Duration(time.Second), TableVersion: t.version, Services: services}
}
