package signal

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

// Readings are differences of running sums. A history that has run for long reads as one that began a minute ago, whatever came before: seconds
// that are missing, replicas that start anew, counters that jump, settings that change.
func TestAnOldHistoryReadsAsAYoungOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, young := New(), New()
		length := rapid.IntRange(61, 200).Draw(t, "seconds")
		replicas, process, window := []string{"a", "b"}, map[string]time.Time{}, 15
		for n := range length {
			var latency headroom.Histogram
			for range rapid.IntRange(0, 5).Draw(t, "requests") {
				latency.Add(time.Duration(rapid.IntRange(1, 1e7).Draw(t, "µs")) * time.Microsecond)
			}
			report := measured(float64(n)+rapid.Float64Range(-0.1, 0.1).Draw(t, "jitter"), headroom.Traffic{
				Arrivals: rapid.Uint64Range(0, 1e6).Draw(t, "arrivals"), InFlightMean: rapid.Float64Range(0, 1e12).Draw(t, "in flight"),
				BytesIn: rapid.Uint64().Draw(t, "bytes") >> 8, Latency: latency,
				Outcomes: headroom.Outcomes{Success: rapid.Uint64Range(0, 9).Draw(t, "served"), ServerError: rapid.Uint64Range(0, 9).Draw(t, "failed")},
			}, replicas...)
			lost := rapid.IntRange(0, 9).Draw(t, "lost") == 0
			var usage []headroom.ReplicaUsage
			for _, name := range replicas {
				u := used(float64(n), name, rapid.SampledFrom([]float64{float64(n) / 3, float64(n), 1e300}).Draw(t, "processor"), headroom.Bytes(rapid.Int64Range(0, 1e9).Draw(t, "memory")))
				switch rapid.IntRange(0, 9).Draw(t, "of "+name) {
				case 0:
					u.CPUSeconds = nil
				case 1:
					u.Memory = nil
				case 2:
					process[name] = at(float64(n))
				}
				if began, anew := process[name]; anew {
					u.StartedAt = began
				}
				usage = append(usage, u)
			}
			if rapid.IntRange(0, 50).Draw(t, "other window") == 0 {
				window = rapid.IntRange(1, 20).Draw(t, "window")
			}
			settings := headroom.Scaling{StableWindow: headroom.Duration(window) * headroom.Duration(time.Second)}
			for _, s := range []*Signals{old, young} {
				if s == young && n < length-60 {
					continue
				}
				if !lost {
					s.AddMeasurement(report)
				}
				s.AddUsage(usage)
				if s == old {
					s.Read("shop", at(float64(n)), settings, replicas)
				}
			}
			if n < length-1 {
				continue
			}
			now := at(float64(n) + 0.2)
			if difference := cmp.Diff(young.Read("shop", now, settings, replicas), old.Read("shop", now, settings, replicas)); difference != "" {
				t.Fatalf("the old one differs:\n%s", difference)
			}
		}
	})
}
