// Package process runs replicas as processes of this machine.
//
// A replica is a process in a session of its own that writes to a file, so it outlives this program and is adopted
// again by the next one: what was started is recorded before and after it is started, and a process is recognized by
// its id, its start time and the boot it belongs to, or by a mark in its environment.
//
// The directory holds lock, id (of this state), records/SERVICE/REPLICA.json and logs/SERVICE/REPLICA.log.
package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"headroom.dev/headroom"
)

// Options are what New needs.
type Options struct {
	// Dir is where records and logs of replicas are kept; made where it does not exist. One platform at a time uses it.
	Dir string
	// Logger gets what no event of a replica tells; default is to discard.
	Logger *slog.Logger
	// Probe does one health check; a replica is ready when it first returns nil.
	Probe func(ctx context.Context, check Check) error
	// Now is the clock of the times that are reported; default time.Now.
	Now func() time.Time
	// LockTimeout is how long to wait for another platform to let go of Dir; default 2 s.
	LockTimeout time.Duration
}

// Platform is a headroom.Platform of processes. It is safe for concurrent use.
type Platform struct {
	dir    string
	id     string // of this state directory; part of the mark in the environment of its replicas
	bootID string
	log    *slog.Logger
	probe  func(context.Context, Check) error
	now    func() time.Time
	lock   *os.File
	groups *controlGroups

	orderMu sync.Mutex // one order at a time
	warned  bool       // that limits are not enforced; guarded by orderMu

	mu       sync.Mutex // guards what follows, and the changing fields of every replica
	replicas map[string]*replica
	lastPort int
	closed   bool
	stopped  bool // by StopAll; nothing is started any more

	changes chan string
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	usage   usageReader
}

// New takes over the directory and adopts what runs. It returns an error that names the other process where the
// directory is in use.
func New(options Options) (*Platform, error) {
	if options.Dir == "" || options.Probe == nil {
		return nil, errors.New("process platform: Dir and Probe must be given")
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.LockTimeout == 0 {
		options.LockTimeout = 2 * time.Second
	}
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("process platform: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the replicas: %w", err)
	}
	lock, err := lockDir(dir, options.LockTimeout)
	if err != nil {
		return nil, err
	}
	p := &Platform{
		dir: dir, log: options.Logger, probe: options.Probe, now: options.Now, lock: lock,
		replicas: map[string]*replica{}, changes: make(chan string, 64),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if err := p.start(); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Platform) start() (err error) {
	if p.id, err = stateID(p.dir); err != nil {
		return err
	}
	if p.bootID, err = readBootID(); err != nil {
		return err
	}
	p.groups = findControlGroups(p.id)
	if err := p.adopt(); err != nil {
		return err
	}
	p.running.Go(p.rotateLogs)
	return nil
}

// Capabilities implements headroom.Platform.
func (p *Platform) Capabilities() headroom.Capabilities {
	return headroom.Capabilities{NamesReplicas: true, NamesVictims: true}
}

// Inventory implements headroom.Platform. It is always complete: every replica is a record of ours.
func (p *Platform) Inventory(_ context.Context, service string) (headroom.Inventory, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return headroom.Inventory{}, errClosed
	}
	count := 0
	inventory := headroom.Inventory{Service: service, At: p.now(), Count: &count, Replicas: []headroom.Replica{}, Complete: true}
	for _, r := range p.ofService(service) {
		inventory.Replicas = append(inventory.Replicas, r.describe())
		if r.State != headroom.ReplicaExited {
			count++
		}
	}
	return inventory, nil
}

var (
	errClosed  = errors.New("the process platform is closed")
	errStopped = errors.New("the process platform is stopping all replicas")
)

// refusal says why nothing can be started any more. Call it with mu held.
func (p *Platform) refusal() error {
	switch {
	case p.closed:
		return errClosed
	case p.stopped:
		return errStopped
	}
	return nil
}

