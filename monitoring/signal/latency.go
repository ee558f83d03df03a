package signal

import "headroom.dev/headroom"

// mergedLatency is the sum of the latencies of several seconds in a row. From one reading to the next mostly one second comes and one goes:
// to add up 15 of them each time would read 6 KB.
type mergedLatency struct {
	sum      headroom.Histogram
	from, to int // of the seconds in it, counted since the history began
}

// latencySince is the sum of all seconds from begin on. It is changed by the next call.
func (h *trafficHistory) latencySince(begin int) headroom.Histogram {
	seconds := h.recent.live()
	oldest := h.pushed - len(seconds) // the number of seconds[0]
	from, m := oldest+begin, &h.merged
	if m.from < oldest || m.from > from || m.to < from {
		clear(m.sum.Counts)
		m.sum.Count, m.sum.Sum, m.from, m.to = 0, 0, from, from
	}
	for ; m.to < h.pushed; m.to++ {
		m.sum.Merge(seconds[m.to-oldest].latency)
	}
	for ; m.from < from; m.from++ {
		gone := &seconds[m.from-oldest].latency
		m.sum.Count, m.sum.Sum = m.sum.Count-gone.Count, m.sum.Sum-gone.Sum
		for i, n := range gone.Counts {
			m.sum.Counts[i] -= n
		}
	}
	return m.sum
}
