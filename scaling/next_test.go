package scaling

import (
	"math"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// A concurrency policy gets what was in flight in the last second, and averages by itself: what would have to change is that second, not
// the stable reading of the signal.
func TestWhatAConcurrencyPolicyTurnsAtIsTheLoadOfTheLastSecond(t *testing.T) {
	policy, state := own(concurrencyPolicy(), nil), wanted(2)
	var d headroom.Decision
	for i := range 120 {
		load := 14.0
		if i == 119 {
			load = 20
		}
		obs := observe(counts(2, 0), steady(headroom.MetricInFlight, reading(14, 2)))
		signal := obs.Signals[headroom.MetricInFlight]
		signal.Fast = reading(load, 2)
		obs.Signals[headroom.MetricInFlight] = signal
		obs.At = noon.Add(time.Duration(i) * time.Second)
		d, state = Decide("d", policy, obs, state)
	}
	more, found := More(d)
	if !found || !more.Second || math.Abs(more.Value-20*more.Factor) > 1e-9 {
		t.Fatalf("more is %+v, %v; want %v times the 20 of the last second", more, found, more.Factor)
	}
	again := d.Observation
	signal := again.Signals[headroom.MetricInFlight]
	signal.Fast = reading(more.Value, 2)
	again.Signals = map[headroom.Metric]headroom.Signal{headroom.MetricInFlight: signal}
	if to, _ := Decide("d", policy, again, d.State); to.To != more.To {
		t.Errorf("with %v in the last second it is %d, want %d", more.Value, to.To, more.To)
	}
}
