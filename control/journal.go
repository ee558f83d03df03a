package control

import (
	"encoding/json"
	"fmt"
	"time"

	"headroom.dev/headroom"
)

// commit stores writes durably and tells everybody who follows the journal.
func (c *Controller) commit(writes ...headroom.Write) error {
	if len(writes) == 0 {
		return nil
	}
	entries, err := c.store.Commit(writes...)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		c.Entries.Publish(entry)
	}
	return nil
}

// commitChange stores the writes of a change made through the API together with what the API adds to it.
func (c *Controller) commitChange(change headroom.Change, result any, writes ...headroom.Write) error {
	if change.Also != nil {
		also, err := change.Also(result)
		if err != nil {
			return err
		}
		writes = append(writes, also...)
	}
	return c.commit(writes...)
}

func (c *Controller) entry(kind headroom.EntryKind, service, id string, value any) (headroom.Write, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return headroom.Write{}, fmt.Errorf("write down %s %s: %w", kind, id, err)
	}
	return headroom.Write{Append: &headroom.Entry{At: c.now(), Kind: kind, Service: service, ID: id, Data: data}}, nil
}

// event makes the journal entry of an event. Events are plain data, so making one cannot fail on real input; should it,
// the event is logged instead of lost.
func (c *Controller) event(event headroom.Event) []headroom.Write {
	write, err := c.entry(headroom.EntryEvent, event.Service, event.Type, event)
	if err != nil {
		c.log.Error("cannot record an event", "event", event.Message, "error", err)
		return nil
	}
	return []headroom.Write{write}
}

// Announce records an event that happened outside the loop (a reload of the configuration, a role that came or went).
func (c *Controller) Announce(event headroom.Event) {
	if err := c.commit(c.event(event)...); err != nil {
		c.log.Error("cannot record an event", "event", event.Message, "error", err)
	}
}

// EventsSince lists the events since a time, oldest first.
func (c *Controller) EventsSince(since time.Time) []headroom.Entry {
	entries, err := c.store.Journal(headroom.JournalQuery{Kind: headroom.EntryEvent, Since: since})
	if err != nil {
		c.log.Warn("cannot read the events", "error", err)
	}
	return entries
}

func put(kind, name string, value any) headroom.Write {
	return headroom.Write{Put: &headroom.Object{Kind: kind, Name: name, Value: value}}
}

func remove(kind, name string) headroom.Write {
	return headroom.Write{Delete: &headroom.ObjectName{Kind: kind, Name: name}}
}
