package control

import (
	"fmt"
	"hash/fnv"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/signal"
	"headroom.dev/headroom/scaling/record"
)

// room is the memory of one decision. Most decisions are looked at by nobody, and the next but one is made in the same memory.
type room struct {
	signals         signal.Room
	ready, starting int
	names           []string
	decision        headroom.Decision
}

// spare is a room that the newest decision is not in. The lock is held.
func (s *service) spare() *room {
	for i, r := range s.rooms {
		switch {
		case r == nil:
			s.rooms[i] = &room{}
			return s.rooms[i]
		case s.decision != &r.decision:
			return r
		}
	}
	return &room{} // never: the newest decision is in one of two
}

// vacate gives the newest decision its memory for good: whoever asked for it keeps it. The lock is held.
func (s *service) vacate() {
	for i, r := range s.rooms {
		if r != nil && s.decision == &r.decision {
			s.rooms[i] = nil
		}
	}
}

// observe gathers all that a decision is made from. The lock is held.
func (s *service) observe(now time.Time) headroom.Observation { return s.observeIn(&room{}, now) }

func (s *service) observeIn(r *room, now time.Time) headroom.Observation {
	r.names = s.readyNames(r.names[:0])
	observation := headroom.Observation{
		Service: s.name, At: now, Replicas: s.replicaCounts(now, &r.ready, &r.starting),
		Signals: s.c.signals.ReadInto(&r.signals, s.name, now, &s.policy, r.names),
	}
	if s.memory.Manual != nil && s.memory.Manual.Until.After(now) {
		observation.Manual = s.memory.Manual
	}
	if now.Sub(s.heldAt) < waitsFor {
		observation.Waiting = s.held
	}
	return observation
}

// replicaCounts counts the replicas that are to stay, into ready and starting. The lock is held.
func (s *service) replicaCounts(now time.Time, ready, starting *int) headroom.ReplicaCounts {
	counts := headroom.ReplicaCounts{Synced: s.synced}
	if s.inventory == nil {
		return counts
	}
	*ready, *starting = 0, 0
	for i := range s.inventory.Replicas {
		replica := &s.inventory.Replicas[i]
		switch {
		case replica.State == headroom.ReplicaStarting:
			*starting++
		case s.stays(replica):
			*ready++
			if warm := replica.ReadyAt.Add(time.Duration(s.policy.WarmUp)); !replica.ReadyAt.IsZero() && now.Before(warm) {
				counts.Warming++
			}
		}
	}
	counts.Ready, counts.Starting = ready, starting
	return counts
}

// stays reports whether a replica gets traffic and is to stay: the balancer finds it healthy too. The lock is held.
func (s *service) stays(replica *headroom.Replica) bool {
	if replica.State != headroom.ReplicaReady {
		return false
	}
	_, draining := s.memory.Draining[replica.Name]
	_, sick := s.sick[replica.Name]
	return !draining && !sick
}

// readyNames appends the replicas that stay. The lock is held.
func (s *service) readyNames(names []string) []string {
	if s.inventory == nil {
		return names
	}
	for i := range s.inventory.Replicas {
		if replica := &s.inventory.Replicas[i]; s.stays(replica) {
			names = append(names, replica.Name)
		}
	}
	return names
}

// phase is how long the first record of a life is: 10,000 services that began together would otherwise all write in the
// same second of each minute.
func (s *service) phase() time.Duration {
	hash := fnv.New32a()
	hash.Write([]byte(s.name)) // never fails
	return time.Duration(hash.Sum32()) * time.Microsecond % record.Longest
}

// decide makes the next decision and records it, or gathers it for a record. Sentences are written only for one that is
// recorded: of the others nobody reads more than the newest, see newest. The lock is held.
func (s *service) decide(now time.Time) error {
	decision, state := s.compiled.DecideQuietly(s.nextID("d"), s.observe(now), s.memory.Scaler)
	news := s.news(&decision)
	changes := decision.To != decision.From
	if changes {
		decision = s.explained(decision)
	}
	var writes []headroom.Write
	var err error
	switch {
	case changes:
		writes, err = s.record(decision, now)
	case news:
		writes = s.written()
	}
	if err != nil {
		return err
	}
	before := s.memory
	s.remember(decision, state)
	if s.memory.Scaler.Changed(before.Scaler) || len(writes) > 0 {
		writes = append(writes, s.save())
	}
	if err := s.c.commit(writes...); err != nil {
		s.memory = before
		return err
	}
	s.adopt(&decision, changes)
	return nil
}

