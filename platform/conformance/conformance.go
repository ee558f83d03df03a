// Package conformance is the test that every headroom.Platform passes: what the control loop relies on.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// World is a platform under test, empty, and what the test may do to it behind its back.
type World struct {
	Platform headroom.Platform
	// Workload becomes ready soon, writes at least one line, and ends within Grace when asked to.
	Workload headroom.Workload
	// Crash ends a replica as if by itself.
	Crash func(t testing.TB, replica headroom.Replica)
	// Reopen returns a platform on the same world after the first was closed, as a restart does.
	Reopen func(t testing.TB) headroom.Platform
	// Elapse lets a moment pass: at most a few milliseconds for a platform in real time, as long as it likes for others.
	Elapse func()
}

// Service is the service that the test grows and shrinks.
const Service = "conformance"

// grace is what replicas get to end by themselves.
const grace = headroom.Duration(5 * time.Second)

// Test runs the suite; make is called for each part and cleans up after it through t.
func Test(t *testing.T, make func(t *testing.T) World) {
	for _, part := range []struct {
		name string
		test func(*run)
	}{
		{"a service that was never grown is known to be empty", (*run).unknownServiceIsEmpty},
		{"growing makes replicas that become ready", (*run).growthBecomesReady},
		{"the same growth again changes nothing", (*run).growthIsIdempotent},
		{"growth is absolute", (*run).growthIsAbsolute},
		{"shrinking removes exactly the named replicas", (*run).shrinkRemovesTheNamed},
		{"the same removal again changes nothing", (*run).shrinkIsIdempotent},
		{"a dead replica is listed until a removal names it", (*run).deadAreListed},
		{"services do not touch each other", (*run).servicesAreApart},
		{"usage has a reading for each living replica", (*run).usageHasItsShape},
		{"logs have the last lines", (*run).logsHaveLines},
		{"a workload that cannot start is refused and leaves nothing", (*run).invalidIsRefused},
		{"an ended context is an error and changes nothing", (*run).endedContext},
		{"closing leaves replicas running", (*run).closeLeavesReplicas},
		{"calls may come at the same time", (*run).concurrentCalls},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(&run{T: t, World: make(t)}) })
	}
}

type run struct {
	*testing.T
	World
}

func (r *run) inventory() headroom.Inventory {
	r.Helper()
	inventory, err := r.Platform.Inventory(r.Context(), Service)
	if err != nil {
		r.Fatal(err)
	}
	if inventory.Service != Service || inventory.At.IsZero() || !inventory.Complete || inventory.Count == nil {
		r.Fatalf("inventory %+v: want the service, a time, complete, and a count", inventory)
	}
	living := 0
	for _, replica := range inventory.Replicas {
		if replica.State != headroom.ReplicaExited {
			living++
		}
		if replica.Service != Service || replica.Name == "" || replica.CreatedAt.IsZero() {
			r.Errorf("replica %+v lacks its service, name or time", replica)
		}
	}
	if living != *inventory.Count {
		r.Errorf("count is %d, of %d living replicas in the list", *inventory.Count, living)
	}
	return inventory
}

// await waits for an inventory, woken by hints and by time.
func (r *run) await(what string, wanted func([]headroom.Replica) bool) []headroom.Replica {
	r.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(20 * time.Second)
	for {
		replicas := r.inventory().Replicas
		if wanted(replicas) {
			return replicas
		}
		r.Elapse()
		select {
		case _, open := <-r.Platform.Changes():
			if !open {
				r.Fatal("Changes was closed")
			}
		case <-ticker.C:
		case <-deadline:
			r.Fatalf("waited in vain for %s: %+v", what, replicas)
		}
	}
}

