package pick

// slot is one of as many equal parts of chance as there are members: it belongs to its own member below keep, of 2^32, and to another above.
type slot struct {
	keep, other uint32
}

// makeAlias builds the table of Walker's alias method in Vose's way (1991), from which one draw takes a member in proportion to its weight.
func makeAlias(members []member, total uint64) []slot {
	n := uint64(len(members))
	slots := make([]slot, n)
	rest := make([]uint64, n) // of weights, in units of 1/n of the mean
	var small, large []uint32
	for i := range members {
		rest[i] = uint64(members[i].weight) * n
		if rest[i] < total {
			small = append(small, uint32(i))
		} else {
			large = append(large, uint32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		slots[s] = slot{keep: uint32(float64(rest[s]) / float64(total) * (1 << 32)), other: l}
		rest[l] -= total - rest[s]
		if rest[l] < total {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) {
		slots[i] = slot{keep: 1<<32 - 1, other: i}
	}
	return slots
}
