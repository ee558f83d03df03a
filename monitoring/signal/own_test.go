package signal

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

var queued = headroom.Scaling{
	StableWindow: headroom.Duration(15 * time.Second),
	Signals: map[headroom.Metric]headroom.SignalFrom{
		"queue": {Every: headroom.Duration(5 * time.Second), StaleAfter: headroom.Duration(time.Minute)},
	},
}

func sampled(n, value float64) Sample {
	return Sample{Service: "shop", Signal: "queue", At: at(n), Value: value}
}

func failedAt(n float64, failures int) Sample {
	return Sample{Service: "shop", Signal: "queue", At: at(n), Err: "connection refused", Failures: failures}
}

func readQueue(s *Signals, n float64, ready ...string) headroom.Signal {
	return s.Read("shop", at(n), queued, ready)["queue"]
}

func TestASignalOfOnesOwnHasItsNewestValueAndTheMeanOfTheStableWindow(t *testing.T) {
	s := New()
	s.AddSample(sampled(0, 1000))
	s.AddSample(sampled(5, 10))
	s.AddSample(sampled(10, 20))
	s.AddSample(sampled(15, 60)) // the window ends here and begins after 0: (10 + 20 + 60) / 3 = 30
	got := readQueue(s, 17, "a", "b")
	is(t, "newest", got.Fast.Total, 60)
	is(t, "newest of each replica", got.Fast.PerReplica, 30)
	is(t, "mean", got.Stable.Total, 30)
	is(t, "mean of each replica", got.Stable.PerReplica, 15)
	if got.Fast.Age != headroom.Duration(2*time.Second) || got.Stable.Measured != 2 || got.Stable.Replicas != 2 || got.Metric != "queue" {
		t.Errorf("got %+v", got)
	}
}

func TestASignalThatIsReadMoreRarelyThanTheWindowHasItsNewestValue(t *testing.T) {
	s := New()
	s.AddSample(sampled(0, 10))
	s.AddSample(sampled(30, 50))
	is(t, "mean", readQueue(s, 59, "a").Stable.Total, 50)
}

func TestASignalHasATotalAlsoWhereNoReplicaIsReady(t *testing.T) {
	s := New()
	s.AddSample(sampled(0, 10))
	got := readQueue(s, 1).Stable
	is(t, "total", got.Total, 10)
	if got.PerReplica != nil || got.Unknown == "" {
		t.Errorf("got %+v", got)
	}
}

func TestASignalThatIsNotOfNowIsUnknownAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		samples  []Sample
		now      float64
		why      string
		failures int
	}{
		"never read":           {nil, 1, "has not been read yet", 0},
		"never read, only try": {[]Sample{failedAt(0, 1)}, 1, "could not be read yet: connection refused", 1},
		"stale":                {[]Sample{sampled(0, 1)}, 61, "last read 1m1s ago", 0},
		"stale after failures": {[]Sample{sampled(0, 1), failedAt(15, 1), failedAt(30, 2)}, 61, "last read 1m1s ago: connection refused", 2},
		"of the future":        {[]Sample{sampled(30, 1)}, 0, "in the future", 0},
	} {
		s := New()
		for _, sample := range c.samples {
			s.AddSample(sample)
		}
		got := readQueue(s, c.now, "a")
		if got.Stable.Total != nil || got.Fast.PerReplica != nil || !strings.Contains(got.Stable.Unknown, c.why) || got.Failures != c.failures {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestAValueHoldsThroughFailuresUntilItIsStale(t *testing.T) {
	s := New()
	s.AddSample(sampled(0, 7))
	s.AddSample(failedAt(15, 1))
	got := readQueue(s, 60, "a")
	is(t, "value", got.Stable.Total, 7)
	if got.Failures != 1 {
		t.Errorf("%d failures", got.Failures)
	}
	s.AddSample(sampled(60, 8))
	if got := readQueue(s, 60, "a"); got.Failures != 0 {
		t.Errorf("%d failures after it was read", got.Failures)
	}
}

func TestAClockThatIsSetBackBeginsASignalAnew(t *testing.T) {
	s := New()
	s.AddSample(sampled(100, 7))
	s.AddSample(sampled(99, 8)) // late
	is(t, "after a late sample", readQueue(s, 100, "a").Fast.Total, 7)
	s.AddSample(sampled(10, 9))
	is(t, "after the clock was set back", readQueue(s, 10, "a").Stable.Total, 9)
}

func TestASignalThatIsNoLongerConfiguredIsForgotten(t *testing.T) {
	s := New()
	s.AddSample(sampled(0, 7))
	s.KeepSamples(map[string]headroom.Service{"shop": {Scaling: queued}})
	is(t, "configured", readQueue(s, 0, "a").Fast.Total, 7)
	s.KeepSamples(map[string]headroom.Service{"shop": {}})
	if got := readQueue(s, 0, "a"); got.Fast.Total != nil {
		t.Errorf("got %+v", got)
	}
}

func TestBytesAndErrorsComeFromTheTraffic(t *testing.T) {
	s := New()
	s.AddMeasurement(measured(0, headroom.Traffic{BytesIn: 100, BytesOut: 300, Outcomes: headroom.Outcomes{Success: 8}}, "a", "b"))
	s.AddMeasurement(measured(1, headroom.Traffic{BytesOut: 200, Outcomes: headroom.Outcomes{Success: 10, ServerError: 1, Timeout: 1, ClientAborted: 5}}, "a", "b"))
	got := s.Read("shop", at(1), policy, []string{"a", "b"})
	bytes, errors := got[headroom.MetricBytesPerSecond], got[headroom.MetricErrors]
	is(t, "bytes of the last second", bytes.Fast.Total, 200)
	is(t, "bytes on average", bytes.Stable.Total, 300) // (400 + 200) / 2 s
	is(t, "bytes of each replica", bytes.Stable.PerReplica, 150)
	is(t, "errors", errors.Stable.PerReplica, 8)        // 2 of 25
	is(t, "errors now", errors.Fast.PerReplica, 11.765) // 2 of 17, in five digits
	if errors.Stable.Total != nil {
		t.Errorf("errors have a total: %v", *errors.Stable.Total)
	}
	s.AddMeasurement(measured(2, headroom.Traffic{}, "a", "b"))
	if quiet := s.Read("shop", at(2), policy, []string{"a"})[headroom.MetricErrors].Fast; quiet.PerReplica != nil || quiet.Unknown != "no request ended in the window" {
		t.Errorf("without a request: %+v", quiet)
	}
}

func BenchmarkSample(b *testing.B) {
	s := New()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		s.AddSample(Sample{Service: "shop", Signal: "queue", At: epoch.Add(time.Duration(n) * time.Second), Value: 1})
	}
}
