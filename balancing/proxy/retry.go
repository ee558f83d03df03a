package proxy

import (
	"io"
	"math/rand/v2"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/guard"
)

// retries is when the requests of a service are tried again, made of its settings for the hot path.
type retries struct {
	attempts                           int
	connect, reset, timeout, malformed bool
	statuses                           map[int]bool // nil: none
	perTry                             time.Duration
	base, longest                      time.Duration // of the back-off
}

func compileRetries(settings headroom.Retries) retries {
	made := retries{
		attempts: min(settings.Attempts, mostAttempts), perTry: time.Duration(settings.PerTryTimeout),
		base: time.Duration(settings.Backoff.Base), longest: time.Duration(settings.Backoff.Max),
	}
	if len(settings.On) == 0 {
		made.connect, made.reset, made.timeout = true, true, made.perTry > 0
	}
	for _, condition := range settings.On {
		switch condition {
		case headroom.RetryConnect:
			made.connect = true
		case headroom.RetryReset:
			made.reset = true
		case headroom.RetryTimeout:
			made.timeout = true
		case headroom.RetryMalformed:
			made.malformed = true
		}
	}
	if len(settings.Statuses) > 0 {
		made.statuses = map[int]bool{}
		for _, status := range settings.Statuses {
			made.statuses[status] = true
		}
	}
	return made
}

// repeatable reports whether the request may be sent again although a backend may have acted upon it: its meaning allows it, its body is there, and
// the client has seen nothing of an answer.
func (x *exchange) repeatable() bool {
	return x.idempotent && !x.taken && x.interim == 0 && !x.replied
}

// moreToTry reports whether the request may be tried once more, as far as numbers go: another backend is there.
func (x *exchange) moreToTry() bool {
	v := x.view
	return x.attempts < v.retries.attempts && (x.attempts < len(v.backends) || x.service.view.Load() != v)
}

// tryAgain decides on another attempt: it charges the budget, and then waits for the back-off. The client may leave meanwhile.
func (x *exchange) tryAgain() bool {
	now := time.Now()
	if x.late(now) || !x.moreToTry() || !x.spend(now) {
		return false
	}
	x.service.guards.retries.Add(1)
	r := &x.view.retries
	wait := guard.Backoff(r.base, r.longest, x.attempts, rand.Float64())
	for end := now.Add(wait); wait > 0; wait = time.Until(end) {
		time.Sleep(min(wait, patience/10))
		if x.client != nil && x.client.gone() || x.late(time.Now()) {
			return false
		}
	}
	return true
}

// spend takes an attempt beyond the first from the service's budget.
func (x *exchange) spend(now time.Time) bool {
	if x.service.guards.budget.Spend(now, x.service.traffic.arrivals.Load()) {
		return true
	}
	x.service.guards.exhausted.Add(1)
	return false
}

// instead looks for another backend to ask in place of relaying an answer whose status is to be tried again. The answer is settled, and stays the one
// that is relayed if there is no other.
func (x *exchange) instead() *backend {
	if statuses := x.view.retries.statuses; statuses == nil || !statuses[x.res.Status()] || !x.repeatable() || !x.tryAgain() {
		return nil
	}
	x.firstByte = x.headAt.Sub(x.attemptAt)
	x.settle(outcomeOf(x.res.Status()), false)
	began := x.attemptAt
	x.attemptAt = time.Now()
	other := x.choose()
	if other == nil {
		x.attemptAt = began
	}
	return other
}

// discard ends a call whose answer is not relayed. Its connection is used again where all of the answer is there.
func (x *exchange) discard(u call) {
	u.begin(x.res.Framing())
	for {
		_, err := u.pollBody()
		if err == nil {
			continue
		}
		if err != io.EOF {
			x.hangUp(u)
			return
		}
		x.calls(nil)
		u.release(x.res.Persistent(), time.Now())
		return
	}
}
