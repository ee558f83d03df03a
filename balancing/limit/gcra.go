package limit

import "time"

// Rate is a limit in the form of GCRA (ITU-T I.371, annex A), the token bucket that needs one number for each key: the theoretical arrival time
// TAT, at which the key has its full allowance again. A request of cost c takes Interval·c, and passes if it lets the TAT be at most
// Interval·Burst ahead of now. E.g. 100 a second with a burst of 20: the interval is 10 ms, so after a pause 20 pass at once, which puts the TAT
// 200 ms ahead, and then one each 10 ms.
type Rate struct {
	Interval int64 // nanoseconds, 1 or more
	Burst    int64 // requests, 1 or more
}

// MaxCost is the most that one request may count as: it keeps sums of nanoseconds within 63 bits.
const MaxCost = 1_000_000

// Verdict is how a request stands with a limit.
type Verdict struct {
	Allowed   bool
	Remaining int64         // how many more would pass now
	Reset     time.Duration // until the full allowance is there again
	Retry     time.Duration // of a refused one: until it would pass; 0 if it never would
	Fallback  bool          // a shared limit was counted by this balancer's share, since the others could not be asked
	Unknown   bool          // a shared limit could not be counted, and its requests are refused then
}

// tolerance is how far the TAT may be ahead.
func (r Rate) tolerance() int64 { return r.Interval * r.Burst }

// take returns the TAT after a request of this cost at now; allowed is whether it passes.
func (r Rate) take(tat, now, cost int64) (next int64, allowed bool) {
	next = max(tat, now) + r.Interval*cost
	return next, next-now <= r.tolerance()
}

// verdict describes a TAT, after a request that passed or before one of this cost that did not.
func (r Rate) verdict(tat, now, cost int64, allowed bool) Verdict {
	ahead := max(0, tat-now)
	v := Verdict{Allowed: allowed, Remaining: max(0, (r.tolerance()-ahead)/r.Interval), Reset: time.Duration(ahead)}
	if !allowed && cost <= r.Burst {
		v.Retry = time.Duration(max(1, ahead+r.Interval*cost-r.tolerance()))
	}
	return v
}
