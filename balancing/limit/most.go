package limit

import (
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// mostKept is how many keys a Most watches: with ten shown, enough for the eleventh to become one of them.
	mostKept = 32
	// mostSpan is the time over which refusals are forgotten (to 1/e): what is shown is about those of the last minute.
	mostSpan = time.Minute
	// longestLabel is how much of a key is kept, bytes: an IPv6 network and the path of a route fit.
	longestLabel = 96
)

// Most finds the keys that are refused most (Space-Saving again). It never makes a request wait: where two refusals meet, one is not counted.
type Most struct {
	mu      sync.Mutex // guards what follows
	entries [mostKept]refusals
	used    int
	decayed int64
}

type refusals struct {
	key    uint64
	count  float64
	label  [longestLabel]byte
	length int
}

// Limited is a key and how many of its requests were refused in about the last minute.
type Limited struct {
	Key   string
	Count float64
}

// Note counts a refusal. The label is what people know the key by.
func (m *Most) Note(key uint64, label []byte) {
	if !m.mu.TryLock() {
		return
	}
	defer m.mu.Unlock()
	least := 0
	for i := range m.entries[:m.used] {
		e := &m.entries[i]
		if e.key == key {
			e.count++
			return
		}
		if e.count < m.entries[least].count {
			least = i
		}
	}
	if m.used < mostKept {
		least = m.used
		m.used++
	}
	e := &m.entries[least]
	e.key, e.count = key, e.count+1
	e.length = copy(e.label[:], label)
}

// Take returns the n keys that are refused most, the first in front, and lets the past fade.
func (m *Most) Take(now int64, n int) []Limited {
	m.mu.Lock()
	defer m.mu.Unlock()
	fade := math.Exp(-float64(now-m.decayed) / float64(mostSpan))
	m.decayed = now
	var list []Limited
	kept := m.entries[:0]
	for _, e := range m.entries[:m.used] {
		e.count *= fade
		if e.count < 0.5 {
			continue
		}
		kept = append(kept, e)
		list = append(list, Limited{string(e.label[:e.length]), math.Round(e.count)})
	}
	m.used = len(kept)
	clear(m.entries[m.used:])
	slices.SortStableFunc(list, func(a, b Limited) int { return int(b.Count - a.Count) })
	return list[:min(n, len(list))]
}
