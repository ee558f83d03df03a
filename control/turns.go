package control

import (
	"context"
	"sync"
)

// turns lets each service have one turn at a time. A turn has a goroutine only while it lasts: of 10,000 services most are
// decided on in a row, see decideAll, and need none. The zero value is ready, and begins nothing yet.
type turns struct {
	mu      sync.Mutex      // guards all below and the turn of each service; nothing is locked under it
	ctx     context.Context // nil before Run and after it ended
	running sync.WaitGroup
	touched []*service // had a turn since the last list of backends
}

// turnState is what the turns know of one service.
type turnState struct {
	having  bool  // a turn
	asked   asked // what the next one is for
	touched bool  // is listed in turns.touched
	over    bool  // it was removed, and has no turn any more
}

// asked is what a turn is for. The zero value is none.
type asked struct {
	turn     bool // look at the world again
	decide   bool
	measured bool // decide on what the balancer has just measured
}

func (a asked) with(b asked) asked {
	return asked{turn: a.turn || b.turn, decide: a.decide || b.decide, measured: a.measured || b.measured}
}

// begin gives each service its first turn.
func (t *turns) begin(ctx context.Context, services map[string]*service) {
	t.mu.Lock()
	t.ctx = ctx
	t.mu.Unlock()
	for _, s := range services {
		s.wake()
	}
}

// end lets no turn begin any more, and waits for those that have.
func (t *turns) end() {
	t.mu.Lock()
	t.ctx = nil
	t.mu.Unlock()
	t.running.Wait()
}

// ask has a service have a turn, once the one that it may be having is over.
func (t *turns) ask(s *service, what asked) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.turn.asked = s.turn.asked.with(what)
	if !s.turn.having {
		t.start(s)
	}
}

// start has a service have the turns that it was asked for. The lock is held.
func (t *turns) start(s *service) {
	s.turn.having = false
	if s.turn.asked == (asked{}) || s.turn.over || t.ctx == nil {
		return
	}
	s.turn.having = true
	ctx := t.ctx
	t.running.Go(func() { s.run(ctx) })
}

// take begins a turn that needs no goroutine. It is ended with give.
func (t *turns) take(s *service) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.turn.having || s.turn.over || t.ctx == nil {
		return false
	}
	s.turn.having = true
	return true
}

// give ends what take began; what is left to do has a turn of its own.
func (t *turns) give(s *service, rest asked) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.turn.asked = s.turn.asked.with(rest)
	t.start(s)
}

// next is what the next turn of a service is for; false where there is nothing left to do, or this process ends.
func (t *turns) next(s *service) (asked, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	what := s.turn.asked
	if what == (asked{}) || t.ctx == nil || t.ctx.Err() != nil {
		s.turn.having = false
		return what, false
	}
	s.turn.asked = asked{}
	return what, true
}

// finish ends the last turn of a service that is removed.
func (t *turns) finish(s *service) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.turn.having, s.turn.over = false, true
}

// touch notes that the backends of a service may have changed.
func (t *turns) touch(s *service) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !s.turn.touched {
		s.turn.touched = true
		t.touched = append(t.touched, s)
	}
}

func (t *turns) takeTouched() []*service {
	t.mu.Lock()
	defer t.mu.Unlock()
	touched := t.touched
	t.touched = nil
	for _, s := range touched {
		s.turn.touched = false
	}
	return touched
}

// run has one turn after the other, until nothing is asked for.
func (s *service) run(ctx context.Context) {
	for {
		what, more := s.c.turns.next(s)
		if !more {
			return
		}
		s.tick(ctx, what.decide || !s.begun)
		if what.measured {
			s.c.decided(s.decidedAt)
		}
		if !s.begun {
			s.begun = true
			s.c.publishTouched()
			close(s.looked)
		}
		if s.finished() {
			s.c.turns.finish(s)
			return
		}
	}
}
