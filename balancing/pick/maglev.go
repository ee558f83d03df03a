package pick

// table leads hashes to members: Maglev hashing (Eisenbud and others, NSDI 2016). Each member has a permutation of the slots of its own, by its
// ID, and they take turns in taking the next free slot of theirs, in proportion to their weights. Shares are within 1 % where there are
// 100 slots for each, and one member more or less moves little more than its own share of the keys.
type table struct {
	slots []uint32
}

// Prime numbers of slots: 65,537 as in the paper and in Envoy, and 2^20−3 where that would be less than six slots for each.
const (
	slotsNormally = 65_537
	slotsForMany  = 1_048_573
	many          = 10_922
)

// permutation is where in its own order of the slots a member stands.
type permutation struct {
	at, skip uint32
}

func makeTable(members []member, ids []string, maxWeight uint64) *table {
	size := uint32(slotsNormally)
	if len(members) > many {
		size = slotsForMany
	}
	const free = ^uint32(0)
	t := &table{slots: make([]uint32, size)}
	for i := range t.slots {
		t.slots[i] = free
	}
	orders := make([]permutation, len(members))
	for i := range members {
		h := Hash([]byte(ids[i]))
		orders[i] = permutation{at: uint32(h % uint64(size)), skip: uint32(finish(h+golden)%uint64(size-1)) + 1}
	}
	for taken, round := uint32(0), uint64(0); ; round++ {
		for i := range orders {
			if w := uint64(members[i].weight); w < maxWeight && !takes(w, maxWeight, round, uint64(i)) {
				continue
			}
			o := &orders[i]
			for t.slots[o.at] != free {
				o.next(size)
			}
			t.slots[o.at] = uint32(i)
			o.next(size)
			if taken++; taken == size {
				return t
			}
		}
	}
}

func (o *permutation) next(size uint32) {
	o.at += o.skip
	if o.at >= size {
		o.at -= size
	}
}

// find is the member of a hash.
func (t *table) find(hash uint64) int {
	return int(t.slots[hash%uint64(len(t.slots))])
}
