package signal

import (
	"fmt"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// busy is a service that reports each second, with the names of its replicas.
func busy(replicas int) (second func() time.Time, s *Signals, names []string) {
	s, n := New(), 0.0
	for i := range replicas {
		names = append(names, fmt.Sprintf("shop-%d", i))
	}
	usage := make([]headroom.ReplicaUsage, replicas)
	measurement := measured(0, headroom.Traffic{Arrivals: 100, InFlightMean: 4, Latency: histogram(20, 30, 40)}, names...)
	return func() time.Time {
		n++
		measurement.At = at(n)
		s.AddMeasurement(measurement)
		for i, name := range names {
			usage[i] = used(n, name, n/2, 100)
		}
		s.AddUsage(usage)
		return at(n)
	}, s, names
}

func histogram(milliseconds ...int) headroom.Histogram {
	var h headroom.Histogram
	for _, ms := range milliseconds {
		h.Add(time.Duration(ms) * time.Millisecond)
	}
	return h
}

// BenchmarkRead is what a decision needs each second: the map that it keeps and the numbers in it are all that is allocated.
func BenchmarkRead(b *testing.B) {
	for _, replicas := range []int{2, 10, 100} {
		b.Run(fmt.Sprintf("replicas=%d", replicas), func(b *testing.B) {
			second, s, names := busy(replicas)
			var now time.Time
			for range 60 {
				now = second()
			}
			policy := headroom.Scaling{StableWindow: headroom.Duration(15 * time.Second)}
			b.ReportAllocs()
			for b.Loop() {
				s.Read("shop", now, policy, names)
			}
		})
	}
}

// Once it is known over how long a service is averaged, no more is kept, and in the same memory.
func TestOnlyWhatTheStableWindowNeedsIsKept(t *testing.T) {
	second, s, names := busy(1)
	policy := headroom.Scaling{StableWindow: headroom.Duration(15 * time.Second)}
	for range 600 {
		s.Read("shop", second(), policy, names)
	}
	// 15 s and 10 s beyond are 26 samples with both ends.
	if traffic, usage := len(s.traffic["shop"].recent.live()), len(s.usage["shop"][names[0]].recent.live()); traffic != 26 || usage != 26 {
		t.Errorf("kept %d seconds of traffic and %d of usage, want 26 of each", traffic, usage)
	}
	room := cap(s.traffic["shop"].recent.all)
	for range 600 {
		second()
	}
	if again := cap(s.traffic["shop"].recent.all); again != room {
		t.Errorf("the history grew from room for %d seconds to %d", room, again)
	}
}
