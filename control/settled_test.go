package control

import (
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
	"headroom.dev/headroom/platform/fake"
)

// A settled service is not planned for. So whenever one is, the plan must have nothing to do, nothing to wait for, and nothing else to remember.
func TestForASettledServiceThePlanDoesNothing(t *testing.T) {
	var settled, unsettled int
	property := func(t *rapid.T) {
		s := serviceOf(t)
		if !s.settled() {
			unsettled++
			return
		}
		settled++
		now := s.c.now()
		step := orchestration.Plan(s.world(now))
		if len(step.Operations) > 0 || len(step.Cancel) > 0 || step.Waiting != "" || step.Backoff != s.memory.Backoff || step.NextOrdinal != s.memory.NextOrdinal {
			t.Fatalf("a settled service has the plan %+v\nof %+v\nwith the memory %+v", step, s.world(now), s.memory)
		}
		before := s.memory
		before.Draining = maps.Clone(before.Draining)
		orders, err := s.planAnew(now)
		if stored := s.c.store.(*counting).commits; err != nil || len(orders) > 0 || stored > 0 || !reflect.DeepEqual(before, s.memory) {
			t.Fatalf("planning ordered %v, stored %d times, and made the memory %+v of %+v", orders, stored, s.memory, before)
		}
	}
	for range 20 { // a world takes microseconds, and the other properties of this package are checked 15 times only
		rapid.Check(t, property)
	}
	if all := settled + unsettled; settled < all/10 || unsettled < all/10 {
		t.Errorf("%d worlds were settled and %d were not: too few of one to say anything", settled, unsettled)
	}
}

// counting is a store that keeps nothing, and counts how often something was to be kept.
type counting struct {
	headroom.Store
	commits int
}

func (c *counting) Commit(writes ...headroom.Write) ([]headroom.Entry, error) {
	c.commits++
	return nil, nil
}

// serviceOf is a service at rest, of which up to two things are not as they should be, or merely unusual.
func serviceOf(t *rapid.T) *service {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	capabilities := headroom.Capabilities{NamesReplicas: rapid.Bool().Draw(t, "names replicas"), NamesVictims: rapid.Bool().Draw(t, "names victims")}
	c := &Controller{store: &counting{}, platform: fake.New(capabilities, clock), log: slog.New(slog.DiscardHandler), now: clock, random: func() float64 { return 0.5 }}
	s := &service{name: "shop", c: c, synced: true, open: map[string]headroom.Operation{}, drainVersions: map[string]uint64{},
		memory: memory{NextOrdinal: 10, Draining: map[string]time.Time{}}}
	s.workload.Revision = "new"
	s.workload.Run.StartTimeout = headroom.Duration(time.Minute)
	s.settings.LoadBalancing.DrainTimeout = headroom.Duration(time.Minute)

	count := rapid.IntRange(1, 4).Draw(t, "replicas")
	s.memory.Scaler.Wanted = count
	s.inventory = &headroom.Inventory{Service: "shop", At: now, Complete: true, Count: &count}
	measured := headroom.ServiceMeasurement{Service: "shop"}
	for i := range count {
		name := fmt.Sprintf("shop-%d", i+1)
		s.inventory.Replicas = append(s.inventory.Replicas, headroom.Replica{Name: name, Service: "shop", State: headroom.ReplicaReady,
			Address: fmt.Sprintf("127.0.0.1:%d", 9000+i), Revision: "new", CreatedAt: now.Add(-time.Hour), ReadyAt: now.Add(-time.Hour)})
		s.history.Live = append(s.history.Live, name)
		measured.Backends = append(measured.Backends, headroom.BackendMeasurement{ID: name})
	}
	s.history.Count = count
	s.memory.History = s.history
	if rapid.Bool().Draw(t, "measured") {
		c.hear(headroom.Measurement{At: now, Services: []headroom.ServiceMeasurement{measured}}, now)
	}
	for range rapid.IntRange(0, 2).Draw(t, "oddities") {
		disturb(t, s, now)
	}
	return s
}

func disturb(t *rapid.T, s *service, now time.Time) {
	replica := &s.inventory.Replicas[rapid.IntRange(0, len(s.inventory.Replicas)-1).Draw(t, "replica")]
	operation := headroom.Operation{ID: "shop-o1", Service: "shop", Replicas: []string{replica.Name}, PlannedAt: now, SentAt: now,
		Kind:  rapid.SampledFrom([]headroom.OperationKind{headroom.OperationGrow, headroom.OperationDrain, headroom.OperationShrink}).Draw(t, "kind"),
		State: rapid.SampledFrom([]headroom.OperationState{headroom.OperationPlanned, headroom.OperationSent, headroom.OperationUnknown}).Draw(t, "operation")}
	oddities := []func(){
		func() { s.retired = true },
		func() { s.synced = false },
		func() { s.inventory.Complete = false },
		func() { s.inventory.Count = nil },
		func() {
			more := len(s.inventory.Replicas) + rapid.IntRange(-1, 1).Draw(t, "more")
			s.inventory.Count = &more
		},
		func() { s.memory.Scaler.Wanted += rapid.IntRange(-1, 1).Draw(t, "wanted") },
		func() { s.memory.Scaler.Zero = true },
		func() {
			replica.State = rapid.SampledFrom([]headroom.ReplicaState{headroom.ReplicaStarting, headroom.ReplicaStopping, headroom.ReplicaExited}).Draw(t, "state")
		},
		func() { replica.Revision = "old" },
		func() { replica.Name = "shop-30" }, // of a life that was forgotten
		func() { replica.Name = "other" },
		func() { replica.ReadyAt = time.Time{} },
		func() { replica.ReadyAt, replica.CreatedAt = now, now },
		func() { replica.Address = "" },
		func() { s.memory.Draining[replica.Name] = now.Add(-time.Second) },
		func() { s.drainVersions[replica.Name] = 7 },
		func() { s.sick = map[string]sickness{replica.Name: {since: now.Add(-time.Hour)}} },
		func() { s.pending = &headroom.Decision{ID: "shop-d1", To: s.memory.Scaler.Wanted} },
		func() { s.memory.Pending = true },
		func() { s.waiting = "something" },
		func() { s.memory.Backoff = orchestration.Backoff{Failures: 1, LastFailure: now.Add(-time.Minute)} },
		func() { s.memory.History.Live = nil },
		func() { s.memory.History.Count++ },
		func() { s.memory.NextOrdinal = rapid.IntRange(0, 3).Draw(t, "ordinal") },
		func() { s.memory.Manual = &headroom.ManualScale{Replicas: 3, Until: now.Add(-time.Second)} },
		func() { s.open[operation.ID] = operation },
	}
	oddities[rapid.IntRange(0, len(oddities)-1).Draw(t, "oddity")]()
}
