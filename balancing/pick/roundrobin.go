package pick

import "sync/atomic"

// roundRobin deals requests in turn, in proportion to the weights, from one atomic counter: the static stride scheduler of gRPC's
// weighted_round_robin. The counter runs through the candidates again and again; one run is a generation. A candidate of weight w, where W
// is the greatest weight, takes its turn in exactly w of any W generations in a row, evenly spread. E.g. weights 3 and 1:
// one of three generations is {a b}, two are {a}: a a a b. Of weights 5, 1, 1 it makes a a a b a a c: as smooth as nginx (a a b a c a a), without
// its lock.
//
// A candidate that is excluded, or that is not warm yet, is passed over by drawing the next number, so its share is spread over all others
// rather than falling to the one behind it.
type roundRobin struct {
	next atomic.Uint64
}

// mostTurns bounds the turns that one pick may look at, each 4 ns: among 10,000 candidates of which one is much heavier than the others, turns
// are rare. Then one is drawn by lot, with the same chances.
const mostTurns = 128

func (p *roundRobin) pick(pool *pool, r *Request) int {
	n := uint64(len(pool.members))
	if n == 0 {
		return None
	}
	for range min(2*n, mostTurns) {
		turn := p.next.Add(1) - 1
		i := int(turn % n)
		m := &pool.members[i]
		if takes(uint64(m.weight), pool.maxWeight, turn/n, uint64(i)) && !r.Excluded.Has(int(m.index)) && !m.load.cold(r) {
			return i
		}
	}
	return pool.draw(r, None)
}

// takes reports whether weight w has its turn in this generation: when w·g, shifted for each candidate so that many light ones do not
// come all at once, is within w of the next multiple of maxWeight. Weights are at most 1000, so nothing overflows.
func takes(w, maxWeight, generation, index uint64) bool {
	shift := index * (maxWeight / 2)
	return (w*(generation%maxWeight)+shift)%maxWeight >= maxWeight-w
}
