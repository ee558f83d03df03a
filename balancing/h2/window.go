package h2

import "time"

// Windows of what we receive. One stream is to carry 1 Gbit/s at 20 ms, which needs 2.5 MB in flight; what a connection holds in memory is
// bounded by its windows. So they begin small, as large as RFC 9113 begins, and double as long as a reader keeps pace and the process has memory to
// lend. TCP begins smaller and grows no faster.
//
// On a server, the connection's window bounds what it holds. A stream cannot take the whole of it, so that one which stands still does not
// stop the others, and where several do it grows for the others.
//
// On a client, whose connection many share who know nothing of each other, no number of streams may stop another: bytes are given back to
// the connection's window when they come, and the windows of its streams bound what it holds. The first one of a stream is what an HTTP/1.1
// response is read through.
const (
	firstStreamWindow = 64 << 10
	mostStreamWindow  = 4 << 20
	firstConnWindow   = 128 << 10
	mostConnWindow    = 8 << 20
	// growWithin: who takes longer for half a window than twice the longest round trip between two places on earth, does not wait for it.
	growWithin = 500 * time.Millisecond
)

// window is a flow-control window of what we receive.
type window struct {
	left        int // what the peer may still send
	size        int // what it may have in flight or unread
	first, most int
	consumed    int       // read, and not given back yet
	memory      *Memory   // which lends what size is beyond first; nil: another window bounds what this one lets in
	gaveAt      time.Time // when something was given back last
}

func newWindow(first, most int, memory *Memory) window {
	return window{left: first, size: first, first: first, most: most, memory: memory}
}

// take takes n bytes that came; false if the peer had no right to send them.
func (w *window) take(n int) bool {
	w.left -= n
	return w.left >= 0
}

// give notes that n bytes were read and returns the increment to send, or 0 while that is not worth a frame: less than enough. What was
// lent and is wanted back is held back.
func (w *window) give(n, enough int) int {
	w.consumed += n
	if w.consumed < enough {
		return 0
	}
	increment := w.consumed - w.shrink(w.consumed)
	w.consumed = 0
	w.left += increment
	return increment
}

// quick notes that something was given back and reports whether the peer may be waiting for more than it gets.
func (w *window) quick(now time.Time) bool {
	before := w.gaveAt
	w.gaveAt = now
	return before.IsZero() || now.Sub(before) < growWithin
}

// grow doubles the window, if it can be, and returns the increment to send.
func (w *window) grow() int {
	more := min(w.size, w.most-w.size)
	if more <= 0 || w.memory != nil && !w.memory.lend(w.size-w.first, more) {
		return 0
	}
	w.size += more
	w.left += more
	return more
}

// shrink makes the window smaller by up to n bytes if others want them more, and returns by how many.
func (w *window) shrink(n int) int {
	lent := w.size - w.first
	if w.memory == nil || lent == 0 || !w.memory.wants(lent) {
		return 0
	}
	less := min(n, lent)
	w.size -= less
	w.memory.takeBack(less)
	return less
}

// end gives back what was lent.
func (w *window) end() {
	if w.memory != nil {
		w.memory.takeBack(w.size - w.first)
		w.size = w.first
	}
}
