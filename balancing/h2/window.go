package h2

// Windows of what we receive. One stream is to carry 1 Gbit/s at 20 ms, which needs 2.5 MB in flight; a connection's memory is bounded
// by its window. So windows begin small and double, up to these, each time that half of one was used up by a reader who keeps pace.
// A stream cannot take the whole of the connection's window: one that stands still does not stop the others. On a client, whose connection
// many share who know nothing of each other, no number of them can: bytes are given back to the connection's window when they come. Its
// memory is bounded by the windows of its streams, of which all together grow by no more than mostConnWindow and a last doubling.
const (
	firstStreamWindow = 256 << 10
	mostStreamWindow  = 4 << 20
	firstConnWindow   = 1 << 20
	mostConnWindow    = 8 << 20
)

// window is a flow-control window of what we receive.
type window struct {
	left     int // what the peer may still send
	size     int // what it may have in flight or unread
	most     int
	consumed int // read, and not given back yet
}

// take takes n bytes that came; false if the peer had no right to send them.
func (w *window) take(n int) bool {
	w.left -= n
	return w.left >= 0
}

// give notes that n bytes were read, of which unread more are there, and returns the increment to send, or 0 while that is not worth
// a frame: less than half the window.
func (w *window) give(n, unread int) int {
	w.consumed += n
	if w.consumed < w.size/2 {
		return 0
	}
	increment := w.consumed
	w.consumed = 0
	if unread < w.size/4 && w.size < w.most {
		grown := min(2*w.size, w.most)
		increment += grown - w.size
		w.size = grown
	}
	w.left += increment
	return increment
}
