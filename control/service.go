package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
	"headroom.dev/headroom/scaling"
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

// service is one service of which headroom starts replicas. Its loop is the only one that changes it.
type service struct {
	name string
	c    *Controller

	wakes   chan struct{} // look at the world again
	seconds chan struct{} // a second has been measured: decide
	looked  chan struct{} // closed after the first turn of the loop
	started bool          // its loop runs; guarded by the controller's lock

	mu       sync.Mutex // guards all below
	settings headroom.Service
	policy   headroom.Scaling  // settings.Scaling with the policies made through the API
	compiled *scaling.Compiled // policy, ready to decide
	workload headroom.Workload
	retired  bool // no longer configured: to be brought to no replicas
	memory   memory
	open     map[string]headroom.Operation

	inventory *headroom.Inventory // nil is unknown
	problem   string              // why the inventory is unknown
	history   orchestration.History
	gone      []string            // of shrink operations that ended since history
	synced    bool                // the platform has been read completely once
	waiting   string              // why less is done than wished
	sick      map[string]sickness // ready replicas that the balancer finds unhealthy
	failure   string              // why the back-off last rose

	drainVersions map[string]uint64 // of the endpoints that first had a replica draining

	decision  *headroom.Decision // newest
	changed   *headroom.Decision // newest that changed the number
	pending   *headroom.Decision // changed, and not reached yet
	journaled time.Time          // when a decision was last written down
	code      string             // of that one
	lastID    int64

	shadows    []*shadow
	comparedAt time.Time // when a decision was last compared with what the shadows asked for

	decidedAt time.Time // when the newest decision had been recorded; of the loop alone
}

func (c *Controller) newService(name string) (*service, error) {
	s := &service{
		name: name, c: c, wakes: make(chan struct{}, 1), seconds: make(chan struct{}, 1),
		looked: make(chan struct{}), drainVersions: map[string]uint64{},
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
	if err := s.c.commit(remove(serviceKind, s.name)); err != nil {
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

// wake has the loop look at the world again, soon.
func (s *service) wake() { signalOnce(s.wakes) }

// second has the loop decide on what was just measured.
func (s *service) second() { signalOnce(s.seconds) }

func signalOnce(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is waiting already, and will see all there is
	}
}

// silence is how long the loop waits for a balancer's measurement before it decides without: one second and a half, so
// that a balancer that reports on time is never raced.
const silence = 1500 * time.Millisecond

// run is the loop of one service.
func (s *service) run(ctx context.Context) {
	timer := time.NewTimer(silence)
	defer timer.Stop()
	s.tick(ctx, true)
	close(s.looked)
	for {
		decide, measured := false, false
		select {
		case <-ctx.Done():
			return
		case <-s.seconds:
			decide, measured = true, true
			timer.Reset(silence)
		case <-timer.C:
			decide = true
			timer.Reset(silence)
		case <-s.wakes:
		}
		s.tick(ctx, decide)
		if measured {
			s.c.decided(s.decidedAt)
		}
		if s.finished() {
			return
		}
	}
}

// tick is one turn of the loop: observe, decide if asked, plan, act.
func (s *service) tick(ctx context.Context, decide bool) {
	inventory, err := s.readInventory(ctx)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	s.take(inventory, err)
	now, wanted := s.c.now(), s.memory.Scaler.Wanted
	s.examine(now)
	if decide && !s.retired {
		if err := s.decide(now); err != nil {
			s.c.log.Error("cannot record a decision, so it is not carried out", "service", s.name, "error", err)
		}
		s.decidedAt = s.c.now()
		if s.memory.Scaler.Wanted == wanted {
			// What is left to do is seldom much, and can wait until the other services have decided on this second, too.
			s.mu.Unlock()
			runtime.Gosched()
			s.mu.Lock()
		}
	}
	orders, err := s.plan(now)
	s.mu.Unlock()
	if err != nil {
		s.c.log.Error("cannot record operations, so they are not carried out", "service", s.name, "error", err)
		return
	}
	s.publish()
	s.carryOutAll(ctx, orders)
}

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

func (s *service) readInventory(ctx context.Context) (headroom.Inventory, error) {
	return s.c.platform.Inventory(s.c.readers.context(ctx, s.c.now()), s.name)
}

// publish sends the balancers what changed of this service's backends, and remembers which version first had each
// draining replica.
func (s *service) publish() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	err := errors.Join(s.c.forgetBackends(s), s.c.publishService(s.name))
	if err != nil {
		s.c.log.Error("cannot record the list of backends, so the balancers keep the old one", "error", err)
		return
	}
	s.noteDrains()
}

// noteDrains remembers which version of the endpoints first had each draining replica. The controller's lock is held.
func (s *service) noteDrains() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.memory.Draining {
		if s.drainVersions[name] > 0 {
			continue
		}
		sent, published := s.c.Endpoints.Last()
		active := func(backend headroom.Backend) bool {
			return backend.ID == name && backend.State == headroom.BackendActive
		}
		if published && !slices.ContainsFunc(sent.Backends, active) {
			s.drainVersions[name] = sent.Version
		}
	}
}

// nextID returns an identifier that is unique and sorts by time: "shop-d" or "shop-o" and the time in base 36.
func (s *service) nextID(letter string) string {
	id := max(s.c.now().UnixMicro(), s.lastID+1)
	s.lastID = id
	return s.name + "-" + letter + strconv.FormatInt(id, 36)
}

// save returns the write that stores what must be remembered.
func (s *service) save() headroom.Write { return put(serviceKind, s.name, s.memory) }
