package signal

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is the end of the n-th second.
func at(n float64) time.Time { return epoch.Add(time.Duration(n * float64(time.Second))) }

// measured is one second of service shop on the given backends.
func measured(n float64, traffic headroom.Traffic, backends ...string) headroom.Measurement {
	service := headroom.ServiceMeasurement{Service: "shop", Traffic: traffic}
	for _, id := range backends {
		service.Backends = append(service.Backends, headroom.BackendMeasurement{ID: id})
	}
	return headroom.Measurement{At: at(n), Window: headroom.Duration(time.Second), Services: []headroom.ServiceMeasurement{service}}
}

func used(n float64, replica string, cpuSeconds float64, memory headroom.Bytes) headroom.ReplicaUsage {
	return headroom.ReplicaUsage{
		Service: "shop", Replica: replica, At: at(n), CPUSeconds: &cpuSeconds, Memory: &memory,
		CPULimit: 500, MemLimit: 1000, StartedAt: epoch,
	}
}

// is checks a value that must be known.
func is(t *testing.T, what string, got *float64, want float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is unknown; expected %v", what, want)
		return
	}
	if math.Abs(*got-want) > 1e-9*math.Max(1, math.Abs(want)) {
		t.Errorf("%s is %v; expected %v", what, *got, want)
	}
}

// unknown checks that a reading has no value and says why.
func unknown(t *testing.T, what string, got headroom.Reading, why string) {
	t.Helper()
	if got.PerReplica != nil {
		t.Errorf("%s is %v; expected unknown", what, *got.PerReplica)
	}
	if !strings.Contains(got.Unknown, why) {
		t.Errorf("%s is unknown because %q; expected %q", what, got.Unknown, why)
	}
}

var policy = headroom.Scaling{StableWindow: headroom.Duration(15 * time.Second), LatencyQuantile: 0.95}

func TestEverythingIsUnknownBeforeTheFirstReport(t *testing.T) {
	signals := New().Read("shop", at(0), policy, []string{"a"})
	if len(signals) != len(headroom.Metrics()) {
		t.Fatalf("got %d signals; expected all %d", len(signals), len(headroom.Metrics()))
	}
	for _, metric := range headroom.Metrics() {
		s := signals[metric]
		if s.Metric != metric {
			t.Errorf("signal of %s is named %s", metric, s.Metric)
		}
		unknown(t, string(metric)+" fast", s.Fast, "report")
		unknown(t, string(metric)+" stable", s.Stable, "report")
		if s.Fast.Total != nil || s.Stable.Total != nil || s.Fast.Replicas != 1 || s.Fast.Measured != 0 {
			t.Errorf("%s is %+v; expected no total and 0 of 1 measured", metric, s)
		}
	}
}

func TestRequestRateOfTheLastSecondAndOfTheWindow(t *testing.T) {
	s := New()
	// 14 seconds of 30 requests and one of 180: over 15 s (14×30+180)/15 = 40 per second.
	for n := 1; n <= 14; n++ {
		s.AddMeasurement(measured(float64(n), headroom.Traffic{Arrivals: 30}, "a", "b"))
	}
	s.AddMeasurement(measured(15, headroom.Traffic{Arrivals: 180}, "a", "b"))
	got := s.Read("shop", at(15.25), policy, []string{"a", "b"})[headroom.MetricRequestsPerSecond]
	is(t, "fast total", got.Fast.Total, 180)
	is(t, "fast per replica", got.Fast.PerReplica, 90)
	is(t, "stable total", got.Stable.Total, 40)
	is(t, "stable per replica", got.Stable.PerReplica, 20)
	if got.Fast.Age != headroom.Duration(250*time.Millisecond) || got.Fast.Measured != 2 || got.Fast.Replicas != 2 {
		t.Errorf("fast is %+v; expected age 250ms, 2 of 2", got.Fast)
	}
}

func TestStableWindowHoldsExactlyItsSecondsDespiteJitter(t *testing.T) {
	s := New()
	// Reports come up to 40 ms early or late. The 16th newest second has 1000 requests: it must not count.
	s.AddMeasurement(measured(0.96, headroom.Traffic{Arrivals: 1000}, "a"))
	for n := 2; n <= 16; n++ {
		jitter := 0.04 * float64(1-2*(n%2))
		s.AddMeasurement(measured(float64(n)+jitter, headroom.Traffic{Arrivals: 10}, "a"))
	}
	got := s.Read("shop", at(16.1), policy, []string{"a"})[headroom.MetricRequestsPerSecond]
	is(t, "stable total", got.Stable.Total, 10)
	one := policy
	one.StableWindow = headroom.Duration(time.Second)
	got = s.Read("shop", at(16.1), one, []string{"a"})[headroom.MetricRequestsPerSecond]
	is(t, "stable total of one second", got.Stable.Total, 10)
}

