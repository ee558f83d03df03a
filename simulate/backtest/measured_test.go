package backtest

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// noon is half a second past a full one, when the monitor is asked.
func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 500_000_000, time.UTC) }

// measuredSeries has a value for each second from noon on; NaN is none.
func measuredSeries(labels map[string]string, values ...float64) headroom.QueryResult {
	s := headroom.Series{Labels: labels}
	for i, v := range values {
		point := headroom.Point{At: noon().Add(time.Duration(i) * time.Second), Value: &v}
		if math.IsNaN(v) {
			point.Value = nil
		}
		s.Points = append(s.Points, point)
	}
	return headroom.QueryResult{Series: []headroom.Series{s}}
}

func TestACounterIsWhatItGrewByAlsoWhereItBeganAnew(t *testing.T) {
	// Of the fourth second nothing is known, so neither of how it grew in it nor from it on. At the sixth it began anew and has counted 7.
	counts, err := Counts(measuredSeries(nil, 100, 110, 140, math.NaN(), 160, 7), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	load, err := counts.Seconds(2)
	if want := []float64{20, 60, 0, 0, 14}; err != nil || !reflect.DeepEqual(load.Arrivals, want) || !load.Start.Equal(noon().Truncate(time.Second)) {
		t.Errorf("%v, %v from %s, want %v from 12:00", err, load.Arrivals, load.Start, want)
	}
	if _, err := Counts(measuredSeries(nil, 100, 110), time.Second); err == nil || !strings.Contains(err.Error(), "at least three seconds") {
		t.Errorf("two points: %v", err)
	}
}

func TestReplicasJoinInTheSecondWhenTheirOperationsSay(t *testing.T) {
	// Two replicas; four more are there at the end of the second from 12:00:01 on, of which two are known to be ready after 0.13 and 0.9 s.
	ready := measuredSeries(nil, 2, 2, 6, 6)
	var operations []headroom.Operation
	for _, after := range []time.Duration{1130, 1900} {
		operations = append(operations, headroom.Operation{Kind: headroom.OperationGrow, State: headroom.OperationConfirmed,
			FinishedAt: noon().Truncate(time.Second).Add(after * time.Millisecond)})
	}
	runs := MeasuredOf(measuredSeries(nil, 0, 10, 40, 70), measuredSeries(nil, 1, 1, 9, 3), ready, operations)
	// The value at 12:00:01.5 is of the second from 12:00:00 on, at whose beginning the value of 12:00:00.5 was reported.
	want := [][]Measured{{{Arrivals: 10, InFlight: 1, Ready: 2}, {Arrivals: 30, InFlight: 9, Ready: 2, Joined: [pieces]int{1: 1, 4: 2, 7: 1}}, {Arrivals: 30, InFlight: 3, Ready: 6}}}
	if !reflect.DeepEqual(runs, want) {
		t.Errorf("%+v\nwant %+v", runs, want)
	}
	// Of a gap begins another list.
	if runs = MeasuredOf(measuredSeries(nil, 0, 10, math.NaN(), 30, 40), ready, measuredSeries(nil, 2, 2, 2, 2, 2), nil); len(runs) != 2 || len(runs[0]) != 1 || len(runs[1]) != 1 {
		t.Errorf("%+v, want two lists of one second", runs)
	}
}

func TestStretchesHaveTheirOwnPartOfAHistogram(t *testing.T) {
	buckets := measuredSeries(map[string]string{"le": "0.1"}, 5, 15)
	buckets.Series = append(buckets.Series, measuredSeries(map[string]string{"le": "+Inf"}, 6, 20).Series...)
	got := StretchesOf(measuredSeries(nil, 6, 20), measuredSeries(nil, 1, 2.5), buckets, measuredSeries(nil, 2, 2), time.Second)
	want := []Stretch{{Length: time.Second, Answered: 14, Busy: 1.5, InFlight: 1.5, Ready: 2, Slower: []Bucket{{0.1, 10}, {math.Inf(1), 4}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Of 100 requests 90 are in the bucket from 40 to 50 ms and 10 in that to 60; the mean says where in them.
func TestTheSpreadOfServiceTimesHasTheMeanThatWasMeasured(t *testing.T) {
	for _, mean := range []float64{0.041, 0.046, 0.0505} {
		shares := sharesOf(map[float64]float64{0.04: 0, 0.05: 90, 0.06: 10, math.Inf(1): 0}, mean)
		all, got := 0.0, 0.0
		for _, one := range shares {
			all += one.Share
			got += one.Share * one.Time.Seconds()
		}
		if math.Abs(all-1) > 1e-6 || math.Abs(got/mean-1) > 0.001 || len(shares) > mostTimes {
			t.Errorf("%v are %v of all with a mean of %v, want %v", shares, all, got, mean)
		}
	}
}

func TestAModelThatCannotBeIsNamed(t *testing.T) {
	for want, change := range map[string]func(*Model){
		"serviceTimes has 9 entries":               func(m *Model) { m.ServiceTimes = make([]Share, 9) },
		"serviceTimes 0 is a share of -1":          func(m *Model) { m.ServiceTimes = []Share{{-1, 1}} },
		"are 0.5 together: expected 1":             func(m *Model) { m.ServiceTimes = []Share{{0.5, 1e6}} },
		"curve 1 is 5 requests/s with 3 in flight": func(m *Model) { m.Curve = []CurvePoint{{3, 9}, {3, 5}} },
		"boots 0 is -1s":                           func(m *Model) { m.Boots = []headroom.Duration{-1e9} },
		"platformDelays 0 is 2d":                   func(m *Model) { m.PlatformDelays = []headroom.Duration{48 * 3600e9} },
		"variability is -1":                        func(m *Model) { m.Variability = -1 },
	} {
		m := model()
		change(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
