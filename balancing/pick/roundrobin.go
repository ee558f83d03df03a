package pick

import "sync/atomic"

// roundRobin deals requests in turn, in proportion to the weights, from one atomic counter: the static stride scheduler of gRPC's
// weighted_round_robin. The counter runs through the candidates again and again; one run is a generation. A candidate of weight w, where W
// is the greatest weight, takes its turn in exactly w of any W generations in a row, evenly spread. E.g. weights 3 and 1:
// one of three generations is {a b}, two are {a}: a a a b.
//
// A candidate that is excluded is passed over by drawing the next number, so its share is spread over all others rather than falling to the
// one behind it.
type roundRobin struct {
	next atomic.Uint64
}

func (p *roundRobin) Pick(s *Snapshot, e *Excluded) int {
	n := uint64(len(s.candidates))
	if n == 0 || s.maxWeight == 0 {
		return None
	}
	// Where the heaviest is left, it comes up within 2n draws. Otherwise the light ones' turns may be rare, and one is drawn by lot.
	for range 2 * n {
		turn := p.next.Add(1) - 1
		i := int(turn % n)
		if takes(uint64(s.candidates[i].Weight), s.maxWeight, turn/n, uint64(i)) && !e.Has(i) {
			return i
		}
	}
	return p.lot(s, e)
}

// takes reports whether weight w has its turn in this generation: when w·g, shifted for each candidate so that many light ones do not
// come all at once, is within w of the next multiple of maxWeight. Weights are at most 1000, so nothing overflows.
func takes(w, maxWeight, generation, index uint64) bool {
	shift := index * (maxWeight / 2)
	return (w*(generation%maxWeight)+shift)%maxWeight >= maxWeight-w
}

// lot draws among the candidates that are left with chances in proportion to their weights.
func (p *roundRobin) lot(s *Snapshot, e *Excluded) int {
	total := uint64(0)
	for i := range s.candidates {
		if !e.Has(i) {
			total += uint64(s.candidates[i].Weight)
		}
	}
	if total == 0 {
		return None
	}
	draw := mix(p.next.Add(1)) % total
	for i := range s.candidates {
		if e.Has(i) {
			continue
		}
		w := uint64(s.candidates[i].Weight)
		if draw < w {
			return i
		}
		draw -= w
	}
	return None
}

// mix spreads a counter evenly over 64 bits: the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
