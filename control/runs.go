package control

import (
	"encoding/json"
	"slices"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling/record"
)

// gather takes a decision that changed nothing into the record that is written later, or begins a new one with it. The lock
// is held.
func (s *service) gather(decision *headroom.Decision) {
	state := s.memory.Scaler // as remembered of this decision
	if s.gathered.Continues(s.compiled, decision) {
		s.gathered.Add(decision, state)
		return
	}
	length := record.Longest
	if !s.phased {
		s.phased, length = true, s.phase()
	}
	s.gathered.Begin(s.compiled, *decision, state, length)
}

// written returns the write of the record that has been gathered, if there is one. Of one that cannot be written down only
// the log tells: waiting for it would keep the service from being decided on. The lock is held.
func (s *service) written() []headroom.Write {
	if s.gathered.Empty() {
		return nil
	}
	kept := s.gathered.Record()
	data, err := json.Marshal(kept)
	if err != nil {
		s.c.log.Error("cannot write down the decisions of a minute", "service", s.name, "error", err)
		return nil
	}
	// The time is that of the newest in it: one that is searched for is in the first that is not older, or soon after.
	return []headroom.Write{{Append: &headroom.Entry{At: kept.Newest(), Kind: headroom.EntryDecision, Service: s.name, ID: kept.ID, Data: data}}}
}

// Gathered returns the decisions that changed nothing and have not been written down yet: a record of one service, or of
// each where the name is empty, newest first.
func (c *Controller) Gathered(name string) []record.Record {
	var all []record.Record
	for _, s := range c.allServices() {
		if name != "" && name != s.name {
			continue
		}
		s.mu.Lock()
		if !s.gathered.Empty() {
			all = append(all, s.gathered.Record())
		}
		s.mu.Unlock()
	}
	slices.SortStableFunc(all, func(a, b record.Record) int { return b.Newest().Compare(a.Newest()) })
	return all
}

// writeGathered writes down what has been gathered at the end of this process, in one commit.
func (c *Controller) writeGathered() {
	var writes []headroom.Write
	for _, s := range c.allServices() {
		s.mu.Lock()
		writes = append(writes, s.written()...)
		s.gathered.End()
		s.mu.Unlock()
	}
	if err := c.commit(writes...); err != nil {
		c.log.Error("cannot write down the last decisions", "error", err)
	}
}
