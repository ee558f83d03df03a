package role

import (
	"math/rand/v2"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/guard"
	"headroom.dev/headroom/balancing/proxy"
)

// newBreaker makes the circuit breaker of a backend.
func newBreaker(settings headroom.CircuitBreaker) proxy.Breaker {
	return guard.NewBreaker(settings, time.Now(), rand.Float64)
}
