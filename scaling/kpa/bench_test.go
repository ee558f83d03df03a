package kpa

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// BenchmarkStep is one second of one service in steady state. A backtest of a week makes 604,800 of them.
func BenchmarkStep(b *testing.B) {
	for _, weighted := range []bool{false, true} {
		for _, delay := range []time.Duration{0, 15 * time.Minute} {
			b.Run(fmt.Sprintf("weighted=%v/delay=%v", weighted, delay), func(b *testing.B) {
				p := Default()
				p.Weighted, p.ScaleDownDelay, p.Interval = weighted, delay, time.Second
				var s State
				step := func(i int) {
					load := 5000 * (1 + math.Sin(float64(i)/600))
					Step(p, Input{Now: noon.Add(time.Duration(i) * time.Second), Load: load, Measured: true, Ready: 70}, &s)
				}
				for i := range 10_000 {
					step(i)
				}
				b.ReportAllocs()
				for i := 10_000; b.Loop(); i++ {
					step(i)
				}
			})
		}
	}
}

// BenchmarkTenThousandServices is one second of 10,000 services.
func BenchmarkTenThousandServices(b *testing.B) {
	p := Default()
	p.Interval = time.Second
	states := make([]State, 10_000)
	second := 0
	step := func() {
		now := noon.Add(time.Duration(second) * time.Second)
		for i := range states {
			Step(p, Input{Now: now, Load: float64(i % 500), Measured: true, Ready: 5}, &states[i])
		}
		second++
	}
	for range 70 {
		step()
	}
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
}

func TestAStepAllocatesNothing(t *testing.T) {
	p := Default()
	p.ScaleDownDelay, p.Interval = time.Minute, time.Second
	var s State
	second := 0
	step := func() {
		second++
		load := 5000 * (1 + math.Sin(float64(second)/60))
		Step(p, Input{Now: noon.Add(time.Duration(second) * time.Second), Load: load, Measured: true, Ready: 70}, &s)
	}
	for range 1000 {
		step()
	}
	if allocations := testing.AllocsPerRun(1000, step); allocations != 0 {
		t.Errorf("a step allocates %v times", allocations)
	}
}
