package signal

// recent holds what came lately, oldest first and in one piece. What has expired is moved over in place, so that a
// history that is as long as it has to be needs no memory anew.
type recent[T any] struct {
	all   []T
	begin int // of what has not expired
}

func (r *recent[T]) live() []T { return r.all[r.begin:] }

// push adds the newest and lets go of the oldest that have expired.
func (r *recent[T]) push(value T, expired func(*T) bool) {
	for r.begin < len(r.all) && expired(&r.all[r.begin]) {
		r.begin++
	}
	if len(r.all) == cap(r.all) && r.begin > len(r.all)/3 { // each is moved at most twice before it expires
		n := copy(r.all, r.all[r.begin:])
		clear(r.all[n:])
		r.all, r.begin = r.all[:n], 0
	}
	r.all = append(r.all, value)
}
