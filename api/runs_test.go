package api

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
	"headroom.dev/headroom/scaling/record"
)

// aMinute is a record of sixty decisions: for 40 s two replicas are what is needed, then three, which a cooldown forbids.
func aMinute(t *testing.T, begin time.Time) (record.Record, []headroom.Decision) {
	t.Helper()
	policy := headroom.Scaling{Enabled: true, MinReplicas: 1, MaxReplicas: 10, TargetInFlight: 10, LatencyQuantile: 0.95, Tolerance: 0.1, PanicThreshold: 10,
		StableWindow: headroom.Duration(15 * time.Second), ScaleUpCooldown: headroom.Duration(time.Hour)}
	compiled, err := scaling.Compile(policy)
	if err != nil {
		t.Fatal(err)
	}
	var w record.Writer
	var all []headroom.Decision
	state := headroom.ScalerState{Wanted: 2, LastUp: begin.Add(-time.Minute)}
	for i := range 60 {
		load := 18 + float64(i%10)/10
		if i >= 40 {
			load += 10
		}
		at := begin.Add(time.Duration(i) * time.Second)
		reading := headroom.Reading{Total: &load, PerReplica: new(load / 2), Measured: 2, Replicas: 2}
		obs := headroom.Observation{Service: "shop", At: at, Replicas: headroom.ReplicaCounts{Ready: new(2), Starting: new(0), Synced: true},
			Signals: map[headroom.Metric]headroom.Signal{headroom.MetricInFlight: {Metric: headroom.MetricInFlight, Fast: reading, Stable: reading}}}
		d, next := compiled.Decide("shop-d"+strconv.FormatInt(at.UnixMicro(), 36), obs, state)
		if i == 0 {
			w.Begin(compiled, d, next, record.Longest)
		} else if w.Continues(compiled, &d) {
			w.Add(&d, next)
		} else {
			t.Fatalf("decision %d does not continue: %s", i, d.Reason)
		}
		all, state = append(all, d), next
	}
	return w.Record(), all
}

func TestDecisionsThatChangedNothingAreListedAsRunsAndFoundOneByOne(t *testing.T) {
	for _, written := range []bool{true, false} {
		t.Run(map[bool]string{true: "in the journal", false: "not written down yet"}[written], func(t *testing.T) {
			w := newWorld(t)
			begin := exampleTime().Add(-10 * time.Minute)
			kept, all := aMinute(t, begin)
			w.now = func() time.Time { return begin.Add(time.Minute) }
			if written {
				w.append(headroom.EntryDecision, "shop", kept.ID, kept)
			} else {
				w.control.gathered = []record.Record{kept}
			}
			w.now = exampleTime

			listed := into[DecisionList](t, w.expect(http.StatusOK, "GET", "/api/scaling/decisions?service=shop", "")).Decisions
			if len(listed) != 2 || listed[1].Count != 40 || listed[1].Code != headroom.CodeHold || listed[0].Count != 20 || listed[0].Code != headroom.CodeLimited ||
				!listed[0].At.Equal(all[40].At) || !listed[0].Last.Equal(all[59].At) || listed[0].Reason != all[40].Reason {
				t.Errorf("listed are %+v", listed)
			}
			for _, i := range []int{0, 17, 40, 59} {
				at := all[i].At.Add(500 * time.Millisecond).Format(time.RFC3339Nano)
				answer := into[Explanation](t, w.expect(http.StatusOK, "GET", "/api/scaling/explain?service=shop&at="+at, ""))
				if answer.Decision.ID != all[i].ID || answer.Text != scaling.Explain(all[i]) {
					t.Errorf("at %s: %s\nwant %s", at, answer.Text, scaling.Explain(all[i]))
				}
				if d := into[headroom.Decision](t, w.expect(http.StatusOK, "GET", "/api/scaling/decisions/"+all[i].ID, "")); d.Reason != all[i].Reason {
					t.Errorf("%s is %+v", all[i].ID, d)
				}
			}
		})
	}
}
