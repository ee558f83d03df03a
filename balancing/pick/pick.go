// Package pick chooses the backend of a request. Algorithms work over an immutable [Snapshot] of candidates, so a change of
// backends is a new snapshot and never a lock; they allocate nothing, are safe for concurrent use, and read neither clock nor chance
// but what the [Request] brings.
package pick

import (
	"strings"

	"headroom.dev/headroom"
)

// None is what Pick returns where no candidate is left.
const None = -1

// Request is what a picker is told of one attempt of a request. Its owner keeps one and fills it anew.
type Request struct {
	// Excluded are the candidates that were tried already, or that may not be had. It must have been Reset for the snapshot.
	Excluded Excluded
	// Now is in nanoseconds since any instant, the one that Load.Observe is told as well.
	Now int64
	// Random seeds what is drawn by lot.
	Random uint64
	// Hash is that of the key, by Hash, where Keyed says that the request has one.
	Hash  uint64
	Keyed bool
	// Regions are the numbers of regions (Candidate.Region) from the nearest to the client to the farthest. Those that are not named come
	// last. Empty where it is not known where the client is, or does not matter.
	Regions []uint8
}

// draw is the next random number.
func (r *Request) draw() uint64 {
	r.Random += golden
	return finish(r.Random)
}

// Picker chooses among the candidates of a snapshot that are not excluded. It returns an index into what the snapshot was made of, or None.
type Picker struct {
	algorithm algorithm
}

// algorithm chooses among the members of one pool. It returns an index into the pool, or None where all are excluded.
type algorithm interface {
	pick(p *pool, r *Request) int
}

// New makes the picker of an algorithm; of Geographic make that of the algorithm within a region. The seed is where it begins: give each
// balancer another one, or all of them would send their first requests to the same backend.
func New(name headroom.Algorithm, seed uint64) (*Picker, error) {
	switch name {
	case headroom.RoundRobin:
		p := &roundRobin{}
		p.next.Store(seed % (1 << 32))
		return &Picker{p}, nil
	case headroom.LeastConnections:
		return &Picker{leastConnections{}}, nil
	case headroom.PowerOfTwo:
		return &Picker{powerOfTwo{}}, nil
	case headroom.IPHash, headroom.HeaderHash, headroom.CookieHash, headroom.QueryHash:
		return &Picker{hashed{}}, nil
	case headroom.LeastResponseTime:
		return &Picker{leastResponseTime{}}, nil
	case headroom.Adaptive:
		return &Picker{adaptive{}}, nil
	}
	return nil, &headroom.InvalidError{Field: "loadBalancing.algorithm", Value: string(name),
		Expected: "expected one of " + strings.Join(names(), ", ")}
}

func names() []string {
	var names []string
	for _, name := range headroom.Algorithms() {
		names = append(names, string(name))
	}
	return names
}

// Pick chooses by the algorithm, from the best group that can take the request. Hot path.
func (p *Picker) Pick(s *Snapshot, r *Request) int {
	if len(s.groups) == 1 {
		return p.from(&s.groups[0].pool, r)
	}
	return p.pickGrouped(s, r)
}

func (p *Picker) from(pool *pool, r *Request) int {
	i := p.algorithm.pick(pool, r)
	if i == None {
		return None
	}
	return int(pool.members[i].index)
}
