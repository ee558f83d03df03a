package record_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
	"headroom.dev/headroom/scaling/record"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 123_456_789, time.UTC)

func pointer[T any](value T) *T { return &value }

func drawPolicy(t *rapid.T) headroom.Scaling {
	p := headroom.Scaling{Enabled: rapid.IntRange(0, 9).Draw(t, "enabled") > 0, MinReplicas: rapid.IntRange(0, 2).Draw(t, "min"), MaxReplicas: 6,
		TargetCPUUtilization: 70, TargetInFlight: rapid.SampledFrom([]float64{0, 10}).Draw(t, "inFlight"), Tolerance: 0.1,
		StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5, ScaleDownCooldown: headroom.Duration(time.Hour),
		Signals: map[headroom.Metric]headroom.SignalFrom{"queue": {StaleAfter: headroom.Duration(time.Minute)}}}
	if rapid.Bool().Draw(t, "concurrency") {
		p.Policies = append(p.Policies, headroom.ScalingPolicy{Name: "kn", Concurrency: &headroom.ConcurrencyPolicy{Metric: headroom.MetricInFlight, Target: 10,
			TargetUtilization: 70, StableWindow: headroom.Duration(time.Minute), PanicWindow: 10, PanicThreshold: 200, MaxScaleUpRate: 1000, MaxScaleDownRate: 2}})
	}
	if rapid.Bool().Draw(t, "behavior") {
		p.Behavior.ScaleDown.StabilizationWindow = pointer(headroom.Duration(20 * time.Second))
	}
	return p
}

func drawReading(t *rapid.T, ready int) headroom.Reading {
	r := headroom.Reading{Age: headroom.Duration(rapid.SampledFrom([]int64{0, 1_000_000, 2_345_678, 7e9}).Draw(t, "age")), Measured: ready, Replicas: ready}
	value := rapid.SampledFrom([]float64{0, 12.5, 184.02, 1e9, math.Pi, 1.0 / 3, math.Copysign(0, -1), 5e-324}).Draw(t, "value")
	switch rapid.IntRange(0, 5).Draw(t, "form") {
	case 0:
		r.Unknown = rapid.SampledFrom([]string{"", "gone", "last read 7s ago"}).Draw(t, "why")
	case 1:
		r.PerReplica = &value
	case 2:
		r.Total, r.PerReplica = &value, pointer(value/7)
	default:
		r.Total = &value
		if ready > 0 {
			r.PerReplica = pointer(value / float64(ready))
		}
	}
	return r
}

func drawObservation(t *rapid.T, at time.Time) headroom.Observation {
	obs := headroom.Observation{Service: "shop-d1", At: at, Signals: map[headroom.Metric]headroom.Signal{}}
	ready := rapid.IntRange(1, 4).Draw(t, "ready")
	obs.Replicas = headroom.ReplicaCounts{Ready: &ready, Starting: pointer(0), Warming: rapid.IntRange(0, 1).Draw(t, "warming"), Synced: true}
	obs.Waiting = rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(t, "waiting")
	if rapid.IntRange(0, 9).Draw(t, "uncounted") == 0 {
		obs.Replicas.Ready = nil
	}
	for _, metric := range append(headroom.Metrics(), "queue") {
		obs.Signals[metric] = headroom.Signal{Metric: metric, Fast: drawReading(t, ready), Stable: drawReading(t, ready), Failures: rapid.IntRange(0, 1).Draw(t, "failures")}
	}
	return obs
}

