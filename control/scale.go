package control

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"headroom.dev/headroom"
)

// Scale carries out a person's order for a number of replicas. It overrides the policies for order.For (the service's
// scaleDownCooldown where that is zero) and stays between minReplicas and maxReplicas. The decision that is returned has
// been recorded and is being carried out, unless change.DryRun.
func (c *Controller) Scale(_ context.Context, order headroom.ScaleOrder, change headroom.Change) (headroom.Decision, error) {
	c.mu.Lock()
	if err := c.checkScaled(order.Service); err != nil {
		c.mu.Unlock()
		return headroom.Decision{}, err
	}
	s := c.services[order.Service]
	c.mu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	if order.Replicas < s.policy.MinReplicas || order.Replicas > s.policy.MaxReplicas {
		return headroom.Decision{}, &headroom.InvalidError{Field: "replicas", Value: strconv.Itoa(order.Replicas),
			Expected: fmt.Sprintf("must be between minReplicas %d and maxReplicas %d of %s", s.policy.MinReplicas, s.policy.MaxReplicas, s.name)}
	}
	length := order.For
	if length == 0 {
		length = s.policy.ScaleDownCooldown
	}
	now := c.now()
	manual := &headroom.ManualScale{Replicas: order.Replicas, Until: now.Add(time.Duration(length)), By: order.By, Reason: order.Reason}
	observation := s.observe(now)
	observation.Manual = manual
	decision, state := s.compiled.Decide(s.nextID("d"), observation, s.memory.Scaler)
	if change.DryRun {
		return decision, nil
	}

	writes, err := s.record(decision, now) // its ID is answered, so it must be found in the journal
	if err != nil {
		return headroom.Decision{}, err
	}
	before := s.memory
	s.memory.Manual = manual
	s.remember(decision, state)
	if err := c.commitChange(change, decision, append(writes, s.save())...); err != nil {
		s.memory = before
		return headroom.Decision{}, err
	}
	s.adopt(&decision, true)
	s.wake()
	return decision, nil
}

// Stop has headroom and every replica stopped.
func (c *Controller) Stop(_ context.Context, change headroom.Change) error {
	if change.DryRun {
		return nil
	}
	err := c.commitChange(change, nil, c.event(headroom.Event{Type: "stopping", Level: headroom.LevelInfo,
		Message: "Stopping headroom and every replica, by an order through the API."})...)
	if err != nil {
		return err
	}
	c.stop()
	return nil
}

// Logs returns the last lines of a replica's output.
func (c *Controller) Logs(ctx context.Context, name, replica string, lines int) ([]string, error) {
	c.mu.Lock()
	if err := c.checkService(name); err != nil {
		c.mu.Unlock()
		return nil, err
	}
	s := c.services[name]
	c.mu.Unlock()
	if s == nil {
		return nil, &headroom.ConflictError{Reason: name + " is a list of backends that someone else runs: headroom has no output of theirs"}
	}
	if known := s.replicaNames(); !slices.Contains(known, replica) {
		return nil, &headroom.UnknownNameError{Kind: "replica", Name: replica, Known: known}
	}
	return c.platform.Logs(ctx, name, replica, lines)
}
