package role

import (
	"context"
	"crypto/tls"
	"log/slog"
	"maps"
	"sync"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/certificate"
	"headroom.dev/headroom/balancing/health"
	"headroom.dev/headroom/platform/process"
)

// prober judges whether replicas are ready, by reaching them as requests will. It reads the files of backendTLS itself, since the
// balancer may be another process. It must be closed. Safe for concurrent use.
type prober struct {
	keeper *certificate.Keeper

	mu      sync.Mutex         // guards what follows, and the keeper's next table
	secured map[string]secured // by service
}

// secured is how the replicas of a service are reached by TLS.
type secured struct {
	reach  headroom.Reach
	config func(address string) *tls.Config
}

func newProber() *prober {
	// The balancer has the same files, and tells of changes and of certificates that end; here a failure is the probe's.
	return &prober{keeper: certificate.New(certificate.Options{Logger: slog.New(slog.DiscardHandler)}), secured: map[string]secured{}}
}

func (p *prober) close() { p.keeper.Close() }

// probe checks a replica once.
func (p *prober) probe(ctx context.Context, check process.Check) error {
	target := targetOf(check.HealthCheck, check.Reach)
	target.Address = check.Address
	if check.Reach.BackendTLS.Enabled {
		var err error
		if target.TLS, err = p.tls(check.Service, check.Reach); err != nil {
			return err
		}
	}
	return target.Probe(ctx)
}

// tls returns what makes the TLS of connections to replicas of a service. What was read for it serves all probes until the service's reach
// changes; the keeper looks after the files meanwhile.
func (p *prober) tls(service string, reach headroom.Reach) (func(address string) *tls.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if have := p.secured[service]; have.reach == reach && have.config != nil {
		return have.config, nil
	}
	next := maps.Clone(p.secured) // the keeper prepares whole tables
	next[service] = secured{reach: reach}
	for name, s := range next {
		config, err := p.keeper.Backend(headroom.ServiceRoute{Service: name, LoadBalancing: headroom.LoadBalancing{
			Protocol: s.reach.Protocol, BackendProtocol: s.reach.BackendProtocol, BackendTLS: s.reach.BackendTLS,
		}})
		if err != nil {
			p.keeper.Rollback()
			return nil, err
		}
		next[name] = secured{reach: s.reach, config: config}
	}
	p.keeper.Commit()
	p.secured = next
	return next[service].config, nil
}

// targetOf is a backend as it is checked: reached as requests reach it, but for its address and TLS.
func targetOf(check headroom.HealthCheck, reach headroom.Reach) health.Target {
	return health.Target{Check: check, Protocol: reach.Protocol, HTTP2: reach.BackendProtocol == headroom.BackendHTTP2,
		ProxyProtocol: reach.ProxyProtocol}
}
