package guard

import "sync/atomic"

// tallySeconds is the length of a tally, seconds: what happened longer ago says little of how a backend is now, and ten seconds of
// little traffic, 2 requests/s, are the 20 requests that a share needs to mean something.
const tallySeconds = 10

// tally counts what went well and what failed in the last ten seconds, in buckets of one second. Each bucket is one word, so that a
// count is one compare-and-swap: 24 bits of the second that it is of, 20 bits each of successes and of failures, which stop at a million
// a second. Safe for concurrent use.
type tally struct {
	buckets [tallySeconds]atomic.Uint64
}

const (
	countBits = 20
	countMask = 1<<countBits - 1
	stampMask = 1<<24 - 1
)

// add counts one result in a second, which may be any that does not run backward by more than the tally's length.
func (t *tally) add(second int64, ok bool) {
	bucket := &t.buckets[second%tallySeconds]
	stamp := uint64(second) & stampMask
	for {
		old := bucket.Load()
		next := stamp << (2 * countBits)
		if old>>(2*countBits) == stamp {
			next = old
		}
		switch {
		case ok && next>>countBits&countMask < countMask:
			next += 1 << countBits
		case !ok && next&countMask < countMask:
			next++
		}
		if bucket.CompareAndSwap(old, next) {
			return
		}
	}
}

// sum is what the last ten seconds had, the given one included.
func (t *tally) sum(second int64) (ok, failed int) {
	for i := range t.buckets {
		bucket := t.buckets[i].Load()
		age := (uint64(second) - bucket>>(2*countBits)) & stampMask
		if age < tallySeconds {
			ok += int(bucket >> countBits & countMask)
			failed += int(bucket & countMask)
		}
	}
	return ok, failed
}

func (t *tally) reset() {
	for i := range t.buckets {
		t.buckets[i].Store(0)
	}
}
