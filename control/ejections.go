package control

import (
	"fmt"

	"headroom.dev/headroom"
)

// noticeEjections records when backends are ejected as outliers, and when they return. c.ejected belongs to it, under signalsMu.
func (c *Controller) noticeEjections(measurement headroom.Measurement) {
	for _, event := range c.ejections(measurement) {
		c.Announce(event)
	}
}

func (c *Controller) ejections(measurement headroom.Measurement) []headroom.Event {
	c.signalsMu.Lock()
	defer c.signalsMu.Unlock()
	var events []headroom.Event
	now := map[string]bool{}
	for _, service := range measurement.Services {
		for _, b := range service.Backends {
			was := c.ejected[b.ID]
			if b.Ejected != "" {
				now[b.ID] = true
			}
			switch {
			case b.Ejected != "" && !was:
				events = append(events, headroom.Event{Type: "backend-ejected", Level: headroom.LevelWarning, Service: service.Service,
					Message: fmt.Sprintf("backend %s is ejected: %s", b.ID, b.Ejected), Details: map[string]any{"backend": b.ID}})
			case b.Ejected == "" && was:
				events = append(events, headroom.Event{Type: "backend-returned", Level: headroom.LevelInfo, Service: service.Service,
					Message: fmt.Sprintf("backend %s gets requests again", b.ID), Details: map[string]any{"backend": b.ID}})
			}
		}
	}
	c.ejected = now
	return events
}
