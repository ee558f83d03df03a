package proxy

import (
	"errors"
	"sync"
	"time"

	"headroom.dev/headroom/balancing/h1"
)

// race is a second attempt beside the first, which takes unusually long: whichever brings the head of an answer first is relayed, and the other is
// ended. The first runs on the request's own goroutine as ever; the second on one of its own, with an exchange of its own for its buffers, its
// connection and its answer.
type race struct {
	second *exchange
	first  call
	done   chan struct{} // closed when the second has an answer, or has ended

	mu      sync.Mutex // guards what follows
	winner  contestant
	calling call // of the second, while it may have to be canceled; when it has won, what it brings
}

type contestant int8

const (
	nobody contestant = iota
	first
	second
)

// hedgeAfter is how long the first attempt may take until a second backend is asked; 0 is for ever. It costs a look where hedging is off.
func (x *exchange) hedgeAfter() time.Duration {
	if !x.view.settings.Hedging.Enabled || x.streaming || x.websocket || !x.repeatable() || x.raced {
		return 0
	}
	usual := x.service.guards.usual.Value()
	if usual == 0 {
		return 0 // too little is known
	}
	return max(usual, time.Duration(x.view.settings.Hedging.MinDelay))
}

// recordFirstByte keeps how long the request took until it had an answer, hedges included, to tell what is usual. A first attempt that was
// beaten would have taken longer than the usual time that it was given, so it counts on the right side of that.
func (x *exchange) recordFirstByte(began time.Time) {
	if x.view.settings.Hedging.Enabled && x.idempotent {
		x.service.guards.usual.Record(x.headAt.Sub(began))
	}
}

// hedge asks a second backend, if one is left and the budget allows it. Either way the request is not hedged again.
func (x *exchange) hedge(u call) {
	x.raced = true
	now := time.Now()
	if x.attempts >= min(mostAttempts, len(x.view.backends)) || x.backend.transport.Load().tellsClient() || !x.spend(now) {
		return
	}
	began := x.attemptAt
	x.attemptAt = now
	b := x.choose()
	x.attemptAt = began
	if b == nil {
		return
	}
	h := x.conn.take()
	h.route = x.route
	h.state = state{
		service: x.service, view: x.view, door: x.door, began: x.began, attemptAt: now, number: x.number, toHead: x.toHead, idempotent: true,
		framing: x.framing, headLength: x.headLength, backend: b,
	}
	h.pick.Now = x.pick.Now
	h.out = append(h.out[:0], x.out...) // the request may have ended, and its buffers be another's, before the second attempt has
	b.traffic.arrivals.Add(1)
	b.traffic.bytesIn.Add(uint64(x.framing.Length))
	x.service.guards.hedges.Add(1)
	r := &race{second: h, first: u, done: make(chan struct{})}
	x.race = r
	x.conn.server.tasks.Go(r.run) // it ends soon after the request, which is one of the tasks as well
}

// run is the second attempt. Its exchange goes back to its pool here unless it has won.
func (r *race) run() {
	h := r.second
	u, err := h.connect(h.backend, false)
	if err == nil {
		err = r.await(u)
	}
	how := connectError
	switch {
	case err == errFull:
		how = rejected
	case u != nil && isTimeout(err) || err == errNoResponse:
		how = timedOut
	case u != nil:
		how = reset
	}
	r.mu.Lock()
	if err == nil && r.winner == nobody {
		r.winner = second
		r.calling = u
		r.first.cancel() // wakes whoever awaits it
		r.mu.Unlock()
		close(r.done)
		return
	}
	lost := r.winner == first
	r.calling = nil
	r.mu.Unlock()
	if u != nil {
		u.cancel()
		u.release(false, time.Time{})
	}
	if lost {
		how = clientAborted
	} else {
		h.lastFailure(err)
	}
	h.settle(how, lost || how == rejected)
	close(r.done)
	h.conn.put(h)
}

// lastFailure keeps why the second attempt failed for people to see.
func (x *exchange) lastFailure(err error) { x.backend.noteFailure(time.Now(), inWords(err)) }

// await sends the request and waits for the head of its answer, for as long as the first attempt has not brought one.
func (r *race) await(u call) error {
	h := r.second
	r.mu.Lock()
	if r.winner != nobody {
		r.mu.Unlock()
		return errBeaten
	}
	r.calling = u
	r.mu.Unlock()
	if err := u.send(h); err != nil {
		return err
	}
	for interim := 0; ; {
		now := time.Now()
		err := u.await(&h.res, h.toHead, now, patience)
		switch {
		case isTimeout(err):
			if now.Sub(h.attemptAt) >= h.route.ResponseTimeout {
				return errNoResponse
			}
		case err != nil:
			return err
		case h.res.Switching():
			return errInterim
		case h.res.Interim(): // of no use to the client: whether it gets this answer is not known yet
			if interim++; interim > maxInterim || h.res.Has(h1.ContentLength) || h.res.Has(h1.TransferEncoding) {
				return errInterim
			}
		default:
			h.headAt = time.Now()
			return nil
		}
	}
}

// errBeaten ends a second attempt before it was sent: the first one has its answer.
var errBeaten = errors.New("the first attempt was answered")

// finish decides a race when the first attempt has its answer, or has failed, and returns the call that goes on and what has become of it. Where the
// first has failed, the second is waited for.
func (x *exchange) finish(u call, err error) (call, error) {
	r := x.race
	x.race = nil
	r.mu.Lock()
	if r.winner == nobody && (err == nil || x.client.gone()) {
		r.winner = first
		if r.calling != nil {
			r.calling.cancel()
		}
		r.mu.Unlock()
		x.tried[x.attempts-1], x.tried[x.attempts-2] = x.tried[x.attempts-2], x.tried[x.attempts-1]
		return u, err
	}
	beaten := r.winner == second
	r.mu.Unlock()
	if !beaten && !x.awaitSecond(r) {
		return u, err
	}
	// Of a first attempt that was beaten nothing is known but that it is slow; one that has failed by itself before has failed.
	if beaten {
		x.hangUp(u)
		x.settle(clientAborted, true)
	} else {
		failed := x.attemptFailed(x.backend, err, u.unsent(err))
		x.hangUp(u)
		x.settle(failed.how, failed.how == clientAborted)
	}
	h := r.second
	x.res, h.res = h.res, x.res
	x.backend, x.attemptAt, x.headAt, x.connected = h.backend, h.attemptAt, h.headAt, h.connected
	h.backend = nil
	x.second = h
	x.service.guards.hedgesWon.Add(1)
	x.calls(r.calling)
	return r.calling, nil
}

// awaitSecond waits for the second attempt after the first has failed, and reports whether it has brought an answer. The client may leave
// meanwhile.
func (x *exchange) awaitSecond(r *race) bool {
	timer := time.NewTicker(patience)
	defer timer.Stop()
	for {
		select {
		case <-r.done:
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.winner == second
		case <-timer.C:
		}
		if !x.client.gone() && !x.overdue(time.Now()) {
			continue
		}
		r.mu.Lock()
		if r.winner == nobody {
			r.winner = first
			if r.calling != nil {
				r.calling.cancel()
			}
		}
		r.mu.Unlock()
	}
}

// dropSecond gives back what a second attempt that has won was read into, once its answer has been relayed.
func (x *exchange) dropSecond() {
	if h := x.second; h != nil {
		x.second = nil
		x.conn.put(h)
	}
}
