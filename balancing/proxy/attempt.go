package proxy

import (
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"headroom.dev/headroom/balancing/h1"
	"headroom.dev/headroom/balancing/socket"
)

// failure is why an attempt did not bring a response.
type failure struct {
	how    outcome
	again  bool // another backend may be tried
	reason string
}

// choose picks a backend that was not tried yet and takes a place on it, or returns nil.
func (x *exchange) choose() *backend {
	x.pick.Now, x.pick.Random = x.conn.server.tick(x.attemptAt), rand.Uint64()
	for range 16 { // more only if tables change faster than this loop runs
		v := x.view
		x.pick.Excluded.Reset(len(v.backends))
		for _, tried := range x.tried[:x.attempts] {
			for i, b := range v.backends {
				if b == tried {
					x.pick.Excluded.Add(i)
				}
			}
		}
		if b := x.stay(); b != nil {
			return b
		}
		for {
			i := v.picker.Pick(v.candidates, &x.pick)
			if i < 0 {
				if now := x.service.view.Load(); now != v {
					break // the backends have changed since this request began
				}
				return nil
			}
			if x.enter(v.backends[i]) {
				return v.backends[i]
			}
			x.pick.Excluded.Add(i)
		}
		x.view = x.service.view.Load()
	}
	return nil
}

// enter takes a place on a backend, unless its breaker is open or it gets no requests any more.
func (x *exchange) enter(b *backend) bool {
	if b.breaker != nil && !b.breaker.Allow(x.attemptAt) {
		return false
	}
	if b.acquire() || x.session.known && b.acquireForSession(x.attemptAt) {
		if x.tooMany(b) {
			b.traffic.inFlight.Add(-1)
			x.leave(b)
			return false
		}
		x.tried[x.attempts] = b
		x.attempts++
		x.learned = false
		return true
	}
	x.leave(b)
	return false
}

// leave gives back what the breaker of a backend has allowed.
func (x *exchange) leave(b *backend) {
	if b.breaker != nil {
		b.breaker.Release(x.attemptAt)
	}
}

// another is the backend of an attempt beyond the first, or nil.
func (x *exchange) another() *backend {
	if b := x.next; b != nil {
		x.next = nil
		return b
	}
	x.attemptAt = time.Now()
	return x.choose()
}

// attempt sends the request to b, whose place was taken, and relays the response. A failure without reason is a success.
func (x *exchange) attempt(b *backend) failure {
	x.backend = b
	b.traffic.arrivals.Add(1)
	if !x.streaming {
		b.traffic.bytesIn.Add(uint64(x.framing.Length))
	}
	moves, began := 0, x.attemptAt
	for fresh := false; ; {
		u, err := x.connect(b, fresh)
		if err == errFull {
			x.full = true
			return failure{rejected, true, err.Error()}
		}
		if err != nil {
			b.noteFailure(time.Now(), err.Error())
			return failure{connectError, x.view.retries.connect, "could not connect to a backend"}
		}
		x.calls(u)
		err = u.send(x)
		if err == nil && x.streaming && !x.expect {
			err = x.sendBody(u)
		}
		if err == nil {
			err = x.awaitResponse(u)
			if x.race != nil {
				u, err = x.finish(u, err)
			}
		}
		if err == nil {
			x.recordFirstByte(began)
			if x.next = x.instead(); x.next != nil {
				x.discard(u)
				return failure{serverError, true, "a backend's answer was one to be tried again"}
			}
			return x.relay(u)
		}
		stale := u.stale() && !isTimeout(err) && x.interim == 0 && !x.taken
		unsent := u.unsent(err)
		leaving := unsent && u.leaving() && !x.taken
		x.hangUp(u)
		switch {
		case leaving && moves < maxMoves: // the backend is well, and says on which connection it wants no more
			moves++
		case stale && err == socket.ErrStale: // the next of the pool may be well
		case stale && !fresh && (unsent || x.idempotent): // the backend closed an idle connection just when we used it
			fresh = true
		default:
			return x.attemptFailed(b, err, unsent)
		}
	}
}

// hangUp ends a call that failed, and the upload over it.
func (x *exchange) hangUp(u call) {
	u.cancel()
	x.haltUpload()
	x.calls(nil)
	u.release(false, time.Time{})
}

// calls says which call is under way, for clientGone. Clients whose connection is their own are looked after while the response is awaited.
func (x *exchange) calls(u call) {
	if x.client.inOrder() {
		return
	}
	x.callMu.Lock()
	defer x.callMu.Unlock()
	x.calling = u
	if u != nil && x.client.gone() {
		u.cancel()
	}
}

// clientGone ends the call for a client that has left. Other goroutines call it.
func (x *exchange) clientGone() {
	x.callMu.Lock()
	defer x.callMu.Unlock()
	if x.calling != nil {
		x.calling.cancel()
	}
}

// attemptFailed says what an error of an attempt means. unsent is whether surely nothing of the request was acted upon.
func (x *exchange) attemptFailed(b *backend, err error, unsent bool) failure {
	if x.uploadError() != nil || err == errClientGone || x.client.gone() {
		return failure{clientAborted, false, "the client went away"}
	}
	if x.expires(err) {
		return failure{clientAborted, false, errExpired.Error()}
	}
	b.noteFailure(time.Now(), inWords(err))
	r := &x.view.retries
	var refused *h1.Error
	switch {
	case errors.Is(err, errTooLong):
		return failure{timedOut, false, "a backend did not answer in time"}
	case errors.Is(err, errNoResponse):
		return failure{timedOut, r.timeout && x.repeatable(), "a backend did not answer in time"}
	case errors.As(err, &refused):
		return failure{reset, r.malformed && x.repeatable(), "a backend's response was malformed: " + refused.Reason}
	case unsent && r.connect:
		return failure{reset, !x.taken && x.interim == 0, "a backend broke the connection"}
	}
	return failure{reset, r.reset && x.repeatable(), "a backend broke the connection"}
}

// inWords says of a backend's error what Go's text leaves to programs.
func inWords(err error) string {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return "closed the connection before its response was whole"
	}
	return err.Error()
}

// settle accounts for the present attempt, once. Nothing is learned of the backend where the client went away.
func (x *exchange) settle(how outcome, nothingLearned bool) {
	b := x.backend
	if b == nil {
		return
	}
	x.backend = nil
	end := x.end()
	x.learnEnd(b, end, nothingLearned)
	if b.breaker != nil {
		if nothingLearned {
			b.breaker.Release(x.attemptAt)
		} else {
			b.breaker.RecordSince(x.attemptAt, end, !x.failed(how))
		}
	}
	if !nothingLearned {
		x.judge(b, how)
		x.sampleLatency()
	}
	b.traffic.end(how, end.Sub(x.attemptAt))
	if x.service.holding.waiting.Load() > 0 {
		x.service.release()
	}
}

// failed reports whether an outcome speaks against the backend: no whole answer, or a status with which it says that it is broken. 501
// and 505 speak of the request.
func (x *exchange) failed(how outcome) bool {
	switch how {
	case connectError, timedOut, reset:
		return true
	case serverError:
		status := x.res.Status()
		return status >= 502 && status <= 504
	}
	return false
}
