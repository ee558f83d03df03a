package pick

// leastResponseTime draws two candidates and takes the one that promises the shorter response: the peak of its times to first byte, which falls
// with time, for each request that it has and the new one (peak EWMA, as Finagle and Linkerd balance). One of which nothing is known gets
// one request at a time until it has answered.
type leastResponseTime struct{}

func (leastResponseTime) pick(p *pool, r *Request) int {
	a := p.draw(r, None)
	if a == None {
		return None
	}
	b := p.draw(r, a)
	if b == None {
		return a
	}
	if promised(p, b, r.Now) < promised(p, a, r.Now) {
		return b
	}
	return a
}

// unknownTime is what a candidate that has not answered yet is taken to need where it has a request already, in seconds: more than any other, so
// that one that never answers gets no second.
const unknownTime = 1e6

// promised is the response time that a candidate promises, in seconds. Weight and warmth count for the requests that it has and not for the new
// one, whose draw they have decided.
func promised(p *pool, i int, now int64) float64 {
	m := &p.members[i]
	pending := m.pending()
	seconds := m.load.peak.now(now)
	if seconds == 0 && pending > 0 {
		seconds = unknownTime
	}
	return seconds * (1 + m.perWeight(p, pending))
}

// perWeight is a number of requests as it counts for the member's weight and warmth, where one of the greatest weight counts it as it is.
func (m *member) perWeight(p *pool, requests uint64) float64 {
	return float64(requests*p.maxWeight*fullWarmth) / float64(m.shared())
}