// Services lists the services of which there are replicas, dead ones included.
func (p *Platform) Services() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := map[string]bool{}
	for _, r := range p.replicas {
		names[r.Service] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// ofService returns the replicas of a service in the order of their creation. Call it with mu held.
func (p *Platform) ofService(service string) []*replica {
	var found []*replica
	for _, r := range p.replicas {
		if r.Service == service {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *replica) int {
		if order := a.CreatedAt.Compare(b.CreatedAt); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	return found
}

// Grow implements headroom.Platform: it starts those named replicas that do not exist and returns once they run.
func (p *Platform) Grow(ctx context.Context, order headroom.Growth) error {
	p.orderMu.Lock()
	defer p.orderMu.Unlock()
	for _, name := range append([]string{order.Service}, order.Names...) {
		if !goodName(name) {
			return fmt.Errorf("start %s: the name %q cannot be a file name: %w", order.Service, name, headroom.ErrInvalidWorkload)
		}
	}
	var missing []string
	p.mu.Lock()
	refusal := p.refusal()
	for _, name := range order.Names {
		if p.replicas[replicaKey(order.Service, name)] == nil && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	p.mu.Unlock()
	if refusal != nil || len(missing) == 0 {
		return refusal
	}
	program, err := resolve(order.Workload.Run)
	if err != nil {
		return fmt.Errorf("start %s: %w", order.Service, err)
	}
	for _, name := range missing {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.spawn(order, name, program); err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
	}
	return nil
}

// goodName reports whether a name can be part of a path and of the mark in the environment.
func goodName(name string) bool {
	return name != "" && len(name) <= 128 && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, "/\x00\n")
}

// Shrink implements headroom.Platform. A replica that is told to stop stays in the inventory until nothing of it is
// left.
func (p *Platform) Shrink(_ context.Context, order headroom.Removal) error {
	p.orderMu.Lock()
	defer p.orderMu.Unlock()
	var asked []*replica
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errClosed
	}
	for _, name := range order.Names {
		if r := p.replicas[replicaKey(order.Service, name)]; r != nil && r.askToStop(time.Duration(order.Grace)) {
			asked = append(asked, r)
		}
	}
	p.mu.Unlock()
	p.proceedToStop(asked)
	return nil
}

// proceedToStop records that replicas are to stop before they are told, so that the next process goes on with it.
func (p *Platform) proceedToStop(asked []*replica) {
	for _, r := range asked {
		p.save(r)
		close(r.stop)
		p.notify(r.Service)
	}
}

// StopAll stops every replica of every service, each with its own grace period, and returns when nothing of them is
// left; nothing can be started any more. When ctx ends first it kills what is left at once.
func (p *Platform) StopAll(ctx context.Context) error {
	all, err := p.askAll()
	if err != nil {
		return err
	}
	return awaitAll(ctx, all)
}

func (p *Platform) askAll() ([]*replica, error) {
	p.orderMu.Lock()
	defer p.orderMu.Unlock()
	var all, asked []*replica
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	p.stopped = true
	for _, r := range p.replicas {
		all = append(all, r)
		if r.askToStop(time.Duration(r.StopGracePeriod)) {
			asked = append(asked, r)
		}
	}
	p.mu.Unlock()
	p.proceedToStop(asked)
	return all, nil
}

func awaitAll(ctx context.Context, all []*replica) error {
	for _, r := range all {
		select {
		case <-r.removed:
			continue
		case <-ctx.Done():
		}
		for _, r := range all {
			r.killNow()
		}
		break
	}
	// Killing takes milliseconds; only a process in an uninterruptible wait of the kernel takes longer.
	deadline := time.NewTimer(killPatience)
	defer deadline.Stop()
	for _, r := range all {
		select {
		case <-r.removed:
		case <-deadline.C:
			return fmt.Errorf("%s (process %d) does not end though it was killed", r.Name, r.PID)
		}
	}
	return nil
}

const killPatience = 10 * time.Second

// Changes implements headroom.Platform.
func (p *Platform) Changes() <-chan string { return p.changes }

func (p *Platform) notify(service string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	select {
	case p.changes <- service:
	default: // a hint, see Platform.Changes
	}
}

// Close implements headroom.Platform: replicas run on, and those on their way out are stopped by the next platform on
// this directory.
func (p *Platform) Close() error {
	p.orderMu.Lock()
	defer p.orderMu.Unlock()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	p.running.Wait()
	close(p.changes)
	return p.lock.Close()
}

// find returns a replica or an error that lists those that exist.
func (p *Platform) find(service, name string) (*replica, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.replicas[replicaKey(service, name)]; r != nil {
		return r, nil
	}
	var known []string
	for _, r := range p.ofService(service) {
		known = append(known, r.Name)
	}
	return nil, &headroom.UnknownNameError{Kind: "replica", Name: name, Known: known}
}

// exists reports whether a path exists.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
