package orchestration

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

// machine is a small model of a platform: it does as it is told, by name, once per operation.
type machine struct {
	now      time.Time
	replicas map[string]*headroom.Replica
	done     map[string]bool // operations that were carried out
	inFlight map[string]int64
	created  int

	group   bool // takes a number and chooses the names itself
	desired int
}

func (m *machine) held() int {
	held := 0
	for _, r := range m.replicas {
		if r.State == starting || r.State == ready {
			held++
		}
	}
	return held
}

func (m *machine) create(name string) {
	m.created++
	m.replicas[name] = &headroom.Replica{Name: name, Service: "shop", State: starting, CreatedAt: m.now, Revision: "r1"}
}

func (m *machine) inventory() headroom.Inventory {
	inventory := headroom.Inventory{Service: "shop", At: m.now, Complete: true}
	held := 0
	for _, name := range slices.Sorted(maps.Keys(m.replicas)) {
		inventory.Replicas = append(inventory.Replicas, *m.replicas[name])
		if m.replicas[name].State != exited {
			held++
		}
	}
	if m.group {
		// A group that replaces its dead itself says how many it aims at, as the desired capacity of the clouds does.
		stopped := held - m.held()
		held = m.desired + stopped
	}
	inventory.Count = &held
	return inventory
}

func (m *machine) carryOut(t *rapid.T, op headroom.Operation) {
	if m.done[op.ID] {
		return
	}
	m.done[op.ID] = true
	if op.Kind == headroom.OperationGrow && m.group {
		if op.To < m.held() {
			t.Fatalf("growing writes %d to a group that holds %d", op.To, m.held())
		}
		m.desired = op.To
	}
	for _, name := range op.Replicas {
		switch op.Kind {
		case headroom.OperationGrow:
			if m.replicas[name] != nil {
				t.Fatalf("%s was created twice", name)
			}
			m.create(name)
		case headroom.OperationShrink:
			switch r := m.replicas[name]; {
			case r == nil:
			case r.State == exited:
				delete(m.replicas, name)
			case r.State == stopping:
			default:
				r.State = stopping
				m.desired--
			}
		}
	}
}

// pass lets a second go by. Chance says what goes wrong; nil is nothing.
func (m *machine) pass(draining map[string]time.Time, chance func(percent int, what string) bool) {
	m.now = m.now.Add(time.Second)
	for m.group && m.held() < m.desired {
		m.create(fmt.Sprintf("i-%d", m.created))
	}
	for _, name := range slices.Sorted(maps.Keys(m.replicas)) {
		r := m.replicas[name]
		switch {
		case r.State == stopping:
			delete(m.replicas, name)
		case r.State == exited:
		case chance(4, "crash"):
			r.State, r.ExitedAt, r.Exit = exited, m.now, "exit status 1"
		case r.State == starting && !chance(40, "slow"):
			r.State, r.ReadyAt = ready, m.now
		case r.State == ready:
			if _, leaving := draining[name]; leaving {
				m.inFlight[name] = max(m.inFlight[name]-1, 0)
			} else {
				m.inFlight[name] = 3
			}
		}
	}
}

// loop is a control loop as small as it can be. Its fields up to memory are what its store holds.
type loop struct {
	wish     int
	open     []headroom.Operation
	draining map[string]time.Time
	backoff  Backoff
	ordinal  int
	history  History

	synced bool // memory: lost in a crash
}

func (l *loop) world(m *machine, inventory *headroom.Inventory) World {
	traffic := map[string]Traffic{}
	for name := range l.draining {
		n := m.inFlight[name]
		traffic[name] = Traffic{InFlight: &n, Drained: n == 0}
	}
	return World{Now: m.now, Service: "shop", Wish: Wish{Replicas: l.wish}, Inventory: inventory, Synced: l.synced,
		LastConfirmed: l.history.Count, Traffic: traffic, Draining: l.draining, Open: l.open, Backoff: l.backoff, Random: 0.5,
		StartTimeout: 10 * time.Second, DrainTimeout: 5 * time.Second, NextOrdinal: l.ordinal,
		Capabilities: headroom.Capabilities{NamesReplicas: !m.group, NamesVictims: true}, Revision: "r1"}
}

