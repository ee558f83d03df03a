package role

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/accesslog"
	"headroom.dev/headroom/balancing/certificate"
	"headroom.dev/headroom/balancing/health"
	"headroom.dev/headroom/balancing/limit/redis"
	"headroom.dev/headroom/balancing/proxy"
	"headroom.dev/headroom/link"
)

// Balancer is the role that takes the traffic. It needs nobody: with the scaler away it serves on with the backends that
// it was told last, which it also keeps in a file for its own next start.
type Balancer struct {
	// Measurements is what it saw each second.
	Measurements link.Feed[headroom.Measurement]
	// Waits are requests that wait for a first replica.
	Waits link.Feed[headroom.Waiting]

	server      *proxy.Server
	checker     *health.Checker
	keeper      *certificate.Keeper
	ledger      *redis.Keeper
	accessLog   *accesslog.Writer
	log         *slog.Logger
	file        string
	predecessor *predecessor // nil where there was none

	mu        sync.Mutex // guards all below
	config    headroom.Config
	endpoints headroom.Endpoints
	told      bool // endpoints came from a scaler, in this life or an earlier one
	drained   bool // a successor serves, and the last connection has ended
}

// waitsBuffer is for many services whose first requests come at once; what is lost is said again a second later.
const waitsBuffer = 1024

// endpointsFile keeps the backends that the balancer was told last, for its next start without a scaler.
const endpointsFile = "balancer-endpoints.json"

// NewBalancer reads the backends that an earlier life was told. It does not listen before Apply; listen opens its sockets, net.Listen
// where it is nil.
func NewBalancer(config headroom.Config, listen func(address string) (net.Listener, error), log *slog.Logger) (*Balancer, error) {
	b := &Balancer{
		keeper:    certificate.New(certificate.Options{Logger: log, StateDir: config.State.Dir}),
		ledger:    redis.NewKeeper(log),
		accessLog: accesslog.NewWriter(log), log: log, file: filepath.Join(config.State.Dir, endpointsFile),
	}
	var err error
	b.server, err = proxy.New(proxy.Options{
		Logger: log, NewBreaker: newBreaker, Seed: rand.Uint64(), Listen: listen, TLS: b.keeper, AccessLog: b.accessLog,
		Waiting: b.Waits.Publish, AffinitySecret: affinityKey(config.State.Dir, log), Ledger: b.ledger,
		// A backend is taken as healthy until a check has failed: a replica has passed one already, and after a restart
		// nobody should wait for the first check. One that is dead costs an attempt elsewhere, not a request.
		AssumeHealthy: true,
	})
	if err != nil {
		b.keeper.Close()
		b.ledger.Close()
		b.accessLog.Close()
		return nil, err
	}
	b.Measurements.Fleeting = true // each is of one second, and counted once
	b.Waits.Fleeting, b.Waits.Buffer = true, waitsBuffer
	b.checker = health.NewChecker(health.CheckerOptions{Changed: b.checked})
	data, err := os.ReadFile(b.file)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return b, fmt.Errorf("read the backends of the last run: %w", err)
	default:
		// A torn file is no reason not to serve: the scaler tells us again.
		if err := json.Unmarshal(data, &b.endpoints); err != nil {
			log.Warn("cannot read the backends of the last run; waiting for the scaler", "file", b.file, "error", err)
			b.endpoints = headroom.Endpoints{}
			break
		}
		b.told = true
	}
	return b, nil
}

// Apply makes a configuration the one in force.
func (b *Balancer) Apply(config headroom.Config) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.accessLog.Configure(config.AccessLog); err != nil {
		return err
	}
	if err := b.ledger.Configure(config.Redis); err != nil {
		return errors.Join(err, b.accessLog.Configure(b.config.AccessLog))
	}
	if err := b.apply(config, b.endpoints, b.told); err != nil {
		return errors.Join(err, b.accessLog.Configure(b.config.AccessLog), b.ledger.Configure(b.config.Redis))
	}
	b.config = config
	return nil
}

// ReopenLog opens the access log anew, after a program that rotates logs has moved it.
func (b *Balancer) ReopenLog() error { return b.accessLog.Reopen() }

