package control

import (
	"maps"
	"slices"
	"time"

	"headroom.dev/headroom"
)

// balancerAway is how long a balancer may be silent until it counts as away: three of its reports.
const balancerAway = 3 * time.Second

// newestMeasurement returns what the balancer reported last; false where it is away.
func (c *Controller) newestMeasurement() (headroom.Measurement, bool) {
	c.signalsMu.Lock()
	defer c.signalsMu.Unlock()
	here := !c.heardAt.IsZero() && c.now().Sub(c.heardAt) < balancerAway
	return c.measurement, here
}

// hear makes a measurement the newest one.
func (c *Controller) hear(measurement headroom.Measurement, now time.Time) {
	c.signalsMu.Lock()
	defer c.signalsMu.Unlock()
	known := len(c.places) == len(measurement.Services)
	for i := range measurement.Services {
		place, there := c.places[measurement.Services[i].Service]
		known = known && there && place == i
	}
	if !known { // seldom: a balancer reports on the same services in the same order each second
		c.places = make(map[string]int, len(measurement.Services))
		for i := range measurement.Services {
			c.places[measurement.Services[i].Service] = i
		}
	}
	c.measurement, c.heardAt = measurement, now
}

// decided notes how late a decision on the newest measurement was.
func (c *Controller) decided(now time.Time) {
	c.signalsMu.Lock()
	defer c.signalsMu.Unlock()
	c.lateness.Add(now.Sub(c.measurement.At))
}

// takeLateness returns how late the decisions since the last call were.
func (c *Controller) takeLateness() headroom.Histogram {
	c.signalsMu.Lock()
	defer c.signalsMu.Unlock()
	lateness := c.lateness
	c.lateness = headroom.Histogram{}
	return lateness
}

// newestOf returns what the balancer reported last of the backends of one service, and the version of the endpoints that
// it had then; false where it is away.
func (c *Controller) newestOf(service string) ([]headroom.BackendMeasurement, uint64, bool) {
	c.signalsMu.Lock()
	defer c.signalsMu.Unlock()
	if c.heardAt.IsZero() || c.now().Sub(c.heardAt) >= balancerAway {
		return nil, 0, false
	}
	place, reported := c.places[service]
	if !reported {
		return nil, c.measurement.TableVersion, true
	}
	return c.measurement.Services[place].Backends, c.measurement.TableVersion, true
}

// measuredBackends is what the balancer reported last of each backend, by ID; nil where it is away.
func (c *Controller) measuredBackends() map[string]headroom.BackendMeasurement {
	measurement, here := c.newestMeasurement()
	if !here {
		return nil
	}
	backends := map[string]headroom.BackendMeasurement{}
	for _, service := range measurement.Services {
		for _, backend := range service.Backends {
			backends[backend.ID] = backend
		}
	}
	return backends
}

// Backends says what there is to know of the backends of one service, or of all where the name is empty.
func (c *Controller) Backends(service string) ([]headroom.BackendStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if service != "" {
		if err := c.checkService(service); err != nil {
			return nil, err
		}
	}
	statuses := c.backendStatuses()
	if service != "" {
		return append([]headroom.BackendStatus{}, statuses[service]...), nil
	}
	all := []headroom.BackendStatus{}
	for _, name := range slices.Sorted(maps.Keys(statuses)) {
		all = append(all, statuses[name]...)
	}
	return all, nil
}

// backendStatuses says what there is to know of all backends, by service. The lock is held.
func (c *Controller) backendStatuses() map[string][]headroom.BackendStatus {
	measurement, _ := c.newestMeasurement()
	measured := c.measuredBackends()
	statuses := map[string][]headroom.BackendStatus{}
	for _, backend := range c.allBackends() {
		status := headroom.BackendStatus{Backend: backend, Health: headroom.HealthUnknown, Breaker: headroom.BreakerClosed}
		if m, known := measured[backend.ID]; known {
			status.Health, status.Breaker, status.LastFailure = m.Health, m.Breaker, m.LastFailure
			status.Ejected = m.Ejected
			status.InFlight = &m.Traffic.InFlight
			rate := float64(m.Traffic.Arrivals) / measurement.Window.Seconds()
			status.RequestsPerSecond = &rate
			status.LatencyP95 = quantile(m.Traffic.Latency, 0.95)
		}
		statuses[backend.Service] = append(statuses[backend.Service], status)
	}
	return statuses
}

// Balancer says what the balancer reported last.
func (c *Controller) Balancer() headroom.BalancerStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	measurement, here := c.newestMeasurement()
	status := headroom.BalancerStatus{
		Connected: here, TableVersion: measurement.TableVersion, EndpointsVersion: c.version, Services: []headroom.ServiceTraffic{},
		Listeners: []headroom.ListenerMeasurement{}, Certificates: []headroom.CertificateStatus{},
	}
	if !measurement.At.IsZero() {
		status.ReportedAt = &measurement.At
	}
	traffic := map[string]headroom.Traffic{}
	limits := map[string][]headroom.RateLimitMeasurement{}
	if here {
		status.Listeners = append(status.Listeners, measurement.Listeners...)
		status.Certificates = append(status.Certificates, measurement.Certificates...)
		for _, service := range measurement.Services {
			traffic[service.Service] = service.Traffic
			limits[service.Service] = service.RateLimits
		}
	}
	backends := c.backendStatuses()
	for _, name := range c.serviceNames() {
		balancing, seen := c.config.Services[name].LoadBalancing, traffic[name]
		summary := headroom.ServiceTraffic{
			Service: name, Listen: balancing.Listen, Algorithm: balancing.Algorithm,
			InFlight: seen.InFlight, LatencyP50: quantile(seen.Latency, 0.5), LatencyP95: quantile(seen.Latency, 0.95),
			LatencyP99: quantile(seen.Latency, 0.99), Backends: append([]headroom.BackendStatus{}, backends[name]...),
		}
		summary.RateLimits = rateLimits(balancing, limits[name], measurement.Window.Seconds())
		if window := measurement.Window.Seconds(); here && window > 0 {
			summary.RequestsPerSecond = float64(seen.Arrivals) / window
			summary.FailedPerSecond = float64(seen.Outcomes.Failed()) / window
		}
		status.Services = append(status.Services, summary)
	}
	return status
}

func quantile(latency headroom.Histogram, q float64) *headroom.Duration {
	value, known := latency.Quantile(q)
	if !known {
		return nil
	}
	rounded := headroom.Duration(value.Round(10 * time.Microsecond))
	return &rounded
}

// Health says how the parts of headroom are, as the scaler sees them.
func (c *Controller) Health() []headroom.ComponentHealth {
	now := c.now()
	_, here := c.newestMeasurement()
	health := []headroom.ComponentHealth{{Name: "scaler", Healthy: true, Detail: "deciding", At: now}}
	balancer := headroom.ComponentHealth{Name: "balancer", Healthy: here, Detail: "reports each second", At: now}
	if !here {
		balancer.Detail = "has not reported for three seconds: it serves on with what it knew, and nothing shrinks meanwhile"
	}
	health = append(health, balancer)
	for _, s := range c.allServices() {
		s.mu.Lock()
		if s.problem != "" {
			health = append(health, headroom.ComponentHealth{Name: "platform", Healthy: false, Detail: s.name + ": " + s.problem, At: now})
		}
		s.mu.Unlock()
	}
	return health
}
