package backtest

import (
	"math"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// shop is a service of 100 requests/s per replica, kept at 70.
func shop(series Series) World {
	seed := uint64(1)
	load, err := series.Load(&seed)
	if err != nil {
		panic(err)
	}
	return World{
		Service: "shop", Seed: 1, Load: load,
		Policy: headroom.Scaling{Enabled: true, MinReplicas: 2, MaxReplicas: 50, TargetRequestsPerSecond: 70, Tolerance: 0.1,
			StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5, ScaleDownCooldown: headroom.Duration(5 * time.Minute), LatencyQuantile: 0.95,
			ReplicaHour: headroom.Money{Micros: 42_000, Currency: "USD"}},
		Objective: headroom.Objective{Availability: 99.9, Latency: headroom.Duration(250 * time.Millisecond), LatencyShare: 99},
		Model: Model{Capacity: 100, ServiceTime: headroom.Duration(40 * time.Millisecond), CPUAtCapacity: 100,
			Patience: headroom.Duration(30 * time.Second), Boot: headroom.Duration(5 * time.Second)},
	}
}

// week swings between 100 and 900 requests/s each day.
func week() Series {
	var s Series
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for minute := 0; minute <= 7*24*60; minute++ {
		s = append(s, Point{start.Add(time.Duration(minute) * time.Minute), 500 - 400*math.Cos(2*math.Pi*float64(minute)/(24*60))})
	}
	return s
}

// steps is a series of levels, each so long.
func steps(t testing.TB, length time.Duration, levels ...float64) Series {
	t.Helper()
	var s Series
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, level := range levels {
		s = append(s, Point{at, level}, Point{at.Add(length - time.Millisecond), level})
		at = at.Add(length)
	}
	s[len(s)-1].At = at
	return s
}
