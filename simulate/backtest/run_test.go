package backtest

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
)

// try runs one autoscaler by its name.
func try(t testing.TB, w World, name string) Result {
	t.Helper()
	scaler, err := New(w, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), w, name, scaler)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheSameSeedGivesTheSameReport(t *testing.T) {
	w := shop(steps(t, 10*time.Minute, 100, 400, 100, 700, 100))
	w.Model.StartFailures = 0.2
	first, err := Compare(t.Context(), w, Names(), nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Compare(t.Context(), w, Names(), nil)
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("the second run differs: %+v, %+v, %v", first, again, err)
	}
	other := uint64(2)
	noisy, err := steps(t, 10*time.Minute, 100, 400, 100, 700, 100).Load(&other)
	if err != nil || slices.Equal(noisy.Arrivals, w.Load.Arrivals) {
		t.Errorf("another seed gives the same requests, %v", err)
	}
}

// A load without noise that doubles: what comes of it can be worked out by hand.
func TestASurgeIsShortUntilReplicasHaveBooted(t *testing.T) {
	w := shop(steps(t, time.Minute, 140, 280, 280))
	load, err := steps(t, time.Minute, 140, 280, 280).Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Load = load
	r := try(t, w, NameOwn)
	// Two replicas take 200/s. The second that is 280 asks for 4 at its end; they are ready 5 s later. 6 s lack 80/s each.
	if math.Abs(r.Shortage-480) > 1e-6 || r.ShortageSeconds != 6 {
		t.Errorf("the shortage is %v in %d s, want 480 in 6 s", r.Shortage, r.ShortageSeconds)
	}
	// 480 wait then; 4 replicas answer 120/s more than come, so 4 s later nobody waits. All of the 6 s and what waits longer than 210 ms are outside.
	if got := time.Duration(r.WorstRecovery); got < 9*time.Second || got > 10*time.Second {
		t.Errorf("it takes %v until the objective is kept again, want 9 to 10 s", got)
	}
	if r.ScaleEvents != 1 || r.Starts != 2 || r.MostReplicas != 4 || r.LeastReplicas != 2 || r.OutsideMinutes != 1 || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
	// 2 replicas for 180 s, and 2 more from second 61 on: 360 + 2 × 119 = 598 replica-seconds.
	if want := 598.0 / 3600; math.Abs(r.ReplicaHours-want) > 1e-9 || r.Cost == nil || r.Cost.String() != "0.006977 USD" {
		t.Errorf("%v replica-hours for %v, want %v for 0.006977 USD", r.ReplicaHours, r.Cost, want)
	}
}

func TestEachDecisionIsToldAsItWouldBeRecorded(t *testing.T) {
	w := shop(steps(t, 10*time.Minute, 100, 600, 100))
	w.Policy.Policies = []headroom.ScalingPolicy{{Name: "busy", Metric: headroom.MetricCPU, Threshold: 90, Action: headroom.ActionScaleUp, Step: 2}}
	var told []headroom.Decision
	r, err := Compare(t.Context(), w, nil, func(d headroom.Decision) { told = append(told, d) })
	if err != nil {
		t.Fatal(err)
	}
	if len(told) == 0 || len(told) != r.Results[0].ScaleEvents {
		t.Fatalf("%d decisions are told of %d changes", len(told), r.Results[0].ScaleEvents)
	}
	for i, d := range told {
		if _, same := scaling.Replay(d); !same || d.Reason == "" {
			t.Errorf("decision %s comes out otherwise when it is made again: %+v", d.ID, d)
		}
		if i > 0 && (d.From != told[i-1].To || !d.At.After(told[i-1].At)) {
			t.Errorf("decision %s goes from %d, the one before to %d", d.ID, d.From, told[i-1].To)
		}
	}
}

func TestStartsThatFailAreBackedOffFrom(t *testing.T) {
	w := shop(steps(t, 10*time.Minute, 100, 600))
	w.Model.StartFailures = 0.999
	r := try(t, w, NameOwn)
	// Without back-off each of 7 replicas would be tried every 5 s of 600: 840. With delays of 1, 2, 4 … 300 s there are at most ten rounds.
	if r.Starts > 70 || r.Starts < 7 || r.Shortage == 0 {
		t.Errorf("%d starts, shortage %v", r.Starts, r.Shortage)
	}
}

