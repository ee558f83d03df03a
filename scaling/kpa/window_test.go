package kpa

import (
	"math"
	"slices"
	"testing"
	"time"
)

func windowOf(seconds int) *Window {
	w := &Window{}
	w.fit(time.Duration(seconds)*time.Second, 1000)
	return w
}

func TestAverageDividesByTheSecondsThatAreKnown(t *testing.T) {
	tests := []struct {
		name    string
		values  map[int64]float64
		at      int64
		average float64
	}{
		{"nothing recorded", nil, 1000, 0},
		{"one second", map[int64]float64{1000: 9}, 1000, 9},
		{"three of five seconds", map[int64]float64{1000: 9, 1001: 3, 1002: 0}, 1002, 4},
		{"a gap counts as zero", map[int64]float64{1000: 9, 1002: 3}, 1002, 4},
		{"the oldest second leaves", map[int64]float64{1000: 9, 1001: 1, 1002: 1, 1003: 1, 1004: 1, 1005: 1}, 1005, 1},
		{"seconds after the last value do not count", map[int64]float64{1000: 9, 1001: 3}, 1003, 6},
		{"old values leave though no new ones come", map[int64]float64{1000: 9, 1001: 3}, 1005, 3},
		{"a whole window of silence is zero", map[int64]float64{1000: 9}, 1005, 0},
		{"a value after a whole window of silence is alone", map[int64]float64{1000: 9, 1005: 4}, 1005, 4},
		{"a third, rounded to six digits", map[int64]float64{1000: 1, 1001: 0, 1002: 0}, 1002, 0.333333},
		{"asked about the past", map[int64]float64{1000: 9, 1001: 3}, 1000, 6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := windowOf(5)
			for _, at := range sorted(test.values) {
				w.record(at, test.values[at])
			}
			if got := w.average(test.at); got != test.average {
				t.Errorf("the average is %v, want %v", got, test.average)
			}
		})
	}
}

func sorted(values map[int64]float64) []int64 {
	var seconds []int64
	for at := range values {
		seconds = append(seconds, at)
	}
	slices.Sort(seconds)
	return seconds
}

func TestValuesOfOneSecondAddUp(t *testing.T) {
	w := windowOf(5)
	w.record(1000, 2)
	w.record(1000, 3)
	if got := w.average(1000); got != 5 {
		t.Errorf("the average is %v, want 5", got)
	}
}

func TestALateValueCountsInItsOwnSecond(t *testing.T) {
	w := windowOf(5)
	w.record(1002, 6)
	w.record(1000, 3) // now the first: 3 seconds are known
	if got := w.average(1002); got != 3 {
		t.Errorf("the average is %v, want (3+0+6)/3 = 3", got)
	}
}

func TestAValueOlderThanTheWindowIsDropped(t *testing.T) {
	w := windowOf(5)
	w.record(1005, 6)
	w.record(1000, 2)
	if got := w.average(1005); got != 6 {
		t.Errorf("the average is %v, want 6", got)
	}
}

func TestEmptyIsLongerThanAWindowWithoutValues(t *testing.T) {
	w := windowOf(5)
	w.record(1000, 6)
	if w.empty(1005) {
		t.Error("a window is empty 5 s after its last value; Knative's is not before 6 s")
	}
	if !w.empty(1006) {
		t.Error("a window is not empty 6 s after its last value")
	}
}

func TestAShorterWindowKeepsTheNewestValues(t *testing.T) {
	w := windowOf(5)
	for i := range int64(5) {
		w.record(1000+i, float64(i+1)) // 1 2 3 4 5
	}
	w.fit(2*time.Second, 1004)
	if got := w.average(1004); got != 4.5 {
		t.Errorf("the average is %v, want (4+5)/2 = 4.5", got)
	}
}

// Knative takes the old length as known after a change, so what was not measured dilutes the average until it has left.
func TestALongerWindowCountsAsFullOfItsOldLength(t *testing.T) {
	w := windowOf(4)
	w.record(1003, 8)
	w.fit(8*time.Second, 1003)
	if got := w.average(1003); got != 2 {
		t.Errorf("the average is %v, want 8/4 = 2", got)
	}
}

func TestWeightedAverageIsKnativesExample(t *testing.T) {
	// smoothing(nb) is 0.6 for 1-(1-0.9999)^(1/nb) = 0.6, nb = ln 0.0001 / ln 0.4 = 10.05: no whole number of buckets gives it. For 4 buckets
	// it is 1-0.0001^0.25 = 0.9, so [10 10 5 5] newest last is 5*0.9 + 5*0.09 + 10*0.009 + 10*0.0009 = 5.049.
	w := windowOf(4)
	for i, value := range []float64{10, 10, 5, 5} {
		w.record(1000+int64(i), value)
	}
	if got := w.weighted(1003); math.Abs(got-5.049) > 1e-9 {
		t.Errorf("the weighted average is %v, want 5.049", got)
	}
	// Two seconds later: 5*0.9*0.01 + 5*0.09*0.01; the two oldest have left.
	if got := w.weighted(1005); math.Abs(got-0.0495) > 1e-9 {
		t.Errorf("two seconds later it is %v, want 0.0495", got)
	}
	if got := smoothing(60); got != 0.2 {
		t.Errorf("the newest of 60 seconds weighs %v, want 0.2, the least", got)
	}
}

func TestAWindowThatCannotBeStartsAnew(t *testing.T) {
	for _, bad := range []Window{
		{Buckets: make([]float64, 5), Last: -1},
		{Buckets: make([]float64, 5), Last: math.MinInt64},
		{Buckets: make([]float64, 5), Last: 1000, Total: math.NaN()},
		{Buckets: make([]float64, 5), First: -7, Last: 1000},
	} {
		bad.fit(5*time.Second, 1001)
		bad.record(1001, 4)
		if got := bad.average(1001); got != 4 {
			t.Errorf("the average is %v, want 4", got)
		}
	}
}
