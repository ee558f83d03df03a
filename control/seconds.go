package control

import (
	"context"
	"time"
)

// silence is how long the loop waits for a balancer's measurement before it decides without: one second and a half, so
// that a balancer that reports on time is never raced.
const silence = 1500 * time.Millisecond

// decideEachSecond has every service decide on each second that was measured, and without where none is.
func (c *Controller) decideEachSecond(ctx context.Context) {
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for {
		measured := false
		select {
		case <-ctx.Done():
			return
		case <-c.seconds:
			measured = true
		case <-timer.C:
		}
		timer.Reset(silence)
		c.decideAll(ctx, measured)
		if _, sent := c.Endpoints.Last(); sent {
			signalOnce(c.publishes) // what could not be published yet; the first list waits until replicas have been read
		}
	}
}

// decideAll decides for all services, one after the other: 10,000 goroutines that each wake once a second would cost more than
// their decisions. What is seldom or slow (reading a platform that is, recording, ordering) has a turn of its own, beside.
func (c *Controller) decideAll(ctx context.Context, measured bool) {
	for _, s := range c.allServices() {
		if ctx.Err() != nil {
			return
		}
		if !c.turns.take(s) {
			c.turns.ask(s, asked{turn: true, decide: true, measured: measured})
			continue
		}
		c.turns.give(s, s.decideAtOnce(ctx, measured))
	}
}

// decideAtOnce decides, if that takes no time and changes nothing that must be stored, and says what is left to do.
func (s *service) decideAtOnce(ctx context.Context, measured bool) asked {
	whole := asked{turn: true, decide: true, measured: measured}
	if !s.prompt {
		return whole
	}
	inventory, err := s.readInventory(ctx)
	if err != nil {
		return whole
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return asked{turn: true}
	}
	s.take(inventory, nil)
	now := s.c.now()
	s.examine(now)
	room := s.spare()
	decision, state := s.compiled.DecideQuietly(s.nextID("d"), s.observeIn(room, now), s.memory.Scaler)
	if s.news(&decision) || state.Changed(s.memory.Scaler) {
		return whole // and made again, since it is to be explained and recorded
	}
	s.remember(decision, state)
	room.decision = decision
	s.adopt(&room.decision, false)
	s.decidedAt = now
	if measured {
		s.c.decided(s.c.now())
	}
	if s.settled() && s.areTold() {
		return asked{}
	}
	return asked{turn: true}
}

// publishChanges tells the balancers what the turns change. Those that are had meanwhile are told of together: with many services a list
// is long, and at most a third of a core is spent on making them.
func (c *Controller) publishChanges(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.publishes:
		}
		began := c.now()
		c.publishTouched()
		if took := c.now().Sub(began); took > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(2 * took):
			}
		}
	}
}
