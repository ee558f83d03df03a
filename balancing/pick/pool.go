package pick

import "sync/atomic"

// member is what algorithms need of a candidate, small so that many fit into a cache line.
type member struct {
	inFlight *atomic.Int64
	load     *Load
	weight   uint32 // 1 to 1000
	index    uint32 // in the snapshot's list
}

// shared is the weight as far as the backend is warm, in thousandths: 1 to 1,000,000.
func (m *member) shared() uint64 { return uint64(m.weight) * uint64(m.load.warmth()) }

// pending is how many requests the backend has.
func (m *member) pending() uint64 { return uint64(max(0, m.inFlight.Load())) }

// pool is the candidates that one pick chooses from, all of which may get requests.
type pool struct {
	members   []member
	maxWeight uint64
	total     uint64 // of weights
	alias     []slot // nil where all weights are the same
	table     *table // nil unless requests have keys
	bound     bound
}

func makePool(members []member, ids []string, settings Settings) pool {
	p := pool{members: members}
	equal := true
	for i := range members {
		w := uint64(members[i].weight)
		p.total += w
		p.maxWeight = max(p.maxWeight, w)
		equal = equal && members[i].weight == members[0].weight
	}
	if !equal {
		p.alias = makeAlias(members, p.total)
	}
	if settings.Keyed && len(members) > 0 {
		p.table = makeTable(members, ids, p.maxWeight)
		p.bound = bound{factor: settings.LoadFactor, inFlight: settings.InFlight}
	}
	return p
}

// redraws is how many draws may hit what is not to be had before all are looked at in turn.
const redraws = 8

// draw takes one member by lot, with chances in proportion to weight and warmth, that is neither excluded nor is other.
func (p *pool) draw(r *Request, other int) int {
	n := len(p.members)
	if n == 0 {
		return None
	}
	for range redraws {
		random := r.draw()
		i := below(random, n)
		if p.alias != nil && uint32(random) >= p.alias[i].keep {
			i = int(p.alias[i].other)
		}
		if i == other || r.Excluded.Has(int(p.members[i].index)) || p.members[i].load.cold(r) {
			continue
		}
		return i
	}
	return p.search(r, other)
}

// search takes the first member that may be had, beginning anywhere.
func (p *pool) search(r *Request, other int) int {
	n := len(p.members)
	begin := below(r.draw(), n)
	for k := range n {
		i := begin + k
		if i >= n {
			i -= n
		}
		if i != other && !r.Excluded.Has(int(p.members[i].index)) {
			return i
		}
	}
	return None
}