func (s *service) remember(decision headroom.Decision, state headroom.ScalerState) {
	s.memory.Scaler = state
	if decision.To != decision.From {
		s.memory.Decision, s.memory.Reason, s.memory.Pending = decision.ID, decision.Reason, true
	}
}

// explained is a decision with its sentences: it is made again of the same inputs. The lock is held.
func (s *service) explained(decision headroom.Decision) headroom.Decision {
	explained, _ := s.compiled.Decide(decision.ID, decision.Observation, decision.State)
	return explained
}

// newest is the newest decision, with its sentences; nil before the first. It may be kept. The lock is held.
func (s *service) newest() *headroom.Decision {
	s.vacate()
	if s.decision != nil && s.decision.Reason == "" {
		explained := s.explained(*s.decision)
		s.decision = &explained
	}
	return s.decision
}

// news reports whether something is to be written down before a decision is adopted: it changes something, or ends the
// record that is gathered.
func (s *service) news(decision *headroom.Decision) bool {
	return decision.To != decision.From || !s.gathered.Continues(s.compiled, decision)
}

// record returns the journal entries of a decision that is written down by itself, after those before it.
func (s *service) record(decision headroom.Decision, now time.Time) ([]headroom.Write, error) {
	write, err := s.c.entry(headroom.EntryDecision, s.name, decision.ID, decision)
	if err != nil {
		return nil, err
	}
	writes := append(s.written(), write)
	if decision.To == decision.From {
		return writes, nil
	}
	if s.pending != nil {
		outcome, err := s.outcome(*s.pending, false, now)
		if err != nil {
			return nil, err
		}
		writes = append(writes, outcome)
	}
	return append(writes, s.c.event(headroom.Event{
		Type: "decision", Level: headroom.LevelInfo, Service: s.name, Message: decision.Reason,
		Details: map[string]any{"decision": decision.ID, "from": decision.From, "to": decision.To, "code": decision.Code},
	})...), nil
}

// adopt makes a decision the newest one. Those that have not been recorded by themselves are gathered.
func (s *service) adopt(decision *headroom.Decision, recorded bool) {
	s.decision = decision
	if len(s.shadows) > 0 {
		s.compareShadows(*decision)
	}
	if decision.To != decision.From {
		s.changed, s.pending = decision, decision
	}
	if recorded {
		s.gathered.End()
		return
	}
	s.gather(decision)
}

// outcome returns the journal entry that ends a decision.
func (s *service) outcome(decision headroom.Decision, reached bool, now time.Time) (headroom.Write, error) {
	return s.c.entry(headroom.EntryOutcome, s.name, decision.ID, headroom.Outcome{
		Decision: decision.ID, Service: s.name, From: decision.From, To: decision.To, At: now, Reached: reached,
		Took: headroom.Duration(now.Sub(decision.At)), Before: decision.Observation.Signals, After: s.observe(now).Signals,
	})
}

// checkOutcome records the outcome of the pending decision once there are as many ready replicas as it decided.
func (s *service) checkOutcome(t *turn) []headroom.Write {
	if s.pending == nil || s.inventory == nil || !s.inventory.Complete {
		return nil
	}
	ready, others := 0, 0
	for _, replica := range s.inventory.Replicas {
		if replica.State == headroom.ReplicaReady {
			ready++
		} else {
			others++
		}
	}
	if ready != s.pending.To || others > 0 {
		return nil
	}
	outcome, err := s.outcome(*s.pending, true, t.now)
	if err != nil {
		s.c.log.Error("cannot record an outcome", "error", err)
		return nil
	}
	took := t.now.Sub(s.pending.At).Round(10 * time.Millisecond)
	t.memory.Pending = false
	return append(s.c.event(headroom.Event{
		Type: "scaled", Level: headroom.LevelInfo, Service: s.name,
		Message: fmt.Sprintf("%s has %d ready %s, %s after the decision.", s.name, ready, noun(ready), took),
		Details: map[string]any{"decision": s.pending.ID, "seconds": took.Seconds()},
	}), outcome)
}

func noun(replicas int) string {
	if replicas == 1 {
		return "replica"
	}
	return "replicas"
}
