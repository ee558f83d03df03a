// Package role composes the rooms into the three roles, the balancer, the monitor and the scaler, and runs them in one
// process or apart. The roles talk through feeds where they share a process and through sockets in the state directory
// where they do not; what they say is the same.
package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/control"
	"headroom.dev/headroom/link"
)

// The names of the roles, of their locks and of their sockets.
const (
	balancerName = "balancer"
	monitorName  = "monitor"
	scalerName   = "scaler"
)

// Roles says which roles a process has.
type Roles struct{ Balancer, Monitor, Scaler bool }

// All is every role, as headroom run has them.
var All = Roles{Balancer: true, Monitor: true, Scaler: true}

// Options is what a Node is made from.
type Options struct {
	Config  headroom.Config
	Roles   Roles
	Logger  *slog.Logger
	Version string
	// Sockets are listening sockets that this process was started with; nil for none. Those that no address needs are closed.
	Sockets *link.Sockets
	// Handover leads to the process that this one takes over from; nil where there is none.
	Handover *link.Handover
}

// Node is the roles of one process at work.
type Node struct {
	options  Options
	roles    Roles
	log      *slog.Logger
	stateDir string

	balancer *Balancer
	monitor  *Monitor
	scaler   *Scaler
	sockets  []*link.Endpoint

	upgrades    chan Upgrade
	predecessor *predecessor // nil where this process took over from none

	cancel   context.CancelFunc // ends all goroutines but the balancer's
	stopping context.CancelFunc // ends the balancer's
	workers  sync.WaitGroup
	serving  sync.WaitGroup // the balancer's
	ordered  chan struct{}  // closed when a person ordered everything to stop
	order    sync.Once
}

// Linger is how long a balancer that stops waits for the requests in flight. A stop should not take longer.
const Linger = 10 * time.Second

// Start brings the roles up. When it returns without an error, the balancer listens and the API answers.
func Start(options Options) (*Node, error) {
	n := &Node{
		options: options, roles: options.Roles, log: options.Logger, stateDir: options.Config.State.Dir, ordered: make(chan struct{}),
		upgrades: make(chan Upgrade),
	}
	if err := n.prepare(options); err != nil {
		return nil, err
	}
	if err := n.start(options); err != nil {
		n.release()
		return nil, err
	}
	n.tookOver(options)
	return n, nil
}

