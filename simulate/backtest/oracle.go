package backtest

// needs is the least number of replicas for each second that keeps the objective and has capacity for all that arrives.
func (w World) needs(each func(second, replicas int)) {
	p := promiseOf(w.Objective)
	n := 1
	for i, arrivals := range w.Load.Arrivals {
		if arrivals == 0 {
			each(i, 0)
			continue
		}
		// Neighbors are alike, so the search begins where the last one ended.
		n = max(n, replicasFor(arrivals, w.Model.Capacity))
		for n < mostSearched && !p.holds(w.Model, arrivals, n) {
			n++
		}
		for n > 1 && p.holds(w.Model, arrivals, n-1) {
			n--
		}
		each(i, n)
	}
}

// mostSearched bounds the search where an objective cannot be kept by any number: the configuration allows 1,000.
const mostSearched = 1000

// peak is what the worst second needs.
func (w World) peak() int {
	most := 1
	w.needs(func(_, replicas int) { most = max(most, replicas) })
	return most
}

// fixed never changes.
type fixed int

func (f fixed) Begin(int) int    { return int(f) }
func (f fixed) Next(*Second) int { return int(f) }

// oracle knows the future: each replica is ready right when it is needed, and gone when no longer. No autoscaler keeps the objective for less, except by
// luck; how far the others are from it is what there is to gain.
type oracle struct{ wanted []int32 }

func newOracle(w World) *oracle {
	need := make([]int32, len(w.Load.Arrivals))
	w.needs(func(second, replicas int) { need[second] = int32(replicas) })
	// The most of each second and of those until a replica that is ordered in it is ready. Stopping one that is needed again before would save nothing.
	return &oracle{wanted: mostAhead(need, w.Model.lead())}
}

// mostAhead is the largest value of each position and of so many after it, in linear time: the positions that may yet be the largest are kept in falling order of
// value.
func mostAhead(values []int32, ahead int) []int32 {
	most := make([]int32, len(values))
	candidates := make([]int, 0, ahead+1)
	head := 0
	for i, next := 0, 0; i < len(values); i++ {
		for ; next < len(values) && next <= i+ahead; next++ {
			for len(candidates) > head && values[candidates[len(candidates)-1]] <= values[next] {
				candidates = candidates[:len(candidates)-1]
			}
			candidates = append(candidates, next)
		}
		for candidates[head] < i {
			head++
		}
		most[i] = values[candidates[head]]
	}
	return most
}

func (o *oracle) Begin(int) int { return o.at(0) }

func (o *oracle) Next(now *Second) int { return o.at(now.Index) }

func (o *oracle) at(second int) int { return int(o.wanted[min(second, len(o.wanted)-1)]) }
