package headroom

import (
	"encoding/json"
	"errors"
	"time"
)

// Store keeps state that must survive: objects by kind and name, and a journal. A Commit is durable and atomic when it
// returns. Implementations are safe for concurrent use.
type Store interface {
	// Get reads one object into the value that into points to. It returns ErrNotFound where there is none.
	Get(kind, name string, into any) error
	// List calls each with every object of a kind, in the order of their names, until it returns an error.
	List(kind string, each func(name string, data json.RawMessage) error) error
	// Commit applies all writes or none. Journal entries get their sequence number here, in order; the entries with their
	// numbers are returned.
	Commit(writes ...Write) ([]Entry, error)
	// Journal returns entries in ascending order of their sequence number.
	Journal(query JournalQuery) ([]Entry, error)
	// Prune removes journal entries of a kind (all kinds where empty) older than a time, and returns how many.
	Prune(kind EntryKind, before time.Time) (int, error)
	Close() error
}

// Write is one change in a Commit: exactly one of its fields is set.
type Write struct {
	Put    *Object
	Delete *ObjectName
	Append *Entry // Seq is ignored
}

// ObjectName names an object of the store.
type ObjectName struct{ Kind, Name string }

// Object is one object of the store; Value is stored as JSON.
type Object struct {
	Kind, Name string
	Value      any
}

// EntryKind says what a journal entry holds.
type EntryKind string

// The kinds of journal entries.
const (
	EntryDecision  EntryKind = "decision"  // a Decision, with the observation it was made from
	EntryOperation EntryKind = "operation" // an Operation after each change of its state
	EntryOutcome   EntryKind = "outcome"   // an Outcome
	EntryEvent     EntryKind = "event"     // an Event
	EntryAudit     EntryKind = "audit"     // an AuditRecord
)

// Entry is one line of the journal.
type Entry struct {
	Seq     uint64          `json:"seq"`
	At      time.Time       `json:"at"`
	Kind    EntryKind       `json:"kind"`
	Service string          `json:"service,omitempty"`
	ID      string          `json:"id,omitempty"`
	Data    json.RawMessage `json:"data"`
}

// JournalQuery selects journal entries. Zero fields select everything.
type JournalQuery struct {
	Kind    EntryKind
	Service string
	ID      string
	After   uint64    // entries with a greater sequence number
	Since   time.Time // entries at or after
	Until   time.Time // entries before
	Limit   int       // at most so many; 0 is no limit
	Newest  bool      // with Limit: the last ones instead of the first ones, still ascending
}

// ErrNotFound is returned by a Store for an object that it does not hold.
var ErrNotFound = errors.New("not found")

// Event is something that happened, in a sentence for people and with a type for programs.
type Event struct {
	Type    string         `json:"type"` // "replica-ready", "replica-exited", "scaled", "config-reloaded", …
	Level   EventLevel     `json:"level" enum:"info,warning,error"`
	Service string         `json:"service,omitempty"`
	Message string         `json:"message"`
	Details map[string]any `json:"details,omitempty"`
}

// EventLevel says how much an event matters.
type EventLevel string

// The levels of events.
const (
	LevelInfo    EventLevel = "info"
	LevelWarning EventLevel = "warning"
	LevelError   EventLevel = "error"
)

// AuditRecord is one change made by a person or a program through the API.
type AuditRecord struct {
	Actor     string          `json:"actor"` // "token", "local"
	Source    string          `json:"source"`
	RequestID string          `json:"requestId"`
	Verb      string          `json:"verb"`
	Object    string          `json:"object"`
	Before    json.RawMessage `json:"before,omitempty"`
	After     json.RawMessage `json:"after,omitempty"`
	DryRun    bool            `json:"dryRun,omitempty"`
	Reason    string          `json:"reason,omitempty"` // what the client said why
	Outcome   string          `json:"outcome"`
}
