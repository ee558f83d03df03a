package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
	"headroom.dev/headroom/scaling"
	"headroom.dev/headroom/scaling/record"
)

const serviceKind = "service"

// memory is what must be remembered of a service from one life of headroom to the next.
type memory struct {
	Scaler      headroom.ScalerState  `json:"scaler"`
	NextOrdinal int                   `json:"nextOrdinal"` // of the next replica's name
	Backoff     orchestration.Backoff `json:"backoff"`
	Manual      *headroom.ManualScale `json:"manual,omitempty"`
	Draining    map[string]time.Time  `json:"draining,omitempty"` // since when, by replica
	History     orchestration.History `json:"history"`            // what was last believed of the platform
	// Revision is what Backoff was learned from: a changed command is tried at once.
	Revision string `json:"revision,omitempty"`
	// Decision and Reason are those of the newest decision that changed the number.
	Decision string `json:"decision,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// Pending is true until the outcome of that decision has been written down.
	Pending bool `json:"pending,omitempty"`
}

// service is one service of which headroom starts replicas. Its turns, of which there is one at a time, are what changes it.
type service struct {
	name string
	c    *Controller

	looked chan struct{} // closed after the first turn
	turn   turnState     // guarded by the lock of the controller's turns

	mu       sync.Mutex // guards all below
	settings headroom.Service
	policy   headroom.Scaling  // settings.Scaling with the policies made through the API
	compiled *scaling.Compiled // policy, ready to decide
	workload headroom.Workload
	retired  bool // no longer configured: to be brought to no replicas

	held   int       // requests that wait for a first replica
	heldAt time.Time // when the balancer said so
	memory memory
	open   map[string]headroom.Operation

	inventory *headroom.Inventory // nil is unknown
	problem   string              // why the inventory is unknown
	history   orchestration.History
	gone      []string            // of shrink operations that ended since history
	synced    bool                // the platform has been read completely once
	waiting   string              // why less is done than wished
	sick      map[string]sickness // ready replicas that the balancer finds unhealthy
	failure   string              // why the back-off last rose

	drainVersions map[string]uint64 // of the endpoints that first had a replica draining
	refused       map[string]bool   // open removals that the platform refused when it was last asked, by ID

	decision *headroom.Decision // newest
	rooms    [2]*room           // for decisions that nobody looks at
	changed  *headroom.Decision // newest that changed the number
	pending  *headroom.Decision // changed, and not reached yet
	gathered record.Writer      // decisions that changed nothing and are to be written down
	phased   bool               // the first record of this life has begun
	lastID   int64

	shadows    []*shadow
	comparedAt time.Time // when a decision was last compared with what the shadows asked for

	sent []headroom.Backend // what the balancers were sent of it last; nil is not known

	decidedAt time.Time // when the newest decision had been recorded; of its turn alone, as are the next two
	begun     bool      // it has had a turn
	prompt    bool      // the platform answered at once when it was read last
}

func (c *Controller) newService(name string) (*service, error) {
	s := &service{
		name: name, c: c, looked: make(chan struct{}), drainVersions: map[string]uint64{}, refused: map[string]bool{},
		open: map[string]headroom.Operation{}, memory: memory{NextOrdinal: 1},
	}
	if err := c.store.Get(serviceKind, name, &s.memory); err != nil && !errors.Is(err, headroom.ErrNotFound) {
		return nil, fmt.Errorf("read what is remembered of %s: %w", name, err)
	}
	if s.memory.Draining == nil {
		s.memory.Draining = map[string]time.Time{}
	}
	for _, backend := range c.lastSent {
		// One that was to drain, and of which the balancers were not told before a crash, gets its version when they are.
		if _, draining := s.memory.Draining[backend.ID]; draining && backend.State == headroom.BackendDraining {
			s.drainVersions[backend.ID] = c.version
		}
	}
	s.history = s.memory.History
	if !s.memory.Scaler.LastActive.IsZero() {
		s.memory.Scaler.LastActive = c.now() // what was active since it was stored is not known
	}
	err := c.store.List(operationKind, func(id string, data json.RawMessage) error {
		var operation headroom.Operation
		if err := json.Unmarshal(data, &operation); err != nil {
			return fmt.Errorf("operation %s: %w", id, err)
		}
		if operation.Service == name {
			s.open[id] = operation
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the open operations of %s: %w", name, err)
	}
	return s, s.recall()
}

// recall finds the newest decision that changed the number, so that its outcome is written down also after a restart.
func (s *service) recall() error {
	if s.memory.Decision == "" {
		return nil
	}
	found, err := s.c.store.Journal(headroom.JournalQuery{Kind: headroom.EntryDecision, ID: s.memory.Decision, Newest: true, Limit: 1})
	if err != nil {
		return fmt.Errorf("read the last decision of %s: %w", s.name, err)
	}
	for _, entry := range found { // none where it is older than what the journal keeps
		var decision headroom.Decision
		if err := json.Unmarshal(entry.Data, &decision); err != nil {
			return fmt.Errorf("read the decision %s: %w", entry.ID, err)
		}
		s.changed = &decision
		if s.memory.Pending {
			s.pending = &decision
		}
	}
	return nil
}

// rememberedServices lists every service of which something is stored, or of which the platform has replicas.
func (c *Controller) rememberedServices() ([]string, error) {
	var names []string
	if platform, knows := c.platform.(interface{ Services() []string }); knows {
		names = platform.Services() // also those of a state that was lost
	}
	err := c.store.List(serviceKind, func(name string, _ json.RawMessage) error {
		names = append(names, name)
		return nil
	})
	return names, err
}

func (s *service) configure(settings headroom.Service, policies []headroom.ScalingPolicy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings, s.retired = settings, false
	s.policy = withoutSecrets(settings.Scaling)
	s.policy.Policies = policies
	s.keepShadows(policies)
	s.newest()                                // by the policy that it was made by
	s.compiled, _ = scaling.Compile(s.policy) // checked before; what cannot be read abstains and says so
	lb := settings.LoadBalancing
	s.workload = headroom.Workload{Run: *settings.Run, HealthCheck: lb.HealthCheck, Reach: lb.Reach(), Revision: revisionOf(*settings.Run)}
	if platform, judges := s.c.platform.(interface {
		Judge(service string, check headroom.HealthCheck, reach headroom.Reach)
	}); judges {
		platform.Judge(s.name, s.workload.HealthCheck, s.workload.Reach)
	}
	if s.memory.Revision != s.workload.Revision {
		s.memory.Revision, s.memory.Backoff, s.failure = s.workload.Revision, orchestration.Backoff{}, ""
	}
}

// retireTimeouts stand in for the settings of a service that was removed while headroom did not run: the defaults.
const retireTimeouts = headroom.Duration(30 * time.Second)

func (s *service) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	if s.settings.Run == nil {
		s.settings.LoadBalancing.DrainTimeout, s.workload.Run.StopGracePeriod = retireTimeouts, retireTimeouts
	}
}

// finished ends a retired service of which nothing is left, and reports whether it did.
func (s *service) finished() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.retired || !s.synced || s.inventory == nil || !s.inventory.Complete || len(s.inventory.Replicas) > 0 || len(s.open) > 0 {
		return false
	}
	if err := s.c.commit(append(s.written(), remove(serviceKind, s.name))...); err != nil {
		s.c.log.Error("cannot forget a service that was removed", "service", s.name, "error", err)
		return false
	}
	delete(s.c.services, s.name)
	s.c.sorted = nil
	return true
}

// revisionOf identifies the content of a workload: replicas of another revision were started from something else.
func revisionOf(run headroom.Run) string {
	// Limits on time and ports do not change what runs.
	run.StartTimeout, run.StopGracePeriod, run.Ports = 0, 0, headroom.PortRange{}
	data, err := json.Marshal(run)
	if err != nil {
		return "" // never: Run is plain data
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:4])
}

// wake has the service looked at again, soon.
func (s *service) wake() { s.c.turns.ask(s, asked{turn: true}) }

// tick is one turn: observe, decide if asked, plan, act.
func (s *service) tick(ctx context.Context, decide bool) {
	inventory, err := s.readInventory(ctx)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	s.take(inventory, err)
	now := s.c.now()
	s.examine(now)
	if decide && !s.retired {
		if err := s.decide(now); err != nil {
			s.c.log.Error("cannot record a decision, so it is not carried out", "service", s.name, "error", err)
		}
		s.decidedAt = s.c.now()
	}
	orders, err := s.plan(now)
	s.mu.Unlock()
	if err != nil {
		s.c.log.Error("cannot record operations, so they are not carried out", "service", s.name, "error", err)
		return
	}
	s.c.turns.touch(s)
	if slices.ContainsFunc(orders, removes) {
		s.c.publishTouched() // who is stopped has been told of first
	} else {
		signalOnce(s.c.publishes)
	}
	s.carryOutAll(ctx, orders)
}

func removes(order headroom.Operation) bool { return order.Kind == headroom.OperationShrink }

// carryOutAll carries out what one turn ordered: at once where replicas are named, and else one after the other, oldest
// first, since of two numbers for one group the later order must be the last that is written.
func (s *service) carryOutAll(ctx context.Context, orders []headroom.Operation) {
	if !s.c.platform.Capabilities().NamesReplicas {
		slices.SortStableFunc(orders, func(a, b headroom.Operation) int { return a.PlannedAt.Compare(b.PlannedAt) })
		for _, order := range orders {
			s.carryOut(ctx, order)
		}
		return
	}
	var carrying sync.WaitGroup
	for _, order := range orders {
		carrying.Go(func() { s.carryOut(ctx, order) })
	}
	carrying.Wait()
}

// inventoryTimeout bounds a read of the platform; what takes longer is unknown for this turn.
const inventoryTimeout = 10 * time.Second

// promptly is how quickly a platform answers that knows by heart what it has. 10,000 of such reads, one after the other, are a second.
const promptly = 100 * time.Microsecond

func (s *service) readInventory(ctx context.Context) (headroom.Inventory, error) {
	began := s.c.now()
	inventory, err := s.c.platform.Inventory(s.c.readers.context(ctx, began), s.name)
	s.prompt = err == nil && s.c.now().Sub(began) < promptly
	return inventory, err
}

// noteDrains remembers which version of the endpoints first had each draining replica. The controller's lock is held.
func (s *service) noteDrains() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, published := s.c.Endpoints.Last(); !published {
		return
	}
	for name := range s.memory.Draining {
		if s.drainVersions[name] > 0 {
			continue
		}
		active := func(backend headroom.Backend) bool {
			return backend.ID == name && backend.State == headroom.BackendActive
		}
		if !slices.ContainsFunc(s.c.sentOf(s.name), active) {
			s.drainVersions[name] = s.c.version
		}
	}
}

// told notes which backends of this service the balancers were sent last; nil is not known.
func (s *service) told(backends []headroom.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = backends
}

// nextID returns an identifier that is unique and sorts by time: "shop-d" or "shop-o" and the time in base 36.
func (s *service) nextID(letter string) string {
	id := max(s.c.now().UnixMicro(), s.lastID+1)
	s.lastID = id
	return s.name + "-" + letter + strconv.FormatInt(id, 36)
}

// save returns the write that stores what must be remembered.
func (s *service) save() headroom.Write { return put(serviceKind, s.name, s.memory) }