func TestReportsOfUnevenLengthAreWeighted(t *testing.T) {
	s := New()
	s.AddMeasurement(measured(1, headroom.Traffic{Arrivals: 10, InFlightMean: 2}, "a"))
	late := measured(4, headroom.Traffic{Arrivals: 90, InFlightMean: 6}, "a")
	late.Window = headroom.Duration(3 * time.Second)
	s.AddMeasurement(late)
	got := s.Read("shop", at(4), policy, []string{"a"})
	// 100 requests in 4 s; (2×1 + 6×3)/4 = 5 in flight; the last report alone: 30 per second.
	is(t, "rate fast", got[headroom.MetricRequestsPerSecond].Fast.Total, 30)
	is(t, "rate stable", got[headroom.MetricRequestsPerSecond].Stable.Total, 25)
	is(t, "in flight stable", got[headroom.MetricInFlight].Stable.Total, 5)
}

func TestLatencyIsTheQuantileOfAllRequestsInTheWindow(t *testing.T) {
	s := New()
	// 90 requests of 8 µs..9 µs in one second and 10 of 1024..1152 µs in the next. The median of all is
	// rank 50 of 90 in [8,9) µs: 8 + 50/90 µs. The median of the last second alone is half way through
	// its bucket: 1024 + 128×5/10 = 1088 µs.
	var quick, slow headroom.Histogram
	for range 90 {
		quick.Add(8 * time.Microsecond)
	}
	for range 10 {
		slow.Add(1100 * time.Microsecond)
	}
	s.AddMeasurement(measured(1, headroom.Traffic{Latency: quick}, "a"))
	s.AddMeasurement(measured(2, headroom.Traffic{Latency: slow}, "a"))
	half := policy
	half.LatencyQuantile = 0.5
	got := s.Read("shop", at(2), half, []string{"a"})[headroom.MetricLatency]
	is(t, "fast", got.Fast.PerReplica, 1.088)
	is(t, "stable", got.Stable.PerReplica, 0.008555) // whole nanoseconds
	if got.Fast.Total != nil || got.Stable.Total != nil {
		t.Error("latency has a total; expected none")
	}
	if quick.Count != 90 || len(slow.Counts) == 0 || slow.Count != 10 {
		t.Error("reading changed the reports")
	}
}

func TestLatencyWithoutRequestsIsUnknownAndRateIsZero(t *testing.T) {
	s := New()
	s.AddMeasurement(measured(1, headroom.Traffic{}, "a"))
	got := s.Read("shop", at(1), policy, []string{"a"})
	unknown(t, "latency", got[headroom.MetricLatency].Fast, "no request ended")
	is(t, "rate", got[headroom.MetricRequestsPerSecond].Fast.PerReplica, 0)
}

func TestSilentBalancerMakesItsSignalsUnknown(t *testing.T) {
	s := New()
	s.AddMeasurement(measured(10, headroom.Traffic{Arrivals: 5}, "a"))
	for _, c := range []struct {
		now          float64
		fast, stable bool
	}{{10, true, true}, {13, true, true}, {13.1, false, true}, {15, false, true}, {15.1, false, false}, {4.9, false, false}, {5.1, true, true}} {
		got := s.Read("shop", at(c.now), policy, []string{"a"})[headroom.MetricRequestsPerSecond]
		if (got.Fast.Total != nil) != c.fast || (got.Stable.Total != nil) != c.stable {
			t.Errorf("at %vs fast is %+v, stable %+v; expected known %v, %v", c.now, got.Fast, got.Stable, c.fast, c.stable)
		}
	}
	unknown(t, "rate", s.Read("shop", at(17), policy, []string{"a"})[headroom.MetricRequestsPerSecond].Fast, "last reported 7s ago")
}

func TestTotalOfTrafficIsKnownEvenWithoutAReadyReplica(t *testing.T) {
	s := New()
	s.AddMeasurement(measured(1, headroom.Traffic{Arrivals: 50}))
	got := s.Read("shop", at(1), policy, nil)[headroom.MetricRequestsPerSecond]
	is(t, "total", got.Fast.Total, 50)
	unknown(t, "per replica", got.Fast, "no replica is ready")
	got = s.Read("shop", at(1), policy, []string{"a"})[headroom.MetricRequestsPerSecond]
	is(t, "total", got.Fast.Total, 50)
	unknown(t, "per replica", got.Fast, "does not know the ready replicas")
}

