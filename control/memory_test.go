package control_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"headroom.dev/headroom"
)

var errDiskFull = errors.New("no space left on device")

// memory is a store whose content outlives the process that a test pretends to kill.
type memory struct {
	mu      sync.Mutex // guards all below
	objects map[string]map[string]json.RawMessage
	journal []headroom.Entry
	seq     uint64
	commits int
	full    bool // every commit is refused
}

func newMemory() *memory { return &memory{objects: map[string]map[string]json.RawMessage{}} }

func (m *memory) fill(full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.full = full
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commits
}

func (m *memory) Get(kind, name string, into any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, there := m.objects[kind][name]
	if !there {
		return headroom.ErrNotFound
	}
	return json.Unmarshal(data, into)
}

func (m *memory) List(kind string, each func(string, json.RawMessage) error) error {
	m.mu.Lock()
	objects := maps.Clone(m.objects[kind])
	m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		if err := each(name, objects[name]); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Commit(writes ...headroom.Write) ([]headroom.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full {
		return nil, errDiskFull
	}
	m.commits++
	var entries []headroom.Entry
	for _, write := range writes {
		switch {
		case write.Put != nil:
			data, err := json.Marshal(write.Put.Value)
			if err != nil {
				return nil, err
			}
			if m.objects[write.Put.Kind] == nil {
				m.objects[write.Put.Kind] = map[string]json.RawMessage{}
			}
			m.objects[write.Put.Kind][write.Put.Name] = data
		case write.Delete != nil:
			delete(m.objects[write.Delete.Kind], write.Delete.Name)
		default:
			m.seq++
			entry := *write.Append
			entry.Seq = m.seq
			entries = append(entries, entry)
		}
	}
	m.journal = append(m.journal, entries...)
	return entries, nil
}

func (m *memory) Journal(query headroom.JournalQuery) ([]headroom.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []headroom.Entry
	for _, entry := range m.journal {
		if (query.Kind == "" || query.Kind == entry.Kind) && (query.ID == "" || query.ID == entry.ID) &&
			(query.Service == "" || query.Service == entry.Service) && !entry.At.Before(query.Since) {
			found = append(found, entry)
		}
	}
	if query.Newest && query.Limit > 0 {
		found = found[max(0, len(found)-query.Limit):]
	}
	return found, nil
}

func (m *memory) Prune(headroom.EntryKind, time.Time) (int, error) { return 0, nil }

func (m *memory) Close() error { return nil }

// names lists the objects of a kind.
func (m *memory) names(kind string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.objects[kind]))
}

// entries decodes the journal of one kind.
func entries[T any](m *memory, kind headroom.EntryKind) []T {
	found, _ := m.Journal(headroom.JournalQuery{Kind: kind})
	values := make([]T, len(found))
	for i, entry := range found {
		if err := json.Unmarshal(entry.Data, &values[i]); err != nil {
			panic(err)
		}
	}
	return values
}
