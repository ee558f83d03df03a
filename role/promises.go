package role

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/objective"
)

// ledgerKind holds one object for each service and hour, named "shop/2026-11-23T15:00:00Z".
const ledgerKind = "ledger"

// promises keeps what each minute of each service came to, for as long as its objective looks back, which is longer than
// the metrics are kept.
type promises struct {
	store headroom.Store

	mu      sync.Mutex // guards what follows
	ledgers map[string]*objective.Ledger
	unsaved map[string]headroom.Write // by hour, until they are stored
}

func openPromises(store headroom.Store) (*promises, error) {
	p := &promises{store: store, ledgers: map[string]*objective.Ledger{}, unsaved: map[string]headroom.Write{}}
	err := store.List(ledgerKind, func(name string, data json.RawMessage) error {
		service, _, _ := strings.Cut(name, "/")
		var hour objective.Hour
		if err := json.Unmarshal(data, &hour); err != nil {
			return fmt.Errorf("ledger %s: %w", name, err)
		}
		p.ledger(service).Load(hour)
		return nil
	})
	return p, err
}

// ledger returns the ledger of a service. The lock is held, or nobody else knows of p yet.
func (p *promises) ledger(service string) *objective.Ledger {
	if p.ledgers[service] == nil {
		p.ledgers[service] = objective.NewLedger()
	}
	return p.ledgers[service]
}

// add counts what a balancer saw in a second.
func (p *promises) add(measurement headroom.Measurement, services map[string]headroom.Service) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, service := range measurement.Services {
		settings, configured := services[service.Service]
		if !configured {
			continue
		}
		p.ledger(service.Service).Add(measurement.At, time.Duration(measurement.Window), service.Traffic, time.Duration(settings.Objective.Latency))
	}
}

// save stores the hours that were added to, and forgets those that no objective looks back to.
func (p *promises) save(now time.Time, services map[string]headroom.Service) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for service, ledger := range p.ledgers {
		for _, hour := range ledger.Changed() {
			name := hourName(service, hour.Start)
			p.unsaved[name] = headroom.Write{Put: &headroom.Object{Kind: ledgerKind, Name: name, Value: hour}}
		}
		settings, configured := services[service]
		if !configured {
			continue // it may come back; its hours are small
		}
		for _, start := range ledger.Prune(now.Add(-time.Duration(settings.Objective.Window))) {
			name := hourName(service, start)
			p.unsaved[name] = headroom.Write{Delete: &headroom.ObjectName{Kind: ledgerKind, Name: name}}
		}
	}
	if len(p.unsaved) == 0 {
		return nil
	}
	if _, err := p.store.Commit(slices.Collect(maps.Values(p.unsaved))...); err != nil {
		return err // all of it is tried again with the next
	}
	clear(p.unsaved)
	return nil
}

func hourName(service string, start time.Time) string {
	return service + "/" + start.UTC().Format(time.RFC3339)
}

// reports says how each service, or one of them, kept its promise.
func (p *promises) reports(service string, services map[string]headroom.Service, now time.Time) ([]headroom.SLAReport, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := make([]string, 0, len(services))
	for name := range services {
		names = append(names, name)
	}
	slices.Sort(names)
	if service != "" {
		if _, configured := services[service]; !configured {
			return nil, &headroom.UnknownNameError{Kind: "service", Name: service, Known: names}
		}
		names = []string{service}
	}
	reports := []headroom.SLAReport{}
	for _, name := range names {
		reports = append(reports, objective.Report(name, services[name].Objective, p.ledger(name), now))
	}
	return reports, nil
}