func TestTrafficIsSharedByTheReplicasTheBalancerKnows(t *testing.T) {
	s := New()
	s.AddMeasurement(measured(1, headroom.Traffic{Arrivals: 60}, "a", "b", "draining"))
	got := s.Read("shop", at(1), policy, []string{"a", "b", "new"})[headroom.MetricRequestsPerSecond].Fast
	is(t, "per replica", got.PerReplica, 30)
	if got.Measured != 2 || got.Replicas != 3 {
		t.Errorf("coverage is %d of %d; expected 2 of 3", got.Measured, got.Replicas)
	}
}

func TestCPUIsTheSlopeOfItsCounterInPercentOfTheLimit(t *testing.T) {
	s := New()
	// The limit is half a core. a uses 0.1 s per second (20 %) for 15 s, then 0.4 s (80 %) in the last.
	// Over the 15 s window: (14×0.1 + 0.4)/15 = 0.12 s per second = 24 %.
	total := 0.0
	for n := range 17 {
		if n > 0 {
			total += 0.1
		}
		if n == 16 {
			total += 0.3
		}
		s.AddUsage([]headroom.ReplicaUsage{used(float64(n), "a", total, 100)})
	}
	got := s.Read("shop", at(16.5), policy, []string{"a"})[headroom.MetricCPU]
	is(t, "fast", got.Fast.PerReplica, 80)
	is(t, "stable", got.Stable.PerReplica, 24)
	is(t, "stable total", got.Stable.Total, 24)
	if got.Fast.Age != headroom.Duration(500*time.Millisecond) {
		t.Errorf("age is %v; expected 500ms", got.Fast.Age)
	}
}

func TestCPUNeedsTwoReadingsAndALimit(t *testing.T) {
	s := New()
	s.AddUsage([]headroom.ReplicaUsage{used(1, "a", 5, 100)})
	unknown(t, "cpu", s.Read("shop", at(1), policy, []string{"a"})[headroom.MetricCPU].Fast, "two readings")
	limitless := used(2, "a", 6, 100)
	limitless.CPULimit, limitless.MemLimit = 0, 0
	s.AddUsage([]headroom.ReplicaUsage{limitless})
	got := s.Read("shop", at(2), policy, []string{"a"})
	unknown(t, "cpu", got[headroom.MetricCPU].Fast, "100 % of its processor")
	unknown(t, "memory", got[headroom.MetricMemory].Fast, "100 % of its memory")
}

func TestRestartOfAReplicaIsNotNegativeUse(t *testing.T) {
	s := New()
	for n := range 5 {
		s.AddUsage([]headroom.ReplicaUsage{used(float64(n), "a", 100+0.05*float64(n), 100)}) // 10 %
	}
	again := func(n, cpu float64) headroom.ReplicaUsage {
		u := used(n, "a", cpu, 300)
		u.StartedAt = at(4.5)
		return u
	}
	s.AddUsage([]headroom.ReplicaUsage{again(5, 0.2)})
	unknown(t, "fast right after the restart", s.Read("shop", at(5), policy, []string{"a"})[headroom.MetricCPU].Fast, "two readings")
	is(t, "stable", s.Read("shop", at(5), policy, []string{"a"})[headroom.MetricCPU].Stable.PerReplica, 10)
	s.AddUsage([]headroom.ReplicaUsage{again(6, 0.4)}) // 40 %
	got := s.Read("shop", at(6), policy, []string{"a"})
	is(t, "fast", got[headroom.MetricCPU].Fast.PerReplica, 40)
	// 4 s at 10 % and 1 s at 40 %; the second of the restart is left out: 16 %.
	is(t, "stable", got[headroom.MetricCPU].Stable.PerReplica, 16)
	is(t, "memory of the new process only", got[headroom.MetricMemory].Stable.PerReplica, 30)
}

func TestCounterThatFallsIsLeftOut(t *testing.T) {
	s := New()
	s.AddUsage([]headroom.ReplicaUsage{used(1, "a", 7, 1)})
	s.AddUsage([]headroom.ReplicaUsage{used(2, "a", 1, 1)})
	unknown(t, "cpu", s.Read("shop", at(2), policy, []string{"a"})[headroom.MetricCPU].Fast, "two readings")
}

