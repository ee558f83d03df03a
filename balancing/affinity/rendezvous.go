package affinity

import "math"

// Rendezvous gives each key one of several members, by highest random weight (Thaler and Ravishankar, 1998): a member that joins takes its share
// evenly from the others and nobody else moves, one that leaves gives its keys evenly to those that stay. It is immutable. Which member a key
// gets depends on nothing but the names and weights, so it is the same in every balancer and after every restart.
type Rendezvous struct {
	hashes  []uint64
	weights []float64 // nil where all are equal
}

// Member is one that gets keys.
type Member struct {
	Name   string
	Weight int // 1 or more
}

// NewRendezvous keeps nothing of the members but their hashes.
func NewRendezvous(members []Member) *Rendezvous {
	r := &Rendezvous{}
	equal := true
	for _, m := range members {
		r.hashes = append(r.hashes, Hash([]byte(m.Name)))
		r.weights = append(r.weights, float64(max(1, m.Weight)))
		equal = equal && m.Weight == members[0].Weight
	}
	if equal {
		r.weights = nil
	}
	return r
}

// Excluded says which members may not be picked.
type Excluded interface{ Has(member int) bool }

// Pick returns the member of a key, of those that are not excluded; -1 where there is none. It costs some 2 ns for each member, 10 where
// weights differ. Excluded may be nil.
func (r *Rendezvous) Pick(key uint64, excluded Excluded) int {
	best, most, bestScore := -1, uint64(0), math.Inf(-1)
	for i, hash := range r.hashes {
		if excluded != nil && excluded.Has(i) {
			continue
		}
		drawn := mix(hash ^ key)
		if r.weights == nil {
			if best < 0 || drawn > most {
				best, most = i, drawn
			}
			continue
		}
		// weight/-ln(u) for u even in (0,1) is the greatest with a chance in proportion to the weight.
		if score := r.weights[i] / -math.Log((float64(drawn>>11)+0.5)/(1<<53)); score > bestScore {
			best, bestScore = i, score
		}
	}
	return best
}

// Hash is FNV-1a with a final mix: the same in every process. Who knows it can choose values that lead to one backend, as who sends one value
// can; it is no secret.
func Hash(text []byte) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range text {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return mix(h)
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