func TestPeersReactAsLateAsTheyDoElsewhere(t *testing.T) {
	w := shop(steps(t, 10*time.Minute, 140, 420, 420))
	for name, want := range map[string]struct{ least, most time.Duration }{
		NameOwn:     {0, 2 * time.Second},
		NameKnative: {0, 8 * time.Second},                 // panic over 6 s, every 2 s
		NameHPA:     {15 * time.Second, 60 * time.Second}, // 15 to 45 s old metrics, every 15 s
		NameStep:    {2 * time.Minute, 5 * time.Minute},   // two periods, of which the last is one late
	} {
		scaler, err := New(w, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		watch := &watched{Autoscaler: scaler, from: 600}
		if _, err := Run(t.Context(), w, name, watch); err != nil {
			t.Fatal(err)
		}
		if after := time.Duration(watch.up-600) * time.Second; watch.up == 0 || after < want.least || after > want.most {
			t.Errorf("%s reacts %v after the surge, want %v to %v", name, after, want.least, want.most)
		}
	}
}

// watched remembers the first second from a given one on in which more is wanted.
type watched struct {
	Autoscaler
	from, up int
}

func (w *watched) Next(now *Second) int {
	next := w.Autoscaler.Next(now)
	if now.Index > w.from && w.up == 0 && next > now.Wanted {
		w.up = now.Index
	}
	return next
}

func TestAScheduleTakesTheHourOfTheWeekThenOfTheDayThenThePeak(t *testing.T) {
	w := shop(week())
	scaler := newSchedule(w)
	scaler.Begin(2)
	for i := range scaler.days[:12] {
		scaler.days[i] = 300
	}
	tuesday := time.Tuesday
	scaler.weeks[int(tuesday)*24+9] = 700
	arrivals := 0.0
	for _, c := range []struct {
		at   time.Time
		want int
	}{
		{time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC), 5},  // a Monday: 300 / 70 of the day before
		{time.Date(2026, 3, 3, 9, 30, 0, 0, time.UTC), 10}, // 700 / 70
		{time.Date(2026, 3, 3, 13, 0, 0, 0, time.UTC), 2},  // not seen: the peak so far
	} {
		now := Second{Index: 60, At: c.at, Wanted: 1, Observation: headroom.Observation{Signals: map[headroom.Metric]headroom.Signal{
			headroom.MetricRequestsPerSecond: {Fast: headroom.Reading{Total: &arrivals}}}}}
		if got := scaler.Next(&now); got != c.want {
			t.Errorf("at %v: %d replicas, want %d", c.at, got, c.want)
		}
	}
}

func TestMostAheadIsTheLargestOfWhatFollows(t *testing.T) {
	values := []int32{1, 3, 2, 5, 1, 1, 4}
	for ahead, want := range map[int][]int32{0: values, 1: {3, 3, 5, 5, 1, 4, 4}, 2: {3, 5, 5, 5, 4, 4, 4}, 100: {5, 5, 5, 5, 4, 4, 4}} {
		if got := mostAhead(values, ahead); !slices.Equal(got, want) {
			t.Errorf("%d ahead: %v, want %v", ahead, got, want)
		}
	}
}

func BenchmarkAWeek(b *testing.B) {
	for _, name := range append([]string{NameOwn}, Names()...) {
		b.Run(name, func(b *testing.B) {
			w := shop(week())
			w.Model.ServiceTimes = []Share{{0.3, 36e6}, {0.3, 38e6}, {0.2, 40e6}, {0.1, 44e6}, {0.05, 48e6}, {0.03, 60e6}, {0.015, 80e6}, {0.005, 120e6}}
			b.ReportAllocs()
			for b.Loop() {
				try(b, w, name)
			}
			b.ReportMetric(float64(len(w.Load.Arrivals))*float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}
