package pick

import (
	"math"
	"sync/atomic"
)

// hashed sends all requests with the same key to the same backend, on every balancer, unless that has more than its bound of the load (consistent
// hashing with bounded loads: Mirrokni, Thorup, Zadimoghaddam 2018), is not warm yet, or may not be had: then each key goes to a second
// place of its own, and a third. Requests without a key go by powerOfTwo.
type hashed struct{}

// places is how many places a key has before any backend must do.
const places = 16

func (hashed) pick(p *pool, r *Request) int {
	if !r.Keyed || p.table == nil { // of an empty pool there is none either
		return powerOfTwo{}.pick(p, r)
	}
	most := p.bound.perWeight(p.total)
	best := least{at: None}
	hash := r.Hash
	for range places {
		i := p.table.find(hash)
		m := &p.members[i]
		if !r.Excluded.Has(int(m.index)) {
			if within(m, most) && !coldFor(m, hash) {
				return i
			}
			best.offer(i, m, r)
		}
		hash = finish(hash + golden)
	}
	if best.at != None {
		return best.at
	}
	return p.search(r, None)
}

// coldFor passes by backends that are not warm for the same keys each time, and for fewer of them as they warm up.
func coldFor(m *member, hash uint64) bool {
	warmth := m.load.warmth()
	return warmth < fullWarmth && uint32(finish(hash)%fullWarmth) >= warmth
}

// bound says how much of the load one backend may have.
type bound struct {
	factor   float64
	inFlight *atomic.Int64
}

// perWeight is the most requests that one backend may have, for each of its weight in a pool of a total one: factor times the mean, with the request
// that is picked for. 0 is no bound.
func (b bound) perWeight(total uint64) float64 {
	if b.factor <= 0 || b.inFlight == nil {
		return 0
	}
	return b.factor * float64(max(0, b.inFlight.Load())+1) / float64(total)
}

// within reports whether a member may have one request more.
func within(m *member, perWeight float64) bool {
	return perWeight == 0 || float64(m.pending()+1) <= math.Ceil(perWeight*float64(m.weight))
}