// start takes what the roles hold and lets them work.
func (n *Node) start(options Options) error {
	// Claim all before anything is opened: a second headroom must not touch what the first one holds.
	claimed := map[string]*link.Endpoint{}
	for _, role := range n.roles.names() {
		socket, err := link.Claim(n.stateDir, role)
		if err != nil {
			return err
		}
		n.sockets = append(n.sockets, socket)
		claimed[role] = socket
	}
	if err := n.build(options); err != nil {
		return err
	}
	if options.Handover != nil {
		n.predecessor = follow(options.Handover)
		if n.balancer != nil {
			n.balancer.predecessor = n.predecessor
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	// Every address is taken before the scaler starts a replica: where one is in use, this start ends without having changed anything.
	// A successor has them already, and takes traffic last: what it accepted would be lost if it failed.
	if options.Handover == nil {
		if err := n.balance(options.Config); err != nil {
			return err
		}
	}
	if n.scaler != nil {
		if err := n.scaler.listenAPI(options.Config.API, options.Sockets.Listen); err != nil {
			return err
		}
	}
	for role, handler := range n.handlers() {
		if err := claimed[role].Serve(handler); err != nil {
			return fmt.Errorf("open the socket of the %s: %w", role, err)
		}
	}
	if options.Handover == nil {
		n.connect(ctx)
	}
	if n.scaler != nil {
		n.workers.Go(func() { n.scaler.run(ctx) })
		n.scaler.settle(ctx)
	}
	if n.monitor != nil {
		n.workers.Go(func() { n.monitor.run(ctx) })
	}
	if options.Handover != nil {
		if err := n.balance(options.Config); err != nil {
			return err
		}
		n.connect(ctx)
	}
	if n.scaler != nil {
		n.scaler.serveAPI()
	}
	return nil
}

// balance takes traffic, unless it does already. The balancer begins with the backends of its last life, which a scaler that restarts
// finds running.
func (n *Node) balance(config headroom.Config) error {
	if n.balancer == nil || n.stopping != nil {
		return nil
	}
	if err := n.balancer.Apply(config); err != nil {
		return err
	}
	ctx, stopping := context.WithCancel(context.Background())
	n.stopping = stopping
	n.serving.Go(func() {
		if err := n.balancer.Run(ctx, Linger); err != nil {
			n.log.Warn("requests were cut off", "error", err)
		}
	})
	return nil
}

func (r Roles) names() []string {
	var names []string
	if r.Scaler {
		names = append(names, scalerName)
	}
	if r.Monitor {
		names = append(names, monitorName)
	}
	if r.Balancer {
		names = append(names, balancerName)
	}
	return names
}

func (n *Node) build(options Options) error {
	var err error
	if n.roles.Balancer && n.balancer == nil {
		if n.balancer, err = NewBalancer(options.Config, options.Sockets.Listen, n.log.With("role", balancerName)); err != nil {
			return err
		}
	}
	if n.roles.Monitor {
		if n.monitor, err = NewMonitor(options.Config, options.Version, n.log.With("role", monitorName)); err != nil {
			return err
		}
	}
	if n.roles.Scaler {
		monitor := monitorClient(n.stateDir)
		if n.monitor != nil {
			monitor = n.monitor
		}
		n.scaler, err = newScaler(options, monitor, n.Order, n.log.With("role", scalerName))
	}
	return err
}

// connect has each role hear the others, in this process or in theirs.
func (n *Node) connect(ctx context.Context) {
	var (
		measurements *link.Feed[headroom.Measurement]
		waits        *link.Feed[headroom.Waiting]
		endpoints    *link.Feed[headroom.Endpoints]
		reports      *link.Feed[control.Report]
		rules        *link.Feed[[]headroom.AlertRule]
		alerts       *link.Feed[headroom.Alert]
	)
	if n.balancer != nil {
		measurements = &n.balancer.Measurements
		waits = &n.balancer.Waits
	}
	if n.monitor != nil {
		alerts = &n.monitor.AlertChanges
	}
	if n.scaler != nil {
		endpoints, reports, rules = &n.scaler.control.Endpoints, &n.scaler.control.Reports, &n.scaler.rules
	}
	if n.balancer != nil {
		listen(ctx, n, endpoints, scalerName, "/endpoints", n.told)
	}
	if n.monitor != nil {
		listen(ctx, n, measurements, balancerName, "/measurements", n.monitor.Measured)
		listen(ctx, n, reports, scalerName, "/reports", n.monitor.Reported)
		listen(ctx, n, rules, scalerName, "/rules", n.monitor.Ruled)
	}
	if n.scaler != nil {
		listen(ctx, n, measurements, balancerName, "/measurements", n.scaler.control.Measured)
		listen(ctx, n, waits, balancerName, "/waits", n.scaler.control.Waits)
		listen(ctx, n, alerts, monitorName, "/alerts", n.scaler.alerted)
	} else {
		listen(ctx, n, nil, scalerName, "/stop", func(stop bool) {
			if stop {
				n.Order()
			}
		})
	}
}

// listen calls each with every value of a feed: of a local one where the speaker is in this process, else of the
// speaker's socket.
func listen[T any](ctx context.Context, n *Node, local *link.Feed[T], speaker, path string, each func(T)) {
	if local == nil {
		client := link.Client(link.SocketFile(n.stateDir, speaker))
		n.workers.Go(func() {
			link.Follow(ctx, client, path, each, func(connected bool) {
				n.log.Info("link to another role", "role", speaker, "feed", path, "connected", connected)
			})
		})
		return
	}
	values, cancel := local.Subscribe()
	n.workers.Go(func() {
		defer cancel()
		for {
			select {
			case <-ctx.Done():
				return
			case value := <-values:
				each(value)
			}
		}
	})
}

// handlers are what the sockets of this process's roles answer: orders to upgrade, and questions of the other roles where those are
// apart.
func (n *Node) handlers() map[string]http.Handler {
	handlers := map[string]http.Handler{}
	for _, role := range n.roles.names() {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /upgrade", n.upgrade)
		if n.roles != All {
			mux.Handle("/", n.handler(role))
		}
		handlers[role] = mux
	}
	return handlers
}

func (n *Node) handler(role string) http.Handler {
	switch role {
	case monitorName:
		return n.monitor.handler()
	case scalerName:
		return n.scaler.handler()
	default:
		mux := http.NewServeMux()
		mux.Handle("GET /measurements", link.Stream(&n.balancer.Measurements))
		mux.Handle("GET /waits", link.Stream(&n.balancer.Waits))
		return mux
	}
}

// Apply makes a configuration the one in force. Where one role refuses it, the others are given the old one again, so
// that all go on with the same.
func (n *Node) Apply(config, old headroom.Config) error {
	var applied []func(headroom.Config) error
	for _, apply := range n.appliers() {
		if err := apply(config); err != nil {
			for _, back := range applied {
				err = errors.Join(err, back(old))
			}
			return err
		}
		applied = append(applied, apply)
	}
	return nil
}

// ReopenLog opens the access log anew, where this process has one.
func (n *Node) ReopenLog() error {
	if n.balancer == nil {
		return nil
	}
	return n.balancer.ReopenLog()
}

// appliers is in the order in which a configuration can be refused: the balancer first, whose port may be in use.
func (n *Node) appliers() []func(headroom.Config) error {
	var appliers []func(headroom.Config) error
	if n.balancer != nil {
		appliers = append(appliers, n.balancer.Apply)
	}
	if n.monitor != nil {
		appliers = append(appliers, n.monitor.Apply)
	}
	if n.scaler != nil {
		appliers = append(appliers, n.scaler.Apply)
	}
	return appliers
}

// Announce records an event where this process has the scaler, and logs it where not.
func (n *Node) Announce(event headroom.Event) {
	if n.scaler != nil {
		n.scaler.control.Announce(event)
		return
	}
	n.log.Info(event.Message, "event", event.Type)
}

// Control is the scaler's, nil where another process has it.
func (n *Node) Control() *control.Controller {
	if n.scaler == nil {
		return nil
	}
	return n.scaler.control
}

// Order asks this process to stop, with its replicas if it has them; see Ordered.
func (n *Node) Order() { n.order.Do(func() { close(n.ordered) }) }

// Ordered is closed when a person ordered everything to stop through the API.
func (n *Node) Ordered() <-chan struct{} { return n.ordered }

// Stop ends the roles: the balancer takes no new connections and finishes its requests, the loop ends, and the replicas
// are stopped too where asked for; they keep running otherwise, for the next start to adopt.
func (n *Node) Stop(ctx context.Context, replicas bool) error {
	if n.stopping != nil {
		n.stopping()
	}
	n.predecessor.leave()
	n.serving.Wait()
	n.awaitPredecessor()
	var err error
	if n.scaler != nil {
		n.scaler.sayStop(replicas)
	}
	if n.cancel != nil {
		n.cancel()
	}
	n.workers.Wait()
	if n.scaler != nil && replicas {
		err = n.scaler.stopReplicas(ctx)
	}
	return errors.Join(err, n.release())
}

// awaitPredecessor gives a predecessor that drains as long as it gives its connections once we leave; the replicas are needed until then.
func (n *Node) awaitPredecessor() {
	ctx, cancel := context.WithTimeout(context.Background(), Linger+time.Second)
	defer cancel()
	n.predecessor.wait(ctx)
}

// release gives back what the node holds.
func (n *Node) release() error {
	if n.stopping != nil {
		n.stopping()
		n.serving.Wait()
	}
	err := n.releaseState()
	if n.balancer != nil {
		// Where it served it has been closed before, and has told of requests that were cut off.
		_ = n.balancer.close(time.Second)
	}
	return err
}

// releaseState gives back all but the balancer, which may go on with the traffic.
func (n *Node) releaseState() error {
	if n.cancel != nil {
		n.cancel()
		n.workers.Wait()
	}
	for _, socket := range n.sockets {
		socket.Hush() // nobody asks a role that is closing
	}
	var errs []error
	if n.scaler != nil {
		errs = append(errs, n.scaler.close())
	}
	if n.monitor != nil {
		errs = append(errs, n.monitor.close())
	}
	for _, socket := range n.sockets {
		errs = append(errs, socket.Close())
	}
	n.scaler, n.monitor, n.sockets = nil, nil, nil
	return errors.Join(errs...)
}
