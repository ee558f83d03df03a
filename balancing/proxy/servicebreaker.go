package proxy

import (
	"time"

	"headroom.dev/headroom"
)

// setBreaker gives the service a breaker of its own, or takes it.
func (s *Server) setBreaker(svc *service, settings headroom.CircuitBreaker) {
	have := svc.guards.breaker.Load()
	switch {
	case !settings.Service || !settings.Enabled || s.options.NewBreaker == nil:
		svc.guards.breaker.Store(nil)
	case have == nil:
		made := s.newBreaker(settings)
		svc.guards.breaker.Store(&made)
	default:
		(*have).Configure(settings)
	}
}

// passesBreaker reports whether the service's own breaker, if it has one, lets the request through. What becomes of it is then recorded.
func (x *exchange) passesBreaker() bool {
	b := x.service.guards.breaker.Load()
	if b == nil {
		return true
	}
	if !(*b).Allow(x.began) {
		return false
	}
	x.breaker = *b
	return true
}

// recordService tells the service's breaker how a request that it has let through has ended, all attempts included.
func (x *exchange) recordService(how outcome, end time.Time) {
	switch how {
	case clientAborted, rejected, noBackend:
		x.breaker.Release(x.began)
	case connectError, timedOut, reset:
		x.breaker.RecordSince(x.began, end, false)
	default:
		x.breaker.RecordSince(x.began, end, x.status < 502 || x.status > 504)
	}
}
