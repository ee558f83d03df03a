// Package pick chooses the backend of a request. Pickers work over an immutable [Snapshot] of candidates, so a change of
// backends is a new snapshot and never a lock; they allocate nothing and are safe for concurrent use.
package pick

import (
	"fmt"
	"sync/atomic"

	"headroom.dev/headroom"
)

// None is what Pick returns where no candidate is left.
const None = -1

// Candidate is one backend that may get requests.
type Candidate struct {
	// Weight is the share relative to the other candidates, 0 to 1000; 0 gets none.
	Weight int
	// InFlight counts the requests that the backend is serving, with those that still wait for a connection. It is shared by
	// all snapshots that contain the backend.
	InFlight *atomic.Int64
}

// Snapshot is a list of candidates that never changes.
type Snapshot struct {
	candidates []Candidate
	maxWeight  uint64
}

// NewSnapshot keeps candidates; the caller must not change them afterwards. Negative weights count as 0.
func NewSnapshot(candidates []Candidate) *Snapshot {
	s := &Snapshot{candidates: candidates}
	for i := range candidates {
		candidates[i].Weight = max(0, candidates[i].Weight)
		s.maxWeight = max(s.maxWeight, uint64(candidates[i].Weight))
	}
	return s
}

// Excluded is a set of candidates that a request must not get, by index: those it was tried on already.
// A request's owner keeps one and reuses it.
type Excluded struct {
	bits  []uint64
	count int
}

// Reset empties the set, for a snapshot of n candidates.
func (e *Excluded) Reset(n int) {
	words := (n + 63) / 64
	if cap(e.bits) < words {
		e.bits = make([]uint64, words)
	}
	e.bits = e.bits[:words]
	clear(e.bits)
	e.count = 0
}

// Add puts candidate i into the set.
func (e *Excluded) Add(i int) {
	if e.Has(i) {
		return
	}
	e.bits[i/64] |= 1 << (i % 64)
	e.count++
}

// Has reports whether candidate i is in the set.
func (e *Excluded) Has(i int) bool { return e.count > 0 && e.bits[i/64]&(1<<(i%64)) != 0 }

// Picker chooses among the candidates that are not excluded. It returns an index into the snapshot, or None.
// Excluded must have been Reset for the snapshot.
type Picker interface {
	Pick(s *Snapshot, e *Excluded) int
}

// New makes the picker of an algorithm. The seed is where it begins: give each balancer another one, or all of them would send their
// first requests to the same backend.
func New(algorithm headroom.Algorithm, seed uint64) (Picker, error) {
	switch algorithm {
	case headroom.RoundRobin:
		p := &roundRobin{}
		p.next.Store(seed % (1 << 32))
		return p, nil
	case headroom.LeastConnections:
		p := &leastConnections{}
		p.draws.Store(seed)
		return p, nil
	}
	return nil, &headroom.InvalidError{Field: "loadBalancing.algorithm", Value: string(algorithm),
		Expected: fmt.Sprintf("expected %s or %s", headroom.RoundRobin, headroom.LeastConnections)}
}
