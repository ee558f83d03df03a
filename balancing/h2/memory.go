package h2

import (
	"sync"
	"sync/atomic"
)

// Memory is what the connections of a process share to receive with: the chunks that bodies wait in, and what windows grow by. Each
// connection of a server and each stream of a client has a first window of its own, with which nothing stands still; what is more is lent from
// here, so that all windows together are bounded and not just each. Safe for concurrent use.
type Memory struct {
	limit  int64
	lent   atomic.Int64
	chunks [chunkSizes]sync.Pool // of *byte, the first of a chunk
}

// NewMemory lends up to limit bytes in all.
func NewMemory(limit int64) *Memory { return &Memory{limit: limit} }

// Nobody may have more than a part of what is left: so many who take what they can get all get the same, what they leave is never
// nothing, and nobody needs to know how many they are (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
// Switches", 1998). Of 256 MB, 32 have up to 5.3 MB each and 2,000 up to 127 KB. What somebody has is asked back only when it is twice that,
// so that nothing goes back and forth.
const (
	shareToGrow = 16
	shareToKeep = 8
)

// lend gives more to somebody who has had that much; false if it is too much.
func (m *Memory) lend(had, more int) bool {
	for {
		lent := m.lent.Load()
		if int64(had+more)*shareToGrow > m.limit-lent {
			return false
		}
		if m.lent.CompareAndSwap(lent, lent+int64(more)) {
			return true
		}
	}
}

func (m *Memory) takeBack(n int) { m.lent.Add(-int64(n)) }

// wants reports whether somebody who has that much should give some back.
func (m *Memory) wants(has int) bool { return int64(has)*shareToKeep > m.limit-m.lent.Load() }
