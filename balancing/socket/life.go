package socket

import "sync/atomic"

// life counts those who use a descriptor, so that it is closed behind the last of them: its number may then be that of another connection.
type life struct{ state atomic.Int32 } // twice the number of users, and 1 once it is over

// enter begins a use, unless the life is over.
func (l *life) enter() bool {
	for {
		now := l.state.Load()
		if now&1 != 0 {
			return false
		}
		if l.state.CompareAndSwap(now, now+2) {
			return true
		}
	}
}

// leave ends a use and reports whether it was the last one after the end.
func (l *life) leave() (last bool) { return l.state.Add(-2) == 1 }

// end ends the life. first is false where that was done before; now says that nobody uses it.
func (l *life) end() (now, first bool) {
	before := l.state.Or(1)
	return before == 0, before&1 == 0
}

// over reports whether the life was ended.
func (l *life) over() bool { return l.state.Load()&1 != 0 }