// apply swaps the routing table and checks what is in it. The lock is held.
func (b *Balancer) apply(config headroom.Config, endpoints headroom.Endpoints, told bool) error {
	table := routingTable(config, endpoints, told)
	if err := b.server.Apply(table); err != nil {
		return err
	}
	b.checker.Set(b.targets(table))
	return nil
}

// checked hands what a check has shown to the data plane.
func (b *Balancer) checked(change health.Change) {
	failure := ""
	if change.Status.LastFailure != nil {
		failure = change.Status.LastFailure.String()
	}
	b.server.SetHealth(change.ID, change.Status.Health, failure)
}

// targets are the backends as they are checked: reached as requests reach them.
func (b *Balancer) targets(table headroom.RoutingTable) []health.Target {
	var all []health.Target
	for _, service := range table.Services {
		lb := service.LoadBalancing
		target := targetOf(lb.HealthCheck, lb.Reach())
		if lb.BackendTLS.Enabled {
			target.TLS = func(address string) *tls.Config { return b.server.BackendTLS(service.Service, address) }
		}
		for _, backend := range service.Backends {
			target.ID, target.Address = backend.ID, backend.Address
			all = append(all, target)
		}
	}
	return all
}

// Told takes the backends that the scaler wants.
func (b *Balancer) Told(endpoints headroom.Endpoints) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.told && endpoints.Version == b.endpoints.Version && slices.Equal(endpoints.Backends, b.endpoints.Backends) &&
		reflect.DeepEqual(endpoints.Overrides, b.endpoints.Overrides) {
		return
	}
	b.endpoints, b.told = endpoints, true
	if err := b.apply(b.config, endpoints, true); err != nil {
		b.log.Error("cannot apply the new backends", "error", err)
		return
	}
	if err := writeFile(b.file, endpoints); err != nil {
		b.log.Warn("cannot keep the backends for the next start", "error", err)
	}
}

// Run measures each second until the context ends, and then lets requests in flight finish for at most linger.
func (b *Balancer) Run(ctx context.Context, linger time.Duration) error {
	for ctx.Err() == nil {
		now := time.Now()
		select {
		case <-ctx.Done():
		case <-time.After(now.Truncate(time.Second).Add(time.Second).Sub(now)):
			measurement := b.server.Measure(time.Now())
			measurement.Certificates = certificateStatuses(b.keeper.Status())
			b.Measurements.Publish(b.predecessor.join(measurement))
		}
	}
	return b.close(linger)
}

// close ends the checks, takes no new requests and lets those in flight finish for at most linger. It may be called more
// than once.
func (b *Balancer) close(linger time.Duration) error {
	b.checker.Stop()
	finish, cancel := context.WithTimeout(context.Background(), linger)
	defer cancel()
	err := b.server.Shutdown(finish)
	b.keeper.Close()
	b.ledger.Close()
	b.accessLog.Close()
	return err
}

// routingTable joins what the user configured, and what the API changed of it, with the backends that the scaler named. Before any scaler has spoken,
// the backends of the config file are all there is.
func routingTable(config headroom.Config, endpoints headroom.Endpoints, told bool) headroom.RoutingTable {
	table := headroom.RoutingTable{Version: endpoints.Version}
	config, _ = config.With(endpoints.Overrides) // the scaler says what does not fit
	for name, service := range config.Services {
		route := headroom.ServiceRoute{Service: name, LoadBalancing: service.LoadBalancing, Starts: service.Run != nil}
		if route.LoadBalancing.SlowStart.Window == 0 { // a replica carries less while it warms up
			route.LoadBalancing.SlowStart.Window = service.Scaling.WarmUp
		}
		for _, backend := range endpoints.Backends {
			if backend.Service == name {
				route.Backends = append(route.Backends, backend)
			}
		}
		if !told {
			for _, static := range service.Backends {
				if !static.Named() { // what names stand for is the scaler's to say
					route.Backends = append(route.Backends, static.Backend(name))
				}
			}
		}
		table.Services = append(table.Services, route)
	}
	slices.SortFunc(table.Services, func(a, b headroom.ServiceRoute) int { return strings.Compare(a.Service, b.Service) })
	return table
}

// writeFile replaces a file as a whole: a crash leaves the old or the new one, never a part.
func writeFile(path string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	next := path + ".new" // one name, so that crashes leave one file at most; the role's lock keeps others away
	file, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(next, path)
}
