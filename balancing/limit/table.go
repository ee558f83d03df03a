package limit

import (
	"math"
	"sync"
	"sync/atomic"
)

const (
	// ways is how many places a key may be in: two cache lines of 64 bytes.
	ways = 8
	// locks is how many keys may be put in at once.
	locks = 64
)

// Table holds the TATs of a bounded number of keys, 16 bytes each. A key that is there costs two loads and one compare-and-swap. A new one takes
// the place of the one, of those where it may be, that has the most of its allowance, and takes over what that has used (Space-Saving:
// Metwally, Agrawal and El Abbadi, 2005). So one whose allowance was full leaves nothing behind, and where more keys are in use than there
// is room for, such as under a flood of random keys, a key can only be counted as having used too much: memory does not grow, and nobody
// passes unlimited.
type Table struct {
	sets    []set
	inserts [locks]sync.Mutex // of the sets whose index ends so
	crowded atomic.Uint64
}

type set [ways]slot

// slot is one key and its TAT. The TAT of a slot only grows, also when another key takes it: a compare-and-swap that succeeds is of the key that
// was there after the TAT was loaded.
type slot struct {
	tat atomic.Int64
	key atomic.Uint64 // 0 is none
}

// NewTable makes a table for at least this many keys.
func NewTable(keys int) *Table {
	sets := 1
	for sets*ways < keys {
		sets *= 2
	}
	t := &Table{sets: make([]set, sets)}
	for i := range t.sets {
		for j := range t.sets[i] {
			t.sets[i][j].tat.Store(math.MinInt64 / 2)
		}
	}
	return t
}

// Take counts a request of a key, given by a hash that no client can foresee, if the rate allows it. Cost is 0 to MaxCost. It is safe for
// concurrent use and allocates nothing.
func (t *Table) Take(rate Rate, key uint64, now, cost int64) Verdict {
	key = max(key, 1)
	set := &t.sets[key%uint64(len(t.sets))]
	for {
		s, tat := set.find(key)
		if s == nil {
			if v, done := t.insert(set, rate, key, now, cost); done {
				return v
			}
			continue // another put it there meanwhile
		}
		next, allowed := rate.take(tat, now, cost)
		if !allowed {
			return rate.verdict(tat, now, cost, false)
		}
		if cost == 0 || s.tat.CompareAndSwap(tat, next) {
			return rate.verdict(next, now, cost, true)
		}
	}
}

// Look says how Take would end, and counts nothing.
func (t *Table) Look(rate Rate, key uint64, now, cost int64) Verdict {
	key = max(key, 1)
	set := &t.sets[key%uint64(len(t.sets))]
	s, tat := set.find(key)
	if s == nil {
		_, tat = set.freest()
	}
	next, allowed := rate.take(tat, now, cost)
	if !allowed {
		next = tat
	}
	return rate.verdict(next, now, cost, allowed)
}

// find returns the slot of a key and a TAT that it had while it was the key's.
func (set *set) find(key uint64) (*slot, int64) {
	for i := range set {
		s := &set[i]
		tat := s.tat.Load()
		if s.key.Load() == key {
			return s, tat
		}
	}
	return nil, 0
}

// freest is the slot whose key has the most of its allowance.
func (set *set) freest() (*slot, int64) {
	best, least := &set[0], set[0].tat.Load()
	for i := range set[1:] {
		if tat := set[i+1].tat.Load(); tat < least {
			best, least = &set[i+1], tat
		}
	}
	return best, least
}

// insert counts the first request of a key that is not in the table. It is not done where the key is there by now.
func (t *Table) insert(set *set, rate Rate, key uint64, now, cost int64) (v Verdict, done bool) {
	mu := &t.inserts[key%uint64(len(t.sets))%locks]
	mu.Lock()
	defer mu.Unlock()
	if s, _ := set.find(key); s != nil {
		return v, false
	}
	for {
		s, tat := set.freest()
		next, allowed := rate.take(tat, now, cost)
		if !allowed {
			t.crowded.Add(1)
			return rate.verdict(tat, now, cost, false), true // a key that is refused takes nobody's place
		}
		if cost == 0 {
			return rate.verdict(tat, now, cost, true), true
		}
		// The key goes first: whoever found it there before has loaded an older TAT, and fails to swap that.
		before := s.key.Swap(0)
		if !s.tat.CompareAndSwap(tat, next) {
			s.key.Store(before) // it was just used
			continue
		}
		if tat > now {
			t.crowded.Add(1)
		}
		s.key.Store(key)
		return rate.verdict(next, now, cost, true), true
	}
}

// Crowded is how many requests since the start met a table in which all places for their key were in use: they were counted together with
// others. It grows under a flood of keys, or where the table is too small.
func (t *Table) Crowded() uint64 { return t.crowded.Load() }
