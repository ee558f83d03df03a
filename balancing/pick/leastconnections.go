package pick

import "math/bits"

// leastConnections takes the candidate with the fewest requests in flight per weight. Ties, which are the rule at low load, are broken by
// lot with chances in proportion to the weights: taking the first would send all requests of a calm service to one backend, and
// taking the next in turn gives a candidate behind busy ones their share.
type leastConnections struct{}

const (
	// scanned is the most candidates of which all are looked at, each 2 ns where it is in the cache.
	scanned = 128
	// sampled is how many are drawn where there are more. Of 10,000 to look at all takes 100 µs; the least of eight is among the lower 9 % of all
	// on average, and the greatest queue grows as log log n / log 8 (Mitzenmacher 2001), which for 10,000 is within one of the least.
	sampled = 8
)

func (leastConnections) pick(p *pool, r *Request) int {
	if len(p.members) > scanned {
		return leastSampled(p, r)
	}
	var best least
	best.at = None
	for i := range p.members {
		if !r.Excluded.Has(int(p.members[i].index)) {
			best.offer(i, &p.members[i], r)
		}
	}
	return best.at
}

// leastSampled takes the first of those drawn that no other has less than: they were drawn by weight, so ties are as they should be.
func leastSampled(p *pool, r *Request) int {
	best := p.draw(r, None)
	if best == None {
		return None
	}
	load, weight := p.members[best].pending(), p.members[best].shared()
	for range sampled - 1 {
		i := p.draw(r, best)
		if i == None {
			break
		}
		m := &p.members[i]
		if l, w := m.pending(), m.shared(); l*weight < load*w {
			best, load, weight = i, l, w
		}
	}
	return best
}

// least is the least loaded of those that were offered.
type least struct {
	at                 int
	load, weight, tied uint64
}

func (b *least) offer(i int, m *member, r *Request) {
	load, w := m.pending(), m.shared()
	// load/w against b.load/b.weight, multiplied out.
	mine, others := load*b.weight, b.load*w
	switch {
	case b.at == None || mine < others:
		*b = least{i, load, w, w}
	case mine == others:
		// Reservoir sampling: the newcomer replaces the chosen with chance w/(all tied so far).
		b.tied += w
		if draw, _ := bits.Mul64(r.draw(), b.tied); draw < w {
			b.at, b.load, b.weight = i, load, w
		}
	}
}
