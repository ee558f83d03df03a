package proxy

import "time"

// failureTime is the most that a failed attempt counts for as a response time. More would keep a backend that failed once away for minutes:
// of 10 s with a decay of 10 s it takes 76 s until they count for less than 5 ms.
const failureTime = 10 * time.Second

// tick is a time as the algorithms count it.
func (s *Server) tick(at time.Time) int64 { return int64(at.Sub(s.epoch)) }

// learn keeps what the head of a response, or a connection of a TCP service, says of the backend: how soon it came, and whether it is a failure. An
// attempt that was settled already, when another backend was looked for in vain, was learned from then.
func (x *exchange) learn(at time.Time, how outcome) {
	if !x.view.learns || x.backend == nil {
		return
	}
	x.learned = true
	span := at.Sub(x.attemptAt)
	if x.failed(how) {
		span = x.failureSpan(span)
	}
	x.backend.load.Observe(x.conn.server.tick(at), span)
}

// learnEnd keeps what an attempt that ended without any answer says of the backend.
func (x *exchange) learnEnd(b *backend, at time.Time, clientLeft bool) {
	if !x.view.learns || x.learned {
		return
	}
	span := at.Sub(x.attemptAt)
	if clientLeft {
		b.load.NotWithin(x.conn.server.tick(at), span)
		return
	}
	b.load.Observe(x.conn.server.tick(at), x.failureSpan(span))
}

// failureSpan is what a failure counts for: as long as a response may take, in reason.
func (x *exchange) failureSpan(span time.Duration) time.Duration {
	limit := time.Duration(x.view.settings.Timeouts.Response)
	if x.route != nil {
		limit = x.route.ResponseTimeout
	}
	return max(span, min(limit, failureTime))
}