// tick runs the loop once. It returns early where crash says so, as if the process had been killed there.
func (l *loop) tick(t *rapid.T, m *machine, read *headroom.Inventory, chance func(percent int, what string) bool) {
	crash := func() bool {
		if chance(6, "kill -9") {
			l.synced = false
			return true
		}
		return false
	}
	var gone []string
	for _, op := range l.open {
		if op.Kind == headroom.OperationShrink {
			gone = append(gone, op.Replicas...)
		}
	}
	if read != nil {
		history, believed := Confirm(l.history, *read, gone)
		l.history = history
		if believed && read.Complete {
			l.synced = true
		}
		if !believed {
			read = nil
		}
	}

	w := l.world(m, read)
	var still []headroom.Operation
	for _, op := range l.open {
		op.State, op.Error = Resolve(op, w)
		if op.Open() {
			still = append(still, op)
		}
	}
	l.open = still
	w = l.world(m, read)
	step := Plan(w)
	l.check(t, m, w, step)
	if crash() {
		return
	}
	for _, cancel := range step.Cancel {
		l.open = slices.DeleteFunc(l.open, func(op headroom.Operation) bool { return op.ID == cancel.Operation })
		delete(l.draining, cancel.Replica)
	}
	l.open = append(slices.Clone(l.open), step.Operations...)
	l.backoff, l.ordinal = step.Backoff, step.NextOrdinal
	if read != nil && certain(w) {
		for name := range l.draining {
			if m.replicas[name] == nil {
				delete(l.draining, name)
			}
		}
	}
	if crash() {
		return
	}
	for i, op := range l.open {
		if op.State != headroom.OperationPlanned {
			continue
		}
		if chance(5, "order lost") {
			l.open[i].State, l.open[i].SentAt = headroom.OperationUnknown, m.now
			continue
		}
		m.carryOut(t, op)
		if crash() {
			return
		}
		l.open[i].State, l.open[i].SentAt = headroom.OperationSent, m.now
		if chance(5, "answer lost") {
			l.open[i].State = headroom.OperationUnknown
		}
		if op.Kind == headroom.OperationDrain {
			l.draining[op.Replicas[0]] = m.now
		}
	}
}

// expectsSome reports whether an empty reading would contradict what is believed.
func (l *loop) expectsSome() bool {
	return slices.ContainsFunc(l.history.Live, func(name string) bool {
		return !slices.ContainsFunc(l.open, func(op headroom.Operation) bool {
			return op.Kind == headroom.OperationShrink && slices.Contains(op.Replicas, name)
		})
	})
}

// check holds a step against what is really there.
func (l *loop) check(t *rapid.T, m *machine, w World, step Step) {
	serving, drains := 0, 0
	for name, r := range m.replicas {
		if _, draining := l.draining[name]; r.State == ready && !draining {
			serving++
		}
	}
	for _, op := range l.open {
		if op.Kind == headroom.OperationDrain && op.State == headroom.OperationPlanned && m.replicas[op.Replicas[0]] != nil && m.replicas[op.Replicas[0]].State == ready {
			serving--
		}
	}
	for _, op := range step.Operations {
		if op.Kind == headroom.OperationGrow && op.To < w.LastConfirmed {
			t.Fatalf("growing writes %d, less than the %d that were confirmed", op.To, w.LastConfirmed)
		}
		if len(op.Replicas) == 0 {
			continue
		}
		name := op.Replicas[0]
		if op.Kind != headroom.OperationGrow && !certain(w) {
			t.Fatalf("%s %s without a certain reading", op.Kind, name)
		}
		for _, other := range l.open {
			if other.Kind == op.Kind && slices.Contains(other.Replicas, name) {
				t.Fatalf("%s %s is open already", op.Kind, name)
			}
		}
		switch r := m.replicas[name]; {
		case op.Kind == headroom.OperationDrain:
			drains++
		case op.Kind == headroom.OperationShrink && r != nil && r.State == ready:
			since, draining := l.draining[name]
			if !draining || m.inFlight[name] > 0 && m.now.Sub(since) < w.DrainTimeout {
				t.Fatalf("%s is removed while it serves", name)
			}
		}
	}
	if drains > 0 && serving-drains < l.wish {
		t.Fatalf("%d of %d serving replicas are drained, %d are wished", drains, serving, l.wish)
	}
}

func TestPropertyASimulatedServiceConvergesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{now: noon, replicas: map[string]*headroom.Replica{}, done: map[string]bool{}, inFlight: map[string]int64{},
			group: rapid.Bool().Draw(t, "group")}
		l := &loop{wish: rapid.IntRange(1, 8).Draw(t, "wish"), draining: map[string]time.Time{}}
		chance := func(percent int, what string) bool { return rapid.IntRange(0, 99).Draw(t, what) < percent }
		calm := func(int, string) bool { return false }
		most, lies := l.wish, 0

		live := func() int {
			n := 0
			for name, r := range m.replicas {
				_, draining := l.draining[name]
				leaving := draining || slices.ContainsFunc(l.open, func(op headroom.Operation) bool {
					return op.Kind != headroom.OperationGrow && slices.Contains(op.Replicas, name)
				})
				if (r.State == ready || r.State == starting) && !leaving {
					n++
				}
			}
			return n
		}

		for range rapid.IntRange(10, 60).Draw(t, "ticks") {
			m.pass(l.draining, chance)
			if chance(10, "new wish") {
				l.wish = rapid.IntRange(1, 8).Draw(t, "wish")
				most = max(most, l.wish)
			}
			inventory := m.inventory()
			read := &inventory
			switch {
			case chance(5, "no reading"):
				read = nil
			case chance(5, "gaps"):
				inventory.Complete = false
				inventory.Replicas = slices.DeleteFunc(inventory.Replicas, func(headroom.Replica) bool { return chance(50, "gap") })
				if chance(50, "no count") {
					inventory.Count = nil
				}
			case lies < readsToBelieveAFall-1 && l.expectsSome() && chance(5, "lie"):
				inventory.Replicas, inventory.Count = nil, pointer(0)
				lies++
			default:
				lies = 0
			}
			l.tick(t, m, read, chance)
			// A group may have one too many for a while: a member that dies before its removal is replaced by the group.
			if n := live(); n > most && !m.group {
				t.Fatalf("%d replicas, though never more than %d were wished: %s", n, most, describe(m, l))
			}
		}

		// All is well from now on. The longest back-off is 6 minutes.
		for range 400 {
			m.pass(l.draining, calm)
			inventory := m.inventory()
			l.tick(t, m, &inventory, calm)
		}
		if live() != l.wish || len(m.replicas) != l.wish || len(l.open) != 0 || len(l.draining) != 0 {
			t.Fatalf("wished %d: %s", l.wish, describe(m, l))
		}
		before := m.created
		for range 20 {
			m.pass(l.draining, calm)
			inventory := m.inventory()
			l.tick(t, m, &inventory, calm)
		}
		if m.created != before || len(m.replicas) != l.wish {
			t.Fatalf("does not rest: %s", describe(m, l))
		}
	})
}

func describe(m *machine, l *loop) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(m.replicas)) {
		text += fmt.Sprintf("%s %s; ", name, m.replicas[name].State)
	}
	for _, op := range l.open {
		text += fmt.Sprintf("open %s %v %s; ", op.Kind, op.Replicas, op.State)
	}
	return text + fmt.Sprintf("draining %v, back-off %+v", slices.Sorted(maps.Keys(l.draining)), l.backoff)
}

func TestPropertyPlanIsPureAndNeverPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world(rapid.IntRange(-2, 12).Draw(t, "wish"))
		for n := range rapid.IntRange(0, 10).Draw(t, "replicas") {
			state := rapid.SampledFrom([]headroom.ReplicaState{starting, ready, stopping, exited, "odd", ""}).Draw(t, "state")
			r := replica(n, state)
			r.Name = rapid.SampledFrom([]string{r.Name, "", "shop-", "shop--1", "shop-99999999999999999999", "other-3"}).Draw(t, "name")
			w.Inventory.Replicas = append(w.Inventory.Replicas, r)
			if rapid.Bool().Draw(t, "draining") {
				w.Draining[r.Name] = noon
			}
		}
		w.Inventory.Count = rapid.SampledFrom([]*int{nil, pointer(0), pointer(-5), pointer(5), pointer(1000)}).Draw(t, "count")
		w.Capabilities.NamesReplicas = rapid.Bool().Draw(t, "names")
		w.MaxStarting = rapid.IntRange(-1, 3).Draw(t, "maxStarting")
		for range rapid.IntRange(0, 4).Draw(t, "open") {
			op := open(rapid.SampledFrom([]headroom.OperationKind{headroom.OperationGrow, headroom.OperationDrain, headroom.OperationShrink, "odd"}).Draw(t, "kind"),
				rapid.SampledFrom([]headroom.OperationState{headroom.OperationPlanned, headroom.OperationSent, headroom.OperationUnknown}).Draw(t, "opState"),
				fmt.Sprintf("shop-%d", rapid.IntRange(0, 12).Draw(t, "opReplica")))
			if op.Kind == headroom.OperationGrow && rapid.Bool().Draw(t, "byNumber") {
				op.Replicas, op.To = nil, rapid.IntRange(-1, 12).Draw(t, "to")
			}
			w.Open = append(w.Open, op)
			Resolve(op, w)
		}
		before := fmt.Sprintf("%+v %+v", w, *w.Inventory)
		first := fmt.Sprintf("%+v", Plan(w))
		if second := fmt.Sprintf("%+v", Plan(w)); first != second {
			t.Fatalf("planned differently:\n%s\n%s", first, second)
		}
		if after := fmt.Sprintf("%+v %+v", w, *w.Inventory); after != before {
			t.Fatal("the world was changed by planning")
		}
	})
}
