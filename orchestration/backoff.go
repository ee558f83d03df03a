package orchestration

import (
	"time"

	"headroom.dev/headroom"
)

const (
	// Delays double from 1 s to 5 min. Kubernetes starts at 10 s; a process starts in less than one.
	firstDelay   = time.Second
	longestDelay = 5 * time.Minute
	// jitter keeps services that failed together, say with their database, from coming back together.
	jitter = 0.2
	// earlyLife is how long a replica must have been ready for its end not to count as a failed start.
	earlyLife = 10 * time.Second
	// healthyAfter is how long all must have been well for the next failure to start at firstDelay again, as on Kubernetes,
	// where no replica was started since that would show it sooner.
	healthyAfter = 10 * time.Minute
)

// Backoff holds up new replicas of a service whose replicas fail before or soon after they get ready.
type Backoff struct {
	Failures    int       `json:"failures"` // in a row
	NotBefore   time.Time `json:"notBefore,omitzero"`
	LastFailure time.Time `json:"lastFailure,omitzero"`
}

// Failed returns the back-off after another failure: a replica that ended early or never got ready (Plan counts those),
// or a growth that the platform refused (the control loop counts those). The delay is 1 s × 2^failures, at most 5 min,
// ± 20 % by random, which is 0 up to 1. Failures while the back-off runs belong to the attempt that caused it and change
// nothing: ten replicas that crash one after the other are one failure.
func (b Backoff) Failed(now time.Time, random float64) Backoff {
	if now.Before(b.NotBefore) {
		return b
	}
	delay := longestDelay
	if b.Failures < 9 { // 2^9 s is more than 5 min
		delay = min(firstDelay<<max(b.Failures, 0), longestDelay)
	}
	if !(random >= 0 && random <= 1) {
		random = 0.5
	}
	delay = time.Duration(float64(delay) * (1 + jitter*(2*random-1)))
	return Backoff{Failures: max(b.Failures, 0) + 1, NotBefore: now.Add(delay), LastFailure: now}
}

// notBeyond keeps a clock that was set back from holding a service up for longer than the longest delay.
func (b Backoff) notBeyond(now time.Time) Backoff {
	if latest := now.Add(time.Duration(float64(longestDelay) * (1 + jitter))); b.NotBefore.After(latest) {
		b.NotBefore = latest
	}
	if b.LastFailure.After(now) {
		b.LastFailure = now
	}
	return b
}

// failedEarly reports whether a replica ended before it was ready or so soon after that another would do the same.
func failedEarly(replica headroom.Replica, now time.Time) bool {
	if replica.ReadyAt.IsZero() {
		return true
	}
	end := replica.ExitedAt
	if end.IsZero() {
		end = now
	}
	return end.Sub(replica.ReadyAt) < earlyLife
}
