package pick

import "sync/atomic"

// leastConnections takes the candidate with the fewest requests in flight per weight. Ties, which are the rule at low load, are broken by
// lot with chances in proportion to the weights: taking the first would send all requests of a calm service to one backend, and
// taking the next in turn gives a candidate behind busy ones their share.
type leastConnections struct {
	draws atomic.Uint64
}

func (p *leastConnections) Pick(s *Snapshot, e *Excluded) int {
	best := None
	var bestLoad, bestWeight, tied uint64
	random := uint64(0)
	for i := range s.candidates {
		w := uint64(s.candidates[i].Weight)
		if w == 0 || e.Has(i) {
			continue
		}
		load := uint64(max(0, s.candidates[i].InFlight.Load()))
		// load/w against bestLoad/bestWeight, multiplied out.
		mine, others := load*bestWeight, bestLoad*w
		switch {
		case best == None || mine < others:
			best, bestLoad, bestWeight, tied = i, load, w, w
		case mine == others:
			// Reservoir sampling: the newcomer replaces the chosen with chance w/(all tied so far).
			if random == 0 {
				random = p.draws.Add(1) * 64
			}
			random++
			tied += w
			if mix(random)%tied < w {
				best, bestLoad, bestWeight = i, load, w
			}
		}
	}
	return best
}
