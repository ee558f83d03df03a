package scaling_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// census watches the replicas of a system by what /proc says, whatever headroom says or whether it runs at all.
type census struct {
	s    *system.System
	done chan struct{}
	stop chan struct{}

	mu   sync.Mutex     // guards all below
	seen map[string]int // the pid of every replica that ever ran
	most int            // at once
	odd  []string       // what must not be
}

// watch looks at the replicas every 20 ms until the test ends, and fails it if one name ever had two processes.
func watch(t *testing.T, s *system.System) *census {
	c := &census{s: s, done: make(chan struct{}), stop: make(chan struct{}), seen: map[string]int{}}
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
	t.Cleanup(func() {
		close(c.stop)
		<-c.done
		for _, what := range c.odd {
			t.Error(what)
		}
	})
	return c
}

func (c *census) look() {
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

// atOnce is the most replicas that ran at one time.
func (c *census) atOnce() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

// sameProcesses fails the test unless the processes of replicas are exactly those that headroom lists.
func sameProcesses(t *testing.T, s *system.System, listed map[string]int) {
	t.Helper()
	wanted := slices.Sorted(maps.Values(listed))
	found := slices.Sorted(slices.Values(s.ShopProcesses()))
	if !slices.Equal(wanted, found) {
		t.Errorf("headroom lists the processes %v (%v), and %v run", wanted, listed, found)
	}
}

// samePIDs fails the test unless replicas are as they were.
func samePIDs(t *testing.T, before, after map[string]int) {
	t.Helper()
	if !maps.Equal(before, after) {
		t.Errorf("replicas were %v and are %v", before, after)
	}
}

// noProcesses waits until no replica runs.
func noProcesses(t *testing.T, s *system.System, limit time.Duration) {
	t.Helper()
	s.Eventually(limit, "no replica runs", func() error {
		if left := s.ReplicaProcesses(); len(left) > 0 {
			return fmt.Errorf("%v run", left)
		}
		return nil
	})
}

// happened waits for an event of a type whose message holds a text, and returns it.
func happened(t *testing.T, s *system.System, kind, text string, limit time.Duration) system.Event {
	t.Helper()
	var found system.Event
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
