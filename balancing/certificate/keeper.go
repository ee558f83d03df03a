package certificate

import (
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
)

// Options configures a Keeper.
type Options struct {
	// Logger gets what an operator should know: certificates that were read again, obtained, cannot be used or expire soon. Required.
	Logger *slog.Logger
	// StateDir is where the account with the authority and the certificates that it issued are kept, in its folder acme, mode 0700, and the
	// secrets of session tickets, in a file, mode 0600. Required for ACME; where it is empty the secrets are not kept.
	StateDir string
}

// Keeper keeps certificates, keys, authorities and the keys of session tickets. It is safe for concurrent use, except that one table at a
// time is prepared: Listener for each address and Backend for each service of it, and then Commit or Rollback.
type Keeper struct {
	options Options
	tickets *tickets
	// generation grows when a file was read again: what was made of it is made again at the next handshake.
	generation atomic.Uint64
	// rules are those of the table in force for certificates of clients, by service.
	rules atomic.Pointer[map[string]clientRule]

	mu      sync.Mutex // guards what follows
	current *holding
	next    *holding
	closed  bool

	stop  chan struct{}
	tasks sync.WaitGroup
}

// holding is what one routing table names.
type holding struct {
	pairs     map[pairFiles]*pair
	pools     map[string]*pool
	rules     map[string]clientRule
	upstreams map[string]*upstream // by service
	issuing   map[issuerKey]*obtaining
}

func newHolding() *holding {
	return &holding{pairs: map[pairFiles]*pair{}, pools: map[string]*pool{}, rules: map[string]clientRule{}, upstreams: map[string]*upstream{},
		issuing: map[issuerKey]*obtaining{}}
}

// New makes a Keeper, which looks after its files until Close.
func New(options Options) *Keeper {
	var file ticketFile
	if options.StateDir != "" {
		file = ticketFile(filepath.Join(options.StateDir, "session-tickets.json"))
	}
	k := &Keeper{options: options, tickets: newTickets(file, options.Logger), current: newHolding(), next: newHolding(), stop: make(chan struct{})}
	k.rules.Store(&map[string]clientRule{})
	k.tasks.Go(k.watch)
	return k
}

// Commit makes the table that was prepared the one in force: certificates for its hosts begin to be obtained, and what it does not name is
// forgotten. It does not wait for the network. The sockets of the table must be open already, so that the authority finds us there.
func (k *Keeper) Commit() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	before := k.current
	k.current, k.next = k.next, newHolding()
	k.rules.Store(&k.current.rules)
	k.current.obtain(before)
}

// Rollback forgets what was prepared since the last Commit; the table in force stays as it was. After Commit it does nothing.
func (k *Keeper) Rollback() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next = newHolding()
}

// Close stops looking after files and obtaining certificates. Configurations that were handed out go on working with what there is.
func (k *Keeper) Close() {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return
	}
	k.closed = true
	newHolding().obtain(k.current)
	k.mu.Unlock()
	close(k.stop)
	k.tasks.Wait()
}

// Listener returns the TLS of an address for the services that share it; nil if none of them has TLS. Errors are of type
// *headroom.InvalidError, several joined. Files that are in use and broken now are no error: what was read of them is used on.
func (k *Keeper) Listener(listen string, services []headroom.ServiceRoute) (*tls.Config, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	secured, err := whoSpeaksTLS(listen, services)
	if err != nil || !secured {
		return nil, err
	}
	l, err := k.newListener(listen, services)
	if err != nil {
		return nil, err
	}
	return l.config(), nil
}

// pair returns the pair of two files, read now unless the table in force has it.
func (k *Keeper) pair(files pairFiles) (*pair, *fileError) {
	p := k.next.pairs[files]
	if p == nil {
		p = k.current.pairs[files]
	}
	if p == nil {
		p = newPair(files)
	}
	if problem := k.ready(p); problem != nil {
		return nil, problem
	}
	k.next.pairs[files] = p
	return p, nil
}

// pool returns the authorities of a file, read now unless the table in force has them.
func (k *Keeper) pool(path string) (*pool, *fileError) {
	p := k.next.pools[path]
	if p == nil {
		p = k.current.pools[path]
	}
	if p == nil {
		p = newPool(path)
	}
	if problem := k.ready(p); problem != nil {
		return nil, problem
	}
	k.next.pools[path] = p
	return p, nil
}

// refresher is a pair or a pool.
type refresher interface {
	refresh(now time.Time, logger *slog.Logger) bool
	usable() *fileError
}

// ready reads files if they changed, and says why there is nothing of them that can be used.
func (k *Keeper) ready(files refresher) *fileError {
	if files.refresh(time.Now(), k.options.Logger) {
		k.generation.Add(1)
	}
	return files.usable()
}
