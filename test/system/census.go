package system

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Census watches the replicas of a system by what /proc says, whatever headroom says or whether it runs at all.
type Census struct {
	s    *System
	done chan struct{}
	stop chan struct{}

	mu   sync.Mutex     // guards all below
	seen map[string]int // the pid of every replica that ever ran
	most int            // at once
	odd  []string       // what must not be
}

// Watch looks at the replicas every 20 ms until the test ends, and fails it if one name ever had two processes.
func (s *System) Watch() *Census {
	c := &Census{s: s, done: make(chan struct{}), stop: make(chan struct{}), seen: map[string]int{}}
	go func() {
		defer close(c.done)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-c.stop:
				return
			case <-ticker.C:
				c.look()
			}
		}
	}()
	s.t.Cleanup(func() {
		close(c.stop)
		<-c.done
		for _, what := range c.odd {
			s.t.Error(what)
		}
	})
	return c
}

func (c *Census) look() {
	replicas := c.s.ReplicaProcesses()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = max(c.most, len(replicas))
	for pid, name := range replicas {
		before, known := c.seen[name]
		if known && before != pid {
			c.odd = append(c.odd, fmt.Sprintf("%s has run as process %d and as process %d: names are never used twice", name, before, pid))
		}
		c.seen[name] = pid
	}
}

// AtOnce is the most replicas that ran at one time.
func (c *Census) AtOnce() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

// RunExactly fails the test unless the processes of replicas are exactly those that headroom lists.
func (s *System) RunExactly(listed map[string]int) {
	s.t.Helper()
	wanted := slices.Sorted(maps.Values(listed))
	found := slices.Sorted(slices.Values(s.ShopProcesses()))
	if !slices.Equal(wanted, found) {
		s.t.Errorf("headroom lists the processes %v (%v), and %v run", wanted, listed, found)
	}
}

// WaitNone waits until no replica runs.
func (s *System) WaitNone(limit time.Duration) {
	s.t.Helper()
	s.Eventually(limit, "no replica runs", func() error {
		if left := s.ReplicaProcesses(); len(left) > 0 {
			return fmt.Errorf("%v run", left)
		}
		return nil
	})
}

// WaitEvent waits for an event of a type whose message holds a text, and returns it.
func (s *System) WaitEvent(kind, text string, limit time.Duration) Event {
	s.t.Helper()
	var found Event
	s.Eventually(limit, fmt.Sprintf("there is an event %s that says %q", kind, text), func() error {
		events, err := s.Events()
		if err != nil {
			return err
		}
		var messages []string
		for _, event := range events {
			if event.Type == kind && strings.Contains(event.Message, text) {
				found = event
				return nil
			}
			messages = append(messages, event.Type+": "+event.Message)
		}
		return fmt.Errorf("events: %s", strings.Join(messages, "\n"))
	})
	return found
}
