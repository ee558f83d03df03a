package hpa

import (
	"testing"
	"time"
)

// BenchmarkStep is a second of a backtest: a noisy load, the default behavior, everything from totals.
func BenchmarkStep(b *testing.B) {
	behavior := Behavior{ScaleUp: DefaultScaleUp(defaults), ScaleDown: DefaultScaleDown(defaults)}
	spec := Spec{Bounds: wide(), Metrics: []Metric{cpuMetric}, Behavior: &behavior, Controller: defaults}
	state, current, now := State{}, 10, noon
	proposals := make([]Proposed, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Second)
		totals := Totals{Measured: current, Usage: int64(5000 + i*7919%3000), Request: 1000}
		proposals[0].Proposal, proposals[0].Err = cpuMetric.FromTotals(totals, current, spec.Tolerance())
		var d Decision
		d, state = Step(spec, proposals, current, state, now)
		current = d.Replicas
	}
}

// BenchmarkStepLongestWindow is the worst for the state: an hour of recommendations that only fall.
func BenchmarkStepLongestWindow(b *testing.B) {
	behavior := Behavior{ScaleUp: DefaultScaleUp(defaults), ScaleDown: DefaultScaleDown(defaults)}
	behavior.ScaleDown.StabilizationWindow = time.Hour
	spec := Spec{Bounds: Bounds{Min: 1, Max: 10000}, Metrics: []Metric{queueMetric}, Behavior: &behavior, Controller: defaults}
	state, now := State{}, noon
	proposals := make([]Proposed, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Second)
		proposals[0].Replicas = 5000 - i%3600
		_, state = Step(spec, proposals, 5000, state, now)
	}
}

func BenchmarkFromTotals(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := cpuMetric.FromTotals(Totals{Measured: 10, Usage: int64(i % 9000), Missing: 1, Request: 1000}, 11, tenth); err != nil {
			b.Fatal(err)
		}
	}
}

func TestFromTotalsDoesNotAllocate(t *testing.T) {
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := cpuMetric.FromTotals(Totals{Measured: 10, Usage: 9000, Missing: 1, Unready: 1, Request: 1000}, 11, tenth); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations, want 0", allocations)
	}
}
