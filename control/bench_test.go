package control

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/platform/fake"
	"headroom.dev/headroom/store/bolt"
)

// BenchmarkASecondOfOneService is what the loop does each second for one service under a steady load: take the
// measurement and the usage, read the platform, decide, plan. One op is one second, so 1 ms/op is 0.1 % of a core.
func BenchmarkASecondOfOneService(b *testing.B) {
	for _, replicas := range []int{2, 10, 100} {
		b.Run(fmt.Sprintf("replicas=%d", replicas), func(b *testing.B) { benchmarkSecond(b, replicas) })
	}
}

func benchmarkSecond(b *testing.B, replicas int) {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	store, err := bolt.Open(filepath.Join(b.TempDir(), "state.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	platform := fake.New(headroom.Capabilities{NamesReplicas: true, NamesVictims: true}, clock)
	platform.SetLoad("shop", 0.5, 100<<20)
	c, err := New(Options{Store: store, Platform: platform, Logger: slog.New(slog.DiscardHandler), MachineMemory: 8 << 30, Now: clock})
	if err != nil {
		b.Fatal(err)
	}
	err = c.Apply(headroom.Config{Services: map[string]headroom.Service{"shop": {
		Run: &headroom.Run{Command: headroom.Command{"shop"}, StartTimeout: headroom.Duration(time.Minute)},
		Scaling: headroom.Scaling{Enabled: true, MinReplicas: replicas, MaxReplicas: replicas, TargetCPUUtilization: 70,
			TargetRequestsPerSecond: 50, TargetInFlight: 8, Tolerance: 0.1, StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5},
	}}})
	if err != nil {
		b.Fatal(err)
	}
	s := c.services["shop"]
	second := func() {
		now = now.Add(time.Second)
		platform.Tick()
		measurement := headroom.Measurement{At: now, Window: headroom.Duration(time.Second), TableVersion: c.version,
			Services: []headroom.ServiceMeasurement{{Service: "shop", Traffic: traffic(40 * replicas)}}}
		for _, backend := range c.lastSent {
			measurement.Services[0].Backends = append(measurement.Services[0].Backends,
				headroom.BackendMeasurement{ID: backend.ID, Address: backend.Address, Traffic: traffic(40)})
		}
		c.readUsage(b.Context())
		c.Measured(measurement)
		s.tick(b.Context(), true)
		c.publishTouched()
	}
	for range 20 {
		second()
	}
	if ready := len(s.readyNames(nil)); ready != replicas {
		b.Fatalf("%d replicas are ready", ready)
	}
	b.ReportAllocs()
	for b.Loop() {
		second()
	}
}

func traffic(requests int) headroom.Traffic {
	t := headroom.Traffic{Arrivals: uint64(requests), Outcomes: headroom.Outcomes{Success: uint64(requests)}, InFlight: 4, InFlightMean: 4}
	for i := range requests {
		t.Latency.Add(time.Duration(20+i%10) * time.Millisecond)
	}
	return t
}
