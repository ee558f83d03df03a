package source

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func orders(shop string, value float64, at time.Time) headroom.PushedValue {
	return headroom.PushedValue{Name: "orders", Labels: map[string]string{"shop": shop, "env": "live"}, Value: value, At: at}
}

func TestSeriesThatAreSentBecomeOneValue(t *testing.T) {
	var r received
	if err := r.add([]headroom.PushedValue{orders("a", 10, noon), orders("b", 2, noon.Add(time.Second)), orders("c", 900, noon.Add(-2*time.Minute)),
		{Name: "other", Value: 5, At: noon}}, noon); err != nil {
		t.Fatal(err)
	}
	if err := r.add([]headroom.PushedValue{orders("a", 1, noon.Add(-time.Second)), orders("b", 4, noon.Add(time.Second))}, noon); err != nil { // the first was overtaken
		t.Fatal(err)
	}
	now := noon.Add(2 * time.Second)
	for how, want := range map[string]float64{"": 14, "sum": 14, "avg": 7, "max": 10, "min": 4} { // c is older than a minute
		got, at, err := r.value(headroom.PushedSource{Metric: "orders", Aggregate: how}, now, time.Minute)
		if err != nil || got != want || !at.Equal(noon.Add(time.Second)) {
			t.Errorf("%s: got %v at %s, %v; want %v", how, got, at, err, want)
		}
	}
	for shop, want := range map[string]float64{"a": 10, "b": 4} {
		got, _, err := r.value(headroom.PushedSource{Metric: "orders", Labels: map[string]string{"shop": shop}}, now, time.Minute)
		if err != nil || got != want {
			t.Errorf("shop %s: got %v, %v; want %v", shop, got, err, want)
		}
	}
	for what, c := range map[string]struct {
		labels map[string]string
		why    string
	}{
		"old":     {map[string]string{"shop": "c"}, "last sent 2m2s ago"},
		"unknown": {map[string]string{"shop": "d"}, "nobody has sent orders yet"},
	} {
		if _, _, err := r.value(headroom.PushedSource{Metric: "orders", Labels: c.labels}, now, time.Minute); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestTheNumberOfSeriesIsBounded(t *testing.T) {
	var r received
	for n := range mostSeries {
		if err := r.add([]headroom.PushedValue{orders(fmt.Sprint(n), 1, noon)}, noon); err != nil {
			t.Fatal(err)
		}
	}
	var conflict *headroom.ConflictError
	if err := r.add([]headroom.PushedValue{orders("7", 3, noon.Add(time.Second)), orders("one more", 1, noon)}, noon); !errors.As(err, &conflict) {
		t.Errorf("got %v for one series too many", err)
	}
	source := headroom.PushedSource{Metric: "orders", Labels: map[string]string{"shop": "7"}}
	if got, _, err := r.value(source, noon, time.Minute); err != nil || got != 1 {
		t.Errorf("got %v, %v: of values that are refused none is kept", got, err)
	}
	if err := r.add([]headroom.PushedValue{orders("7", 3, noon.Add(time.Second))}, noon); err != nil {
		t.Errorf("a known series is refused: %v", err)
	}
	later := noon.Add(seriesAge + time.Second)
	if err := r.add([]headroom.PushedValue{orders("one more", 1, later)}, later); err != nil || r.series != 2 {
		t.Errorf("after a day: %v, %d series; want the new one and the newest old one", err, r.series)
	}
}

func TestASeriesThatHasEndedIsForgotten(t *testing.T) {
	var r received
	ended := orders("a", 0, noon.Add(time.Second))
	ended.Gone = true
	unknown := orders("z", 0, noon)
	unknown.Gone = true
	late := orders("b", 0, noon.Add(-time.Second))
	late.Gone = true
	for _, values := range [][]headroom.PushedValue{{orders("a", 10, noon), orders("b", 2, noon)}, {ended, unknown, late}} {
		if err := r.add(values, noon); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := r.value(headroom.PushedSource{Metric: "orders"}, noon, time.Minute)
	if err != nil || got != 2 || r.series != 1 { // that b has ended was said before its value
		t.Errorf("got %v, %v, %d series; want those of b alone", got, err, r.series)
	}
}
