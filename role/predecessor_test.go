package role

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"headroom.dev/headroom"
)

func window(version uint64, arrivals uint64, inFlight int64, ids ...string) headroom.Measurement {
	service := headroom.ServiceMeasurement{Service: "shop", Traffic: headroom.Traffic{Arrivals: arrivals, InFlight: inFlight, InFlightMean: float64(inFlight)}}
	service.Traffic.Latency.Add(time.Millisecond)
	for _, id := range ids {
		service.Backends = append(service.Backends, headroom.BackendMeasurement{ID: id, Health: headroom.HealthHealthy, Traffic: service.Traffic})
	}
	listener := headroom.ListenerMeasurement{Listen: ":80", Connections: inFlight, Accepted: arrivals}
	return headroom.Measurement{TableVersion: version, Services: []headroom.ServiceMeasurement{service}, Listeners: []headroom.ListenerMeasurement{listener}}
}

// summary is what of a measurement the tests look at.
type summary struct {
	Version, Arrivals, Answered uint64
	InFlight                    int64
	Mean                        float64
	Backends                    map[string]int64 // in flight
	Connections                 int64
	Accepted                    uint64
}

func summarize(m headroom.Measurement) summary {
	shop := m.Services[0]
	s := summary{m.TableVersion, shop.Traffic.Arrivals, shop.Traffic.Latency.Count, shop.Traffic.InFlight, shop.Traffic.InFlightMean,
		map[string]int64{}, m.Listeners[0].Connections, m.Listeners[0].Accepted}
	for _, backend := range shop.Backends {
		s.Backends[backend.ID] = backend.Traffic.InFlight
	}
	return s
}

func TestWhatAPredecessorServesCountsAsOurs(t *testing.T) {
	p := &predecessor{}
	if got := summarize(p.join(window(8, 10, 2, "shop-2"))); got.Arrivals != 10 || got.InFlight != 2 {
		t.Errorf("before it spoke: %+v", got)
	}
	// The old process is on table 7 and has a backend that is gone from ours.
	p.measured(window(7, 3, 5, "shop-1", "shop-2"))
	p.measured(window(7, 4, 1, "shop-1", "shop-2"))
	want := summary{7, 13, 2, 3, 3, map[string]int64{"shop-1": 1, "shop-2": 3}, 3, 13}
	if diff := cmp.Diff(want, summarize(p.join(window(8, 10, 2, "shop-2")))); diff != "" {
		t.Errorf("the first of two windows: (-want +got)\n%s", diff)
	}
	want.Arrivals, want.Accepted = 14, 14
	if diff := cmp.Diff(want, summarize(p.join(window(8, 10, 2, "shop-2")))); diff != "" {
		t.Errorf("the second of two windows: (-want +got)\n%s", diff)
	}
	// Late with its next window: what happened is not counted twice, what is in flight there still is.
	want = summary{7, 10, 1, 3, 3, map[string]int64{"shop-1": 1, "shop-2": 3}, 3, 10}
	if diff := cmp.Diff(want, summarize(p.join(window(8, 10, 2, "shop-2")))); diff != "" {
		t.Errorf("no window of it: (-want +got)\n%s", diff)
	}
	// Gone: its last window counts, and nothing is in flight there.
	p.measured(window(8, 1, 9, "shop-2"))
	p.here = false
	want = summary{8, 11, 2, 2, 2, map[string]int64{"shop-2": 2}, 2, 11}
	if diff := cmp.Diff(want, summarize(p.join(window(8, 10, 2, "shop-2")))); diff != "" {
		t.Errorf("after its end: (-want +got)\n%s", diff)
	}
}

func TestWithoutAPredecessorNothingIsJoined(t *testing.T) {
	var nobody *predecessor
	m := window(8, 10, 2, "shop-2")
	if diff := cmp.Diff(summarize(m), summarize(nobody.join(m))); diff != "" {
		t.Error(diff)
	}
}

// The first window of a new process is what is left of a second. 100 requests in a whole one of the old process are no 1,000 a second.
func TestAPartOfASecondIsNotTheWindowOfAWholeOne(t *testing.T) {
	p := &predecessor{}
	theirs := window(7, 100, 0, "shop-1")
	theirs.Window = headroom.Duration(time.Second)
	p.measured(theirs)
	ours := window(7, 10, 0, "shop-1")
	ours.Window = headroom.Duration(100 * time.Millisecond)
	if got := p.join(ours); got.Window != theirs.Window || got.Services[0].Traffic.Arrivals != 110 {
		t.Errorf("%d requests in %v", got.Services[0].Traffic.Arrivals, got.Window)
	}
}