func TestGapsInTheReadingsAreBridgedByTheStableWindowOnly(t *testing.T) {
	s := New()
	s.AddUsage([]headroom.ReplicaUsage{used(1, "a", 0, 1)})
	for n := 2.0; n <= 4; n++ {
		blind := used(n, "a", 0, 0)
		blind.CPUSeconds, blind.Memory = nil, nil
		s.AddUsage([]headroom.ReplicaUsage{blind})
	}
	s.AddUsage([]headroom.ReplicaUsage{used(5, "a", 1, 1)}) // 1 s in 4 s of half a core: 50 %
	got := s.Read("shop", at(5), policy, []string{"a"})[headroom.MetricCPU]
	unknown(t, "fast", got.Fast, "two readings")
	is(t, "stable", got.Stable.PerReplica, 50)
}

func TestReplicaThatCannotBeReadIsNotZero(t *testing.T) {
	s := New()
	blind := used(1, "a", 0, 0)
	blind.CPUSeconds, blind.Memory = nil, nil
	s.AddUsage([]headroom.ReplicaUsage{blind})
	got := s.Read("shop", at(1), policy, []string{"a"})
	unknown(t, "cpu", got[headroom.MetricCPU].Fast, "could not read")
	unknown(t, "memory", got[headroom.MetricMemory].Stable, "could not read")
}

func TestPartialCoverageHasAMeanButNoTotal(t *testing.T) {
	s := New()
	for n := range 3 {
		s.AddUsage([]headroom.ReplicaUsage{used(float64(n), "a", 0.2*float64(n), 400), used(float64(n), "b", 0.1*float64(n), 200)})
	}
	got := s.Read("shop", at(2), policy, []string{"a", "b", "c"})[headroom.MetricCPU].Fast
	is(t, "mean of 40 % and 20 %", got.PerReplica, 30)
	if got.Total != nil || got.Measured != 2 || got.Replicas != 3 {
		t.Errorf("got %+v; expected no total, 2 of 3", got)
	}
	got = s.Read("shop", at(2), policy, []string{"a", "b"})[headroom.MetricMemory].Fast
	is(t, "memory total", got.Total, 60)
	is(t, "memory mean", got.PerReplica, 30)
	// Replicas that are not ready do not count.
	got = s.Read("shop", at(2), policy, []string{"b"})[headroom.MetricCPU].Fast
	is(t, "total of b alone", got.Total, 20)
}

func TestMemoryIsAveragedOverTheStableWindow(t *testing.T) {
	s := New()
	s.AddUsage([]headroom.ReplicaUsage{used(1, "a", 0, 100)})
	s.AddUsage([]headroom.ReplicaUsage{used(2, "a", 0, 300)})
	got := s.Read("shop", at(2), policy, []string{"a"})[headroom.MetricMemory]
	is(t, "fast", got.Fast.PerReplica, 30)
	is(t, "stable", got.Stable.PerReplica, 20)
}

func TestClockSetBackStartsAnew(t *testing.T) {
	s := New()
	s.AddMeasurement(measured(3600, headroom.Traffic{Arrivals: 100}, "a"))
	s.AddUsage([]headroom.ReplicaUsage{used(3600, "a", 9, 100)})
	unknown(t, "rate before the next report", s.Read("shop", at(1), policy, []string{"a"})[headroom.MetricRequestsPerSecond].Fast, "clock was set back")
	s.AddMeasurement(measured(1, headroom.Traffic{Arrivals: 7}, "a"))
	s.AddUsage([]headroom.ReplicaUsage{used(1, "a", 9, 500)})
	got := s.Read("shop", at(1), policy, []string{"a"})
	is(t, "rate", got[headroom.MetricRequestsPerSecond].Stable.Total, 7)
	is(t, "memory", got[headroom.MetricMemory].Stable.PerReplica, 50)
}

func TestRepeatedReportCountsOnce(t *testing.T) {
	s := New()
	for range 3 {
		s.AddMeasurement(measured(1, headroom.Traffic{Arrivals: 9}, "a"))
	}
	is(t, "rate", s.Read("shop", at(1), policy, []string{"a"})[headroom.MetricRequestsPerSecond].Stable.Total, 9)
	zero := measured(2, headroom.Traffic{Arrivals: 9}, "a")
	zero.Window = 0
	s.AddMeasurement(zero) // a window of no length has no rate
	is(t, "rate", s.Read("shop", at(1), policy, []string{"a"})[headroom.MetricRequestsPerSecond].Fast.Total, 9)
}