func states(replicas []headroom.Replica, state headroom.ReplicaState) (names []string) {
	for _, replica := range replicas {
		if replica.State == state {
			names = append(names, replica.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (r *run) awaitReady(count int) []headroom.Replica {
	r.Helper()
	return r.await(fmt.Sprintf("%d ready", count), func(replicas []headroom.Replica) bool {
		return len(replicas) == count && len(states(replicas, headroom.ReplicaReady)) == count
	})
}

func names(from, to int) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprintf("%s-%d", Service, i))
	}
	return list
}

func (r *run) growth(to int, names ...string) headroom.Growth {
	return headroom.Growth{Operation: "grow", Service: Service, Workload: r.Workload, Names: names, To: to}
}

func (r *run) grow(to int, names ...string) {
	r.Helper()
	if err := r.Platform.Grow(r.Context(), r.growth(to, names...)); err != nil {
		r.Fatal(err)
	}
}

func (r *run) shrink(to int, names ...string) {
	r.Helper()
	if err := r.Platform.Shrink(r.Context(), headroom.Removal{Operation: "shrink", Service: Service, Names: names, To: to, Grace: grace}); err != nil {
		r.Fatal(err)
	}
}

func (r *run) unknownServiceIsEmpty() {
	if inventory := r.inventory(); len(inventory.Replicas) != 0 || *inventory.Count != 0 {
		r.Errorf("got %+v, want none", inventory)
	}
	if usage, err := r.Platform.Usage(r.Context(), Service); err != nil || len(usage) != 0 {
		r.Errorf("usage %+v, %v; want none", usage, err)
	}
	r.shrink(0, names(1, 2)...)
}

func (r *run) growthBecomesReady() {
	drain(r.Platform.Changes())
	r.grow(2, names(1, 2)...)
	select {
	case service := <-r.Platform.Changes():
		if service != Service {
			r.Errorf("the hint is for %q", service)
		}
	case <-time.After(10 * time.Second):
		r.Error("no hint that something changed")
	}
	replicas := r.awaitReady(2)
	if got := states(replicas, headroom.ReplicaReady); r.Platform.Capabilities().NamesReplicas && !slices.Equal(got, names(1, 2)) {
		r.Errorf("names are %v, want %v", got, names(1, 2))
	}
	for _, replica := range replicas {
		if replica.ReadyAt.Before(replica.CreatedAt) || replica.Revision != r.Workload.Revision || replica.Address == "" || replica.Adopted || replica.Exit != "" {
			r.Errorf("a ready replica is %+v", replica)
		}
	}
	if replicas[0].Address == replicas[1].Address {
		r.Errorf("both have the address %s", replicas[0].Address)
	}
}

func drain(changes <-chan string) {
	for len(changes) > 0 {
		<-changes
	}
}

func (r *run) growthIsIdempotent() {
	r.grow(2, names(1, 2)...)
	before := r.awaitReady(2)
	for range 3 {
		r.grow(2, names(1, 2)...)
	}
	after := r.awaitReady(2)
	for i := range before {
		if before[i].Name != after[i].Name || before[i].Address != after[i].Address || !before[i].CreatedAt.Equal(after[i].CreatedAt) {
			r.Errorf("replica %+v became %+v", before[i], after[i])
		}
	}
}

func (r *run) growthIsAbsolute() {
	r.grow(1, names(1, 1)...)
	r.grow(3, names(1, 3)...) // the first exists
	r.awaitReady(3)
	r.grow(2, names(2, 3)...) // never fewer
	r.awaitReady(3)
}

func (r *run) shrinkRemovesTheNamed() {
	r.grow(3, names(1, 3)...)
	ready := states(r.awaitReady(3), headroom.ReplicaReady)
	r.shrink(2, ready[1])
	r.awaitReady(2)
	left := states(r.inventory().Replicas, headroom.ReplicaReady)
	if r.Platform.Capabilities().NamesVictims && !slices.Equal(left, []string{ready[0], ready[2]}) {
		r.Errorf("%v are left of %v after %s was removed", left, ready, ready[1])
	}
	r.shrink(0, left...)
	r.awaitReady(0)
}

func (r *run) shrinkIsIdempotent() {
	r.grow(3, names(1, 3)...)
	ready := states(r.awaitReady(3), headroom.ReplicaReady)
	for range 3 {
		r.shrink(2, ready[2])
	}
	r.awaitReady(2)
	r.shrink(2, ready[2])
	r.awaitReady(2)
}

func (r *run) deadAreListed() {
	r.grow(2, names(1, 2)...)
	victim := r.awaitReady(2)[0]
	r.Crash(r, victim)
	dead := r.await("a dead replica", func(replicas []headroom.Replica) bool {
		return len(states(replicas, headroom.ReplicaExited)) == 1
	})
	for _, replica := range dead {
		if replica.State == headroom.ReplicaExited && (replica.Name != victim.Name || replica.Exit == "" || replica.ExitedAt.IsZero()) {
			r.Errorf("the dead replica is %+v, want %s with the way it ended", replica, victim.Name)
		}
	}
	if usage, err := r.Platform.Usage(r.Context(), Service); err != nil || len(usage) != 1 {
		r.Errorf("usage %+v, %v; want one reading, dead ones have none", usage, err)
	}
	for range 3 {
		r.Elapse()
		if got := states(r.inventory().Replicas, headroom.ReplicaExited); len(got) != 1 {
			r.Fatalf("dead are %v, want %s until it is removed", got, victim.Name)
		}
	}
	r.shrink(1, victim.Name)
	if left := r.awaitReady(1); left[0].Name == victim.Name {
		r.Errorf("%s is left", victim.Name)
	}
}

func (r *run) servicesAreApart() {
	r.grow(1, "same-name")
	other := r.growth(1, "same-name")
	other.Service = "other"
	if err := r.Platform.Grow(r.Context(), other); err != nil {
		r.Fatal(err)
	}
	r.awaitReady(1)
	others, err := r.Platform.Inventory(r.Context(), "other")
	if err != nil || len(others.Replicas) != 1 {
		r.Fatalf("the other service has %+v, %v; want one", others, err)
	}
	if err := r.Platform.Shrink(r.Context(), headroom.Removal{Service: "other", Names: []string{others.Replicas[0].Name}, To: 0, Grace: grace}); err != nil {
		r.Fatal(err)
	}
	r.await("the other service empty", func([]headroom.Replica) bool {
		inventory, err := r.Platform.Inventory(r.Context(), "other")
		return err == nil && len(inventory.Replicas) == 0
	})
	if left := r.inventory().Replicas; len(left) != 1 || left[0].State != headroom.ReplicaReady {
		r.Errorf("%+v are left, want mine", left)
	}
}

func (r *run) usageHasItsShape() {
	r.grow(2, names(1, 2)...)
	r.awaitReady(2)
	read := func() []headroom.ReplicaUsage {
		usage, err := r.Platform.Usage(r.Context(), Service)
		if err != nil || len(usage) != 2 {
			r.Fatalf("usage %+v, %v; want two readings", usage, err)
		}
		return usage
	}
	first := read()
	r.Elapse()
	for i, reading := range read() {
		if reading.Service != Service || reading.Replica != first[i].Replica || reading.At.IsZero() || reading.StartedAt.IsZero() ||
			!reading.StartedAt.Equal(first[i].StartedAt) || reading.CPULimit <= 0 {
			r.Errorf("reading %+v, after %+v", reading, first[i])
		}
		if reading.CPUSeconds == nil || reading.Memory == nil || first[i].CPUSeconds == nil || *reading.CPUSeconds < *first[i].CPUSeconds {
			r.Errorf("reading %+v: want memory and processor time, which never falls", reading)
		}
	}
}

func (r *run) logsHaveLines() {
	r.grow(1, names(1, 1)...)
	name := r.awaitReady(1)[0].Name
	lines, err := r.Platform.Logs(r.Context(), Service, name, 1)
	if err != nil || len(lines) != 1 || lines[0] == "" {
		r.Errorf("got %q, %v; want one line", lines, err)
	}
	if lines, err := r.Platform.Logs(r.Context(), Service, name, 0); err != nil || len(lines) != 0 {
		r.Errorf("got %q, %v; want no line", lines, err)
	}
	var unknown *headroom.UnknownNameError
	if _, err := r.Platform.Logs(r.Context(), Service, "nobody", 1); !errors.As(err, &unknown) || !slices.Contains(unknown.Known, name) {
		r.Errorf("logs of an unknown replica: got %v, want an UnknownNameError that knows %s", err, name)
	}
}

func (r *run) invalidIsRefused() {
	order := r.growth(1, names(1, 1)...)
	order.Workload.Run.Command = nil
	if err := r.Platform.Grow(r.Context(), order); !errors.Is(err, headroom.ErrInvalidWorkload) {
		r.Errorf("got %v, want ErrInvalidWorkload", err)
	}
	if left := r.inventory().Replicas; len(left) != 0 {
		r.Errorf("%+v are there", left)
	}
}

func (r *run) endedContext() {
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	if err := r.Platform.Grow(ctx, r.growth(1, names(1, 1)...)); !errors.Is(err, context.Canceled) {
		r.Errorf("got %v, want that the context has ended", err)
	}
	if left := r.inventory().Replicas; len(left) != 0 {
		r.Errorf("%+v are there", left)
	}
}

func (r *run) closeLeavesReplicas() {
	r.grow(2, names(1, 2)...)
	before := r.awaitReady(2)
	if err := r.Platform.Close(); err != nil {
		r.Fatal(err)
	}
	for range r.Platform.Changes() { // ends, for it is closed
	}
	if _, err := r.Platform.Inventory(r.Context(), Service); err == nil {
		r.Error("a closed platform has an inventory")
	}
	if err := r.Platform.Grow(r.Context(), r.growth(3, names(1, 3)...)); err == nil {
		r.Error("a closed platform grows")
	}
	if err := r.Platform.Close(); err != nil {
		r.Errorf("closed again: %v", err)
	}
	r.Elapse()
	r.Platform = r.Reopen(r)
	after := r.awaitReady(2)
	for i := range before {
		if after[i].Name != before[i].Name || after[i].PID != before[i].PID || after[i].Address != before[i].Address || !after[i].Adopted ||
			!after[i].CreatedAt.Equal(before[i].CreatedAt) || !after[i].ReadyAt.Equal(before[i].ReadyAt) {
			r.Errorf("%+v became %+v", before[i], after[i])
		}
	}
	r.shrink(0, before[0].Name, before[1].Name)
	r.awaitReady(0)
}

func (r *run) concurrentCalls() {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := 1; i <= 3; i++ {
				if err := r.Platform.Grow(r.Context(), r.growth(i, names(1, i)...)); err != nil {
					r.Error(err)
				}
				if _, err := r.Platform.Inventory(r.Context(), Service); err != nil {
					r.Error(err)
				}
				if _, err := r.Platform.Usage(r.Context(), Service); err != nil {
					r.Error(err)
				}
			}
		})
	}
	wg.Wait()
	ready := states(r.awaitReady(3), headroom.ReplicaReady)
	for range 4 {
		wg.Go(func() {
			if err := r.Platform.Shrink(r.Context(), headroom.Removal{Service: Service, Names: ready[1:], To: 1, Grace: grace}); err != nil {
				r.Error(err)
			}
		})
	}
	wg.Wait()
	r.awaitReady(1)
}
