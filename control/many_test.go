package control_test

import (
	"fmt"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// The work is counted in allocations, which do not depend on the machine: eight times the services may cost eight times
// as much, and a look at all backends for each service would cost 64 times as much.
func TestWhatIsAskedOfAllServicesGrowsWithTheirNumberOnly(t *testing.T) {
	for _, ask := range []struct {
		name string
		of   func(w *world)
	}{
		{"status", func(w *world) { _, _ = w.control.Status("") }},
		{"balancer", func(w *world) { w.control.Balancer() }},
		{"backends", func(w *world) { _, _ = w.control.Backends("") }},
	} {
		t.Run(ask.name, func(t *testing.T) {
			few, many := allocations(t, 50, ask.of), allocations(t, 400, ask.of)
			if many > 16*few {
				t.Errorf("%.0f allocations for 50 services and %.0f for 400; expected about 8 times as many", few, many)
			}
		})
	}
}

func allocations(t *testing.T, services int, ask func(w *world)) float64 {
	t.Helper()
	var count float64
	inWorld(t, func(t *testing.T, w *world) {
		w.config = headroom.Config{Services: map[string]headroom.Service{}}
		measurement := headroom.Measurement{At: time.Now(), Window: headroom.Duration(time.Second)}
		for i := range services {
			name := fmt.Sprintf("s%d", i)
			static := headroom.StaticBackend{Address: "127.0.0.1:9001", Weight: 1}
			w.config.Services[name] = headroom.Service{Backends: []headroom.StaticBackend{static}}
			measurement.Services = append(measurement.Services, headroom.ServiceMeasurement{Service: name,
				Backends: []headroom.BackendMeasurement{{ID: headroom.StaticBackendID(name, static.Address), Health: headroom.HealthHealthy}}})
		}
		w.start()
		w.control.Measured(measurement)
		count = testing.AllocsPerRun(1, func() { ask(w) })
	})
	return count
}