func TestWhatIsLongSilentIsForgotten(t *testing.T) {
	s := New()
	s.AddMeasurement(measured(0, headroom.Traffic{}, "a"))
	s.AddUsage([]headroom.ReplicaUsage{used(0, "a", 1, 1)})
	other := measured(600, headroom.Traffic{})
	other.Services[0].Service = "other"
	s.AddMeasurement(other)
	s.AddUsage([]headroom.ReplicaUsage{{Service: "other", Replica: "x", At: at(600)}})
	if len(s.traffic) != 1 || len(s.usage) != 1 || s.traffic["shop"] != nil || s.usage["shop"] != nil {
		t.Errorf("kept %d services of traffic and %d of usage; expected only the other one", len(s.traffic), len(s.usage))
	}
	for n := 601; n < 2000; n++ {
		other.At = at(float64(n))
		s.AddMeasurement(other)
	}
	if got := len(s.traffic["other"].recent.live()); got > 361 {
		t.Errorf("kept %d seconds; expected at most 361", got)
	}
}

func TestReportsAndReadsRunTogether(t *testing.T) {
	s := New()
	var workers sync.WaitGroup
	for worker := range 3 {
		workers.Go(func() {
			for n := range 200 {
				switch worker {
				case 0:
					s.AddMeasurement(measured(float64(n), headroom.Traffic{Arrivals: 1}, "a"))
				case 1:
					s.AddUsage([]headroom.ReplicaUsage{used(float64(n), "a", float64(n), 1)})
				default:
					s.Read("shop", at(float64(n)), policy, []string{"a"})
				}
			}
		})
	}
	workers.Wait()
}

// Whatever is reported and lost, a reading is either a finite number or unknown with a reason, and
// coverage never exceeds the ready replicas; where every second arrived, every request is counted.
func TestPropertyUnknownNeverBecomesANumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New()
		replicas := []string{"a", "b", "c"}
		seconds := rapid.IntRange(0, 30).Draw(t, "seconds")
		lastReport, lastKnown := -1, map[string]int{}
		arrivals := map[int]uint64{}
		for n := range seconds {
			if rapid.Bool().Draw(t, fmt.Sprintf("report %d", n)) {
				arrivals[n] = rapid.Uint64Range(0, 1e6).Draw(t, "arrivals")
				s.AddMeasurement(measured(float64(n), headroom.Traffic{Arrivals: arrivals[n]}, replicas...))
				lastReport = n
			}
			for _, name := range replicas {
				if !rapid.Bool().Draw(t, "usage of "+name) {
					continue
				}
				u := used(float64(n), name, rapid.Float64Range(0, 1e6).Draw(t, "cpu"), headroom.Bytes(rapid.Int64Range(0, 1e9).Draw(t, "memory")))
				if rapid.Bool().Draw(t, "blind") {
					u.CPUSeconds, u.Memory = nil, nil
				} else {
					lastKnown[name] = n + 1
				}
				s.AddUsage([]headroom.ReplicaUsage{u})
			}
		}
		now := rapid.IntRange(0, 40).Draw(t, "now")
		ready := replicas[:rapid.IntRange(0, 3).Draw(t, "ready")]
		got := s.Read("shop", at(float64(now)), policy, ready)
		for metric, sig := range got {
			for _, r := range []headroom.Reading{sig.Fast, sig.Stable} {
				for _, v := range []*float64{r.PerReplica, r.Total} {
					if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0) || *v < 0) {
						t.Fatalf("%s is %v", metric, *v)
					}
				}
				if (r.PerReplica == nil) != (r.Unknown != "") {
					t.Fatalf("%s: value %v but unknown %q", metric, r.PerReplica, r.Unknown)
				}
				if r.Measured > r.Replicas || r.Replicas != len(ready) || r.Age < 0 {
					t.Fatalf("%s: %+v", metric, r)
				}
			}
		}
		if memory := got[headroom.MetricMemory].Stable; memory.PerReplica != nil {
			fresh := 0
			for _, name := range ready {
				if n := lastKnown[name]; n > 0 && now-(n-1) <= 5 && (n-1)-now <= 5 {
					fresh++
				}
			}
			if memory.Measured != fresh {
				t.Fatalf("measured %d replicas; %d had a fresh value", memory.Measured, fresh)
			}
		}
		rate := got[headroom.MetricRequestsPerSecond].Stable
		if rate.Total == nil {
			if lastReport >= 0 && now >= lastReport && now-lastReport <= 5 {
				t.Fatalf("rate is unknown (%s) although the balancer reported at %d", rate.Unknown, lastReport)
			}
			return
		}
		var sum, count float64
		for n := lastReport - 14; n <= lastReport; n++ {
			if a, reported := arrivals[n]; reported {
				sum += float64(a)
				count++
			}
		}
		if want := sum / count; math.Abs(*rate.Total-want) > 5e-5*math.Max(1, want) { // five digits
			t.Fatalf("rate is %v; expected %v", *rate.Total, want)
		}
	})
}
