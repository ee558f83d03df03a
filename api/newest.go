package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"headroom.dev/headroom"
)

// ListInput selects the newest entries of the journal.
type ListInput struct {
	ServiceFilter
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"at most so many, the newest ones"`
	Since  string `query:"since" maxLength:"64" doc:"not older than this: a time such as 2026-01-31T12:00:00Z, Unix seconds, or a duration before now such as 1h" example:"1h"`
	Before string `query:"before" maxLength:"64" doc:"older than this: written as since; now where not given" example:"10m"`
}

// take says whether an item belongs to a list; it is asked newest first.
type take[T any] func(headroom.Entry, T) bool

// newest reads the newest entries of a kind that belong to a list, newest first. The journal cannot filter by content,
// so it reads ten times more each time until there are enough, or 20 000 entries have been looked at (about 60 MB of
// decisions for a moment). Each time it begins with a fresh take.
func newest[T any](s *server, kind headroom.EntryKind, in ListInput, begin func() take[T]) ([]T, error) {
	since, err := parseSince(in.Since, s.now())
	if err != nil {
		return nil, err
	}
	var before time.Time
	if in.Before != "" {
		if before, err = parseMoment("query.before", in.Before, s.now()); err != nil {
			return nil, err
		}
	}
	const most = 20_000
	for read := in.Limit; ; read = min(read*10, most) {
		entries, err := s.store.Journal(headroom.JournalQuery{Kind: kind, Service: in.Service, Since: since, Until: before, Limit: read, Newest: true})
		if err != nil {
			return nil, fmt.Errorf("read the journal's entries of kind %s: %w", kind, err)
		}
		found, belongs := []T{}, begin()
		for _, entry := range slices.Backward(entries) {
			var item T
			if err := json.Unmarshal(entry.Data, &item); err != nil {
				return nil, fmt.Errorf("read entry %d of the journal: %w", entry.Seq, err)
			}
			if len(found) < in.Limit && belongs(entry, item) {
				found = append(found, item)
			}
		}
		if len(found) == in.Limit || len(entries) < read || read == most {
			return found, nil
		}
	}
}

// parseSince reads a time, or how long before now. Empty is the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return parseMoment("query.since", text, now)
}

// parseMoment reads a time, or how long before now. Empty is now.
func parseMoment(field, text string, now time.Time) (time.Time, error) {
	if before, err := headroom.ParseDuration(text); err == nil {
		return now.Add(-time.Duration(before)), nil
	}
	return parseTime(field, text, now)
}

// parseTime reads RFC 3339 or Unix seconds.
func parseTime(field, text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	// Year 9999 is the last that RFC 3339 can write.
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 && seconds < 253402300800 {
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	return time.Time{}, &headroom.InvalidError{Field: field, Value: clip(text),
		Expected: "expected a time such as 2026-01-31T12:00:00Z, or Unix seconds"}
}
