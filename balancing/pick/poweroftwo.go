package pick

// powerOfTwo draws two different candidates, with chances in proportion to their weights, and takes the one with fewer requests in flight per
// weight; of equals the first, so that at rest each gets its share. The greatest queue of n is log log n / log 2 (Azar and others 1999), whatever
// n is, and many balancers that know only their own requests do not all run to the same backend.
type powerOfTwo struct{}

func (powerOfTwo) pick(p *pool, r *Request) int {
	a := p.draw(r, None)
	if a == None {
		return None
	}
	b := p.draw(r, a)
	if b == None {
		return a
	}
	first, second := &p.members[a], &p.members[b]
	if second.pending()*first.shared() < first.pending()*second.shared() {
		return b
	}
	return a
}
