package pick

// Excluded is a set of candidates that a request must not get, by index: those it was tried on already.
// A request's owner keeps one and reuses it.
type Excluded struct {
	bits  []uint64
	count int
}

// Reset empties the set, for a snapshot of n candidates.
func (e *Excluded) Reset(n int) {
	words := (n + 63) / 64
	if cap(e.bits) < words {
		e.bits = make([]uint64, words)
	}
	if e.count > 0 || len(e.bits) != words {
		e.bits = e.bits[:words]
		clear(e.bits)
	}
	e.count = 0
}

// Add puts candidate i into the set.
func (e *Excluded) Add(i int) {
	if e.Has(i) {
		return
	}
	e.bits[i/64] |= 1 << (i % 64)
	e.count++
}

// Has reports whether candidate i is in the set.
func (e *Excluded) Has(i int) bool { return e.count > 0 && e.bits[i/64]&(1<<(i%64)) != 0 }
