package guard

import "time"

// Backoff is how long to wait before a request is tried for the n-th time again, n from 1 on: from half to all of base·2^(n-1), which is
// at most longest. The half that is left to chance, draw in [0, 1), keeps requests that failed together from coming again together ("equal
// jitter", M. Brooker, Exponential Backoff And Jitter, 2015); the other half is a wait in any case.
func Backoff(base, longest time.Duration, n int, draw float64) time.Duration {
	if base <= 0 {
		return 0
	}
	wait := min(base, longest)
	for ; n > 1 && wait < longest; n-- {
		wait = min(2*wait, longest)
	}
	return wait/2 + time.Duration(draw*float64(wait-wait/2))
}
