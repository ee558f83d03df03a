package control

import (
	"time"

	"headroom.dev/headroom"
)

// waitsFor is how long what the balancer said of waiting requests holds: it says so each second while any wait.
const waitsFor = 2 * time.Second

// Waits takes from the balancer that requests of a service wait for a first replica, and decides at once: the next second is too late for somebody who
// looks at an empty page.
func (c *Controller) Waits(waiting headroom.Waiting) {
	c.mu.Lock()
	s := c.services[waiting.Service]
	c.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.Lock()
	s.held, s.heldAt = waiting.Requests, c.now()
	s.mu.Unlock()
	c.turns.ask(s, asked{turn: true, decide: true})
}
