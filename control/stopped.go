package control

import (
	"errors"

	"headroom.dev/headroom"
	"headroom.dev/headroom/orchestration"
)

// AllStopped records that every replica of every service has been stopped on purpose, so that the next start neither
// doubts that they are gone nor waits for any that was on its way. The loop must have ended.
func (c *Controller) AllStopped() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	names, err := c.rememberedServices()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		s, there := c.services[name]
		if !there {
			if s, err = c.newService(name); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		errs = append(errs, s.allStopped())
	}
	return errors.Join(errs...)
}

func (s *service) allStopped() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &turn{now: s.c.now(), open: s.open, memory: s.memory}
	for _, operation := range sortedOperations(s.open) {
		s.move(t, operation, headroom.OperationFailed, "headroom and every replica were stopped")
	}
	t.memory.History, t.memory.Draining = orchestration.History{}, nil
	return s.c.commit(append(t.writes, put(serviceKind, s.name, t.memory))...)
}
