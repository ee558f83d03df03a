package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
)

// waitingRoom are the requests of a service that wait for a backend, in the order in which they came. Whoever comes while some wait waits behind them.
// They are let go only as fast as the backends take them: a whole queue at once is what brings a first replica down again (knative#2381).
type waitingRoom struct {
	waiting atomic.Int64 // len(queue), for those who only look

	mu     sync.Mutex // guards what follows
	queue  []*held
	bytes  int64
	coming int // were let go and have not chosen a backend yet
	told   time.Time

	held, turnedAway, gaveUp atomic.Uint64
	reported                 headroom.HoldMeasurement // under the server's lock
}

// held is one waiting request.
type held struct {
	letGo chan struct{} // has room for one
	bytes int64
}

// take reports what happened since the last take, and how many wait now.
func (h *waitingRoom) take() headroom.HoldMeasurement {
	return headroom.HoldMeasurement{
		Waiting: h.waiting.Load(), Held: difference(h.held.Load(), &h.reported.Held),
		TurnedAway: difference(h.turnedAway.Load(), &h.reported.TurnedAway), GaveUp: difference(h.gaveUp.Load(), &h.reported.GaveUp),
	}
}

// enter puts a request at the end of the queue, or at its front where it was let go in vain. It is nil where too many wait already.
func (h *waitingRoom) enter(settings *headroom.Hold, bytes int, front bool) *held {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &held{letGo: make(chan struct{}, 1), bytes: int64(bytes)}
	if front {
		h.coming--
		h.queue = append([]*held{w}, h.queue...)
	} else {
		if len(h.queue) >= settings.MaxRequests || h.bytes+w.bytes > int64(settings.MaxBytes) {
			return nil
		}
		h.queue = append(h.queue, w)
	}
	h.bytes += w.bytes
	h.waiting.Store(int64(len(h.queue)))
	return w
}

// leave takes a request out that does not wait any more. It reports false where it was let go just now.
func (h *waitingRoom) leave(w *held) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, other := range h.queue {
		if other == w {
			h.queue = append(h.queue[:i], h.queue[i+1:]...)
			h.bytes -= w.bytes
			h.waiting.Store(int64(len(h.queue)))
			return true
		}
	}
	return false
}

// came notes that a request which was let go has a backend, or will have none.
func (h *waitingRoom) came() {
	h.mu.Lock()
	h.coming--
	h.mu.Unlock()
}

// due reports whether the scaler is to be told that requests wait: of the first at once, and then each second.
func (h *waitingRoom) due(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 || now.Sub(h.told) < time.Second {
		return false
	}
	h.told = now
	return true
}

// release lets as many go as the backends have room for.
func (s *service) release() {
	h := &s.holding
	if h.waiting.Load() == 0 {
		return
	}
	v := s.view.Load()
	room := v.room()
	h.mu.Lock()
	defer h.mu.Unlock()
	n := max(0, min(room-h.coming, len(h.queue)))
	for _, w := range h.queue[:n] {
		w.letGo <- struct{}{}
		h.bytes -= w.bytes
	}
	h.coming += n
	h.queue = append(h.queue[:0], h.queue[n:]...)
	h.waiting.Store(int64(len(h.queue)))
	if len(h.queue) == 0 {
		h.told = time.Time{}
	}
}

// room is how many more requests the backends take of those that waited.
func (v *view) room() int {
	most := int64(v.settings.Overload.PerBackend.MaxRequests)
	if most == 0 {
		most = int64(max(v.settings.Hold.Release, 1))
	}
	room, ill := int64(0), int64(0)
	healthy := false
	for _, b := range v.backends {
		if !b.active.Load() {
			continue
		}
		left := max(0, most-b.traffic.inFlight.Load())
		if b.healthy.Load() {
			healthy = true
			room += left
		} else {
			ill += left
		}
	}
	if !healthy { // a request that came alone would be sent there as well
		return int(ill)
	}
	return int(room)
}

// holds reports whether a request that found no backend may wait for one, and until when: where there is none at all and replicas are started here,
// or where each has as many requests as it may.
func (x *exchange) holds() (until time.Time, may bool) {
	v := x.service.view.Load()
	settings := &v.settings.Hold
	switch {
	case len(v.backends) == 0 && v.starts && settings.Enabled:
		return x.began.Add(time.Duration(settings.Timeout)), true
	case x.full && settings.Saturated > 0:
		return x.began.Add(time.Duration(settings.Saturated)), true
	}
	return time.Time{}, false
}

// first chooses the backend of the first attempt, and waits for one where requests are held.
func (x *exchange) first() *backend {
	if x.service.holding.waiting.Load() == 0 {
		if b := x.choose(); b != nil {
			return b
		}
	}
	until, may := x.holds()
	if !may {
		if x.service.holding.waiting.Load() == 0 {
			return nil
		}
		until = x.behind()
	}
	return x.hold(until)
}

// behind is until when a request waits behind others that wait, and are let go by and by.
func (x *exchange) behind() time.Time {
	settings := &x.view.settings.Hold
	if len(x.view.backends) > 0 && settings.Saturated > 0 {
		x.full = true // it waits for a place as they do
		return x.began.Add(time.Duration(settings.Saturated))
	}
	return x.began.Add(time.Duration(settings.Timeout))
}

// hold waits for a backend. The clock of the attempt begins when there is one.
func (x *exchange) hold(until time.Time) *backend {
	h, settings := &x.service.holding, &x.view.settings.Hold
	w := h.enter(settings, len(x.out), false)
	if w == nil {
		h.turnedAway.Add(1)
		x.why = "too many requests wait for a first replica of service " + x.service.name
		return nil
	}
	h.held.Add(1)
	x.conn.server.tellWaiting(x.service, x.began)
	x.service.release() // a backend may have come since
	timer := time.NewTimer(min(patience, max(until.Sub(x.began), time.Millisecond)))
	defer timer.Stop()
	for {
		select {
		case <-w.letGo:
			if b := x.chooseHeld(); b != nil {
				h.came()
				return b
			}
			if now := time.Now(); now.After(until) {
				h.came()
				h.gaveUp.Add(1)
				return nil
			}
			w = h.enter(settings, len(x.out), true)
		case <-timer.C:
			now := time.Now()
			gone := x.client.gone()
			if !gone && now.Before(until) && !x.overdue(now) && !x.inVain() {
				timer.Reset(min(patience, max(until.Sub(now), time.Millisecond)))
				continue
			}
			if !h.leave(w) {
				h.came()
				x.service.release() // its place is another's
			}
			x.left = gone
			if !gone {
				h.gaveUp.Add(1)
			}
			return nil
		}
	}
}

// inVain reports whether no backend can come any more: a balancer that shuts down takes no table.
func (x *exchange) inVain() bool {
	return x.conn.server.closing.Load() && len(x.service.view.Load().backends) == 0
}

// chooseHeld chooses among the backends of now.
func (x *exchange) chooseHeld() *backend {
	x.attemptAt, x.full = time.Now(), false
	x.view = x.service.view.Load()
	return x.choose()
}

// tellWaiting tells the scaler that requests of a service wait, unless it was told within the last second.
func (s *Server) tellWaiting(svc *service, now time.Time) {
	if s.options.Waiting != nil && svc.holding.due(now) {
		s.options.Waiting(headroom.Waiting{Service: svc.name, Requests: int(svc.holding.waiting.Load()), At: now})
	}
}
