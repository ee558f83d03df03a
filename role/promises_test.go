package role

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/store/bolt"
)

// refusing is a store that may be full.
type refusing struct {
	*bolt.Store
	full bool
}

func (r *refusing) Commit(writes ...headroom.Write) ([]headroom.Entry, error) {
	if r.full {
		return nil, errors.New("no space left on device")
	}
	return r.Store.Commit(writes...)
}

func openState(t *testing.T, file string) *bolt.Store {
	t.Helper()
	store, err := bolt.Open(file, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func TestWhatWasPromisedIsKeptOverARestartAndAFullDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "monitor.db")
	services := map[string]headroom.Service{"shop": {Objective: headroom.Objective{Availability: 99, Window: headroom.Duration(24 * time.Hour)}}}
	store := &refusing{Store: openState(t, file)}
	p, err := openPromises(store)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for i := range 120 { // two minutes of ten requests a second, one of which fails
		p.add(headroom.Measurement{At: start.Add(time.Duration(i+1) * time.Second), Window: headroom.Duration(time.Second),
			Services: []headroom.ServiceMeasurement{
				{Service: "shop", Traffic: headroom.Traffic{Arrivals: 10, Outcomes: headroom.Outcomes{Success: 9, ServerError: 1}}},
				{Service: "unknown", Traffic: headroom.Traffic{Arrivals: 10}},
			}}, services)
	}
	now := start.Add(3 * time.Minute)
	store.full = true
	if err := p.save(now, services); err == nil {
		t.Fatal("a full disk was not noticed")
	}
	store.full = false
	if err := p.save(now, services); err != nil {
		t.Fatal(err)
	}
	store.Close()

	again, err := openPromises(openState(t, file))
	if err != nil {
		t.Fatal(err)
	}
	reports, err := again.reports("shop", services, now)
	if err != nil || len(reports) != 1 || reports[0].Requests != 1200 || reports[0].Failed != 120 {
		t.Errorf("after a restart the report is %+v, %v; want 1200 requests, 120 of which failed", reports, err)
	}
	var unknown *headroom.UnknownNameError
	if _, err := again.reports("shoop", services, now); !errors.As(err, &unknown) {
		t.Errorf("a service that does not exist: %v", err)
	}
}
