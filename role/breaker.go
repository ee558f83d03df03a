package role

import (
	"math/rand/v2"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/health"
	"headroom.dev/headroom/balancing/proxy"
)

// newBreaker makes the circuit breaker of a backend.
func newBreaker(settings headroom.CircuitBreaker) proxy.Breaker {
	return health.NewBreaker(settings, time.Now(), rand.Float64)
}