func encoded(t interface{ Fatal(...any) }, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func stored(t interface{ Fatal(...any) }, r record.Record) record.Record {
	var again record.Record
	if err := json.Unmarshal(encoded(t, r), &again); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestPropertyEveryDecisionOfARecordIsTheOneThatWasMade(t *testing.T) {
	longest := 0
	rapid.Check(t, func(t *rapid.T) {
		compiled, err := scaling.Compile(drawPolicy(t))
		if err != nil {
			t.Fatal(err)
		}
		var w record.Writer
		var made []headroom.Decision
		at, state := noon, headroom.ScalerState{Wanted: 3}
		check := func() {
			if w.Empty() {
				return
			}
			kept := stored(t, w.Record())
			longest = max(longest, len(made))
			count := 0
			for _, one := range kept.List() {
				if one.Code != made[count].Code || one.ID != made[count].ID {
					t.Fatalf("%s (%s) is listed, made was %s (%s)", one.ID, one.Code, made[count].ID, made[count].Code)
				}
				count += one.Count
			}
			if count != len(made) {
				t.Fatalf("%d decisions are listed, %d were made", count, len(made))
			}
			for _, d := range made {
				again, found := kept.InForce(d.At)
				if before, after := encoded(t, d), encoded(t, again); !found || !bytes.Equal(before, after) {
					t.Fatalf("made was\n%s\nand made again it is\n%s", before, after)
				}
				if named, found := kept.Named(d.ID); !found || !named.At.Equal(d.At) {
					t.Fatalf("%s was not found", d.ID)
				}
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "seconds") {
			at = at.Add(time.Second + time.Duration(rapid.IntRange(-900_000, 900_000).Draw(t, "jitter"))*time.Microsecond)
			id := "shop-d1-d" + strconv.FormatInt(at.UnixMicro()+rapid.Int64Range(0, 9).Draw(t, "later"), 36)
			obs := drawObservation(t, at)
			quiet, next := compiled.DecideQuietly(id, obs, state)
			d, _ := compiled.Decide(id, obs, state)
			switch {
			case d.From != d.To:
				check()
				w.End()
				made = nil
			case w.Continues(compiled, &quiet):
				w.Add(&quiet, next)
				made = append(made, d)
			default:
				check()
				w.Begin(compiled, quiet, next, record.Longest)
				made = []headroom.Decision{d}
			}
			state = next
		}
		check()
	})
	if longest < 10 {
		t.Errorf("the longest record had %d decisions, too few to say much", longest)
	}
}

// steady is a policy and what is observed under a load that varies each second, in five digits as signals are.
func steady(i int) headroom.Observation {
	at := noon.Add(time.Duration(i)*time.Second + time.Duration(i*7919%400)*time.Microsecond)
	obs := headroom.Observation{Service: "shop", At: at, Replicas: headroom.ReplicaCounts{Ready: pointer(4), Starting: pointer(0), Synced: true},
		Signals: map[headroom.Metric]headroom.Signal{}}
	for n, metric := range headroom.Metrics() {
		reading := func(spread float64, age time.Duration) headroom.Reading {
			value := headroom.RoundMeasured(float64(40*(n+3)) * (1 + spread*math.Sin(float64(i*(n+1)))))
			r := headroom.Reading{Age: headroom.Duration(age), Measured: 4, Replicas: 4}
			if metric.Shared() {
				r.PerReplica = &value
			} else {
				r.Total, r.PerReplica = &value, pointer(value/4)
			}
			return r
		}
		age := time.Duration(i%3) * time.Millisecond
		if n < 2 {
			age += 400 * time.Millisecond
		}
		obs.Signals[metric] = headroom.Signal{Metric: metric, Fast: reading(0.1, age), Stable: reading(0.02, age)}
	}
	return obs
}

func minute(tb testing.TB) (*record.Writer, *scaling.Compiled, headroom.ScalerState) {
	compiled, err := scaling.Compile(headroom.Scaling{Enabled: true, MinReplicas: 4, MaxReplicas: 4, TargetInFlight: 10, Tolerance: 0.1, PanicThreshold: 1.5,
		StableWindow: headroom.Duration(15 * time.Second)})
	if err != nil {
		tb.Fatal(err)
	}
	w, state := &record.Writer{}, headroom.ScalerState{Wanted: 4}
	for i := range 60 {
		d, next := compiled.DecideQuietly("shop-d"+strconv.FormatInt(noon.UnixMicro()+int64(i)*1e6, 36), steady(i), state)
		if i == 0 {
			w.Begin(compiled, d, next, record.Longest)
		} else if w.Continues(compiled, &d) {
			w.Add(&d, next)
		} else {
			tb.Fatalf("decision %d was not taken", i)
		}
		state = next
	}
	return w, compiled, state
}

// Of a service that is never ready the number of those who wait differs each second, for as long as it takes to mend it.
func TestWaitingRequestsThatComeAndGoAreOneRecord(t *testing.T) {
	w, compiled, state := minute(t)
	waiting := [...]int{3, 4, 4, 0, 1 << 40, 7}
	for i, number := range waiting {
		obs := steady(i)
		obs.Waiting = number
		d, next := compiled.DecideQuietly("shop-d"+strconv.FormatInt(obs.At.UnixMicro(), 36), obs, state)
		switch {
		case i == 0:
			w.Begin(compiled, d, next, record.Longest)
		case w.Continues(compiled, &d):
			w.Add(&d, next)
		default:
			t.Fatalf("%d requests that wait began another record", number)
		}
		state = next
	}
	kept := stored(t, w.Record())
	for i, number := range waiting {
		if d, found := kept.InForce(steady(i).At); !found || d.Observation.Waiting != number || !d.At.Equal(steady(i).At) {
			t.Errorf("decision %d was made at %s of %d that wait, want %d at %s", i, d.At, d.Observation.Waiting, number, steady(i).At)
		}
	}
}

// All that one silent balancer measured is unknown for one reason, which has its age and so is another each second.
func TestOneReasonForManyUnknownValuesIsKeptOnce(t *testing.T) {
	w, compiled, state := minute(t)
	var made []headroom.Decision
	for i := range 60 {
		obs := steady(i)
		why := fmt.Sprintf("the balancer last reported 8h2m%ds ago", i)
		for _, metric := range headroom.Metrics() {
			none := headroom.Reading{Age: headroom.Duration(time.Duration(i) * time.Second), Replicas: 4, Unknown: why}
			obs.Signals[metric] = headroom.Signal{Metric: metric, Fast: none, Stable: none}
		}
		id := "shop-d" + strconv.FormatInt(obs.At.UnixMicro(), 36)
		d, next := compiled.DecideQuietly(id, obs, state)
		if i == 0 {
			w.Begin(compiled, d, next, record.Longest)
		} else if w.Continues(compiled, &d) {
			w.Add(&d, next)
		} else {
			t.Fatalf("decision %d began another record", i)
		}
		aloud, _ := compiled.Decide(id, obs, state)
		made, state = append(made, aloud), next
	}
	kept := stored(t, w.Record())
	for i, d := range made {
		if again, found := kept.InForce(d.At); !found || !bytes.Equal(encoded(t, again), encoded(t, d)) {
			t.Fatalf("decision %d is made again otherwise", i)
		}
	}
	// 38 of the text, 12 of the row, and 5 of each of 14 readings: headers, shape, decimals, counts and length.
	if each := len(kept.Run.Inputs) / 59; each > 150 {
		t.Errorf("a second takes %d bytes, want at most 150", each)
	}
}

// A second of seven signals that all vary is to take well under 100 bytes, written as base64, and a minute far less than sixty records.
func TestASecondTakesFewBytes(t *testing.T) {
	w, _, _ := minute(t)
	kept := w.Record()
	whole, first := len(encoded(t, kept)), len(encoded(t, kept.Decision))
	each := float64(whole-first) / 59
	t.Logf("the first takes %d bytes, each of the 59 others %.1f; a minute %d, of which its decisions in full would be %d", first, each, whole, 60*first)
	if each > 80 {
		t.Errorf("each takes %.1f bytes, want at most 80", each)
	}
	if listed := kept.List(); len(listed) == 0 || listed[0].Reason == "" {
		t.Errorf("listed are %+v", listed)
	}
}

func TestARecordOfOneDecisionIsReadAsBefore(t *testing.T) {
	old := headroom.Decision{ID: "shop-d1", Service: "shop", At: noon, From: 2, To: 2, Code: headroom.CodeHold, Reason: "It stays."}
	var r record.Record
	if err := json.Unmarshal(encoded(t, old), &r); err != nil {
		t.Fatal(err)
	}
	if listed := r.List(); len(listed) != 1 || listed[0].Count != 1 || !listed[0].Last.Equal(noon) || listed[0].Reason != "It stays." {
		t.Errorf("listed as %+v", listed)
	}
	if d, found := r.InForce(noon.Add(time.Hour)); !found || d.ID != "shop-d1" {
		t.Errorf("at a later time: %v, %v", d.ID, found)
	}
	if _, found := r.InForce(noon.Add(-1)); found {
		t.Error("found before it was made")
	}
}

// What another version of headroom decided is not made up: the decision that is kept in full stands for all.
func TestDecisionsThatComeOutOtherwiseAreThoseThatAreKeptInFull(t *testing.T) {
	w, _, _ := minute(t)
	kept := w.Record()
	kept.Run.Alike[0].Code = "as-it-was-in-2025"
	if d, found := kept.InForce(noon.Add(30 * time.Second)); !found || d.ID != kept.ID {
		t.Errorf("got %v, %v", d.ID, found)
	}
	if listed := kept.List(); len(listed) != 1 || listed[0].Count != 60 || listed[0].ID != kept.ID {
		t.Errorf("listed are %+v", listed)
	}
}

func TestAddingAllocatesNothing(t *testing.T) {
	w, compiled, state := minute(t)
	d, next := compiled.DecideQuietly("shop-d"+strconv.FormatInt(noon.UnixMicro(), 36), steady(0), state)
	w.Begin(compiled, d, next, record.Longest)
	i := 0
	var all [50]headroom.Decision
	for n := range all {
		all[n], _ = compiled.DecideQuietly("shop-d"+strconv.FormatInt(noon.UnixMicro()+int64(n+1)*1e6, 36), steady(n+1), next)
	}
	if count := testing.AllocsPerRun(40, func() {
		if !w.Continues(compiled, &all[i]) {
			t.Fatal("not taken")
		}
		w.Add(&all[i], next)
		i++
	}); count != 0 {
		t.Errorf("a second allocates %.0f times", count)
	}
}

func BenchmarkAdd(b *testing.B) {
	w, compiled, state := minute(b)
	var all [59]headroom.Decision
	for n := range all {
		all[n], _ = compiled.DecideQuietly("shop-d"+strconv.FormatInt(noon.UnixMicro()+int64(n)*1e6, 36), steady(n), state)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d := &all[i%len(all)]
		if i%len(all) == 0 {
			w.Begin(compiled, *d, state, record.Longest)
		} else if w.Continues(compiled, d) {
			w.Add(d, state)
		}
	}
}

func FuzzDamagedInputsNeverPanic(f *testing.F) {
	w, _, _ := minute(f)
	kept := w.Record()
	f.Add(kept.Run.Inputs, 60)
	f.Add([]byte{3, 255, 255, 255}, 7)
	f.Fuzz(func(t *testing.T, inputs []byte, count int) {
		r := kept
		run := *kept.Run
		run.Inputs, run.Count = inputs, min(count, 1000)
		r.Run = &run
		_ = fmt.Sprint(len(r.List()))
		r.InForce(noon.Add(time.Minute))
		r.Named("shop-d0")
	})
}
