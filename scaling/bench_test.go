package scaling

import (
	"testing"

	"headroom.dev/headroom"
)

// BenchmarkQuietDecision is what 10,000 services cost each second: one target, compiled once, no sentences.
func BenchmarkQuietDecision(b *testing.B) {
	c, err := Compile(policyOf(targetRPS(50)))
	if err != nil {
		b.Fatal(err)
	}
	obs := observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, reading(190, 4)))
	b.ReportAllocs()
	for b.Loop() {
		c.DecideQuietly("d", obs, wanted(4))
	}
}

// BenchmarkCompiledDecision is the same with sentences.
func BenchmarkCompiledDecision(b *testing.B) {
	c, err := Compile(policyOf(targetRPS(50)))
	if err != nil {
		b.Fatal(err)
	}
	obs := observe(counts(4, 0), steady(headroom.MetricRequestsPerSecond, reading(190, 4)))
	b.ReportAllocs()
	for b.Loop() {
		c.Decide("d", obs, wanted(4))
	}
}
