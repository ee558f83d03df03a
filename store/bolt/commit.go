package bolt

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"headroom.dev/headroom"
)

// change is one write, encoded before the transaction begins so that bad input never opens one.
type change struct {
	kind, name string
	value      []byte // nil deletes
	entry      *headroom.Entry
}

// Commit implements headroom.Store. Every call is a transaction of its own that is on disk when it returns, about a
// millisecond on a solid-state disk. After an error (a full disk) nothing of it is stored and the store can be used on.
func (s *Store) Commit(writes ...headroom.Write) (entries []headroom.Entry, err error) {
	changes := make([]change, len(writes))
	for i, write := range writes {
		if changes[i], err = encode(write); err != nil {
			return nil, fmt.Errorf("write %d of %d: %w", i+1, len(writes), err)
		}
	}
	if len(changes) == 0 {
		return nil, nil
	}
	defer s.guard("commit", &err)()
	err = s.update(func(tx *bbolt.Tx) error {
		entries = entries[:0]
		for _, c := range changes {
			if c.entry != nil {
				stored, err := appendEntry(tx, *c.entry)
				if err != nil {
					return err
				}
				entries = append(entries, stored)
				continue
			}
			if err := c.apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("commit to the state file %s: %w", s.path, err)
	}
	return entries, nil
}

func encode(write headroom.Write) (change, error) {
	set := 0
	for _, isSet := range []bool{write.Put != nil, write.Delete != nil, write.Append != nil} {
		if isSet {
			set++
		}
	}
	if set != 1 {
		return change{}, fmt.Errorf("exactly one of Put, Delete and Append must be set, not %d", set)
	}
	switch {
	case write.Append != nil:
		return encodeEntry(*write.Append)
	case write.Delete != nil:
		return change{kind: write.Delete.Kind, name: write.Delete.Name}, checkName(write.Delete.Kind, write.Delete.Name)
	}
	value, err := json.Marshal(write.Put.Value)
	if err != nil {
		return change{}, fmt.Errorf("encode %s %q: %w", write.Put.Kind, write.Put.Name, err)
	}
	return change{kind: write.Put.Kind, name: write.Put.Name, value: value}, checkName(write.Put.Kind, write.Put.Name)
}

func encodeEntry(entry headroom.Entry) (change, error) {
	if entry.Kind == "" {
		return change{}, errors.New("a journal entry needs a kind")
	}
	if entry.Data != nil && !json.Valid(entry.Data) {
		return change{}, fmt.Errorf("the data of a journal entry of kind %s is not JSON", entry.Kind)
	}
	for _, text := range []string{string(entry.Kind), entry.Service, entry.ID} {
		if strings.ContainsRune(text, 0) || len(text) > maxNameSize {
			return change{}, fmt.Errorf("%.40q cannot be a kind, service or ID in the journal: expected at most %d bytes, none of them zero", text, maxNameSize)
		}
	}
	return change{entry: &entry}, nil
}

// maxNameSize keeps index keys, of two names at most, well below bbolt's limit of 32 KiB.
const maxNameSize = 4 << 10

func checkName(kind, name string) error {
	if kind == "" || name == "" || len(kind) > maxNameSize || len(name) > maxNameSize {
		return fmt.Errorf("object %.40q of kind %.40q: expected both to have 1 to %d bytes", name, kind, maxNameSize)
	}
	return nil
}

func (c change) apply(tx *bbolt.Tx) error {
	objects := tx.Bucket([]byte(objectsBucket))
	if c.value == nil {
		bucket := objects.Bucket([]byte(c.kind))
		if bucket == nil {
			return nil
		}
		return bucket.Delete([]byte(c.name))
	}
	bucket, err := objects.CreateBucketIfNotExists([]byte(c.kind))
	if err != nil {
		return err
	}
	return bucket.Put([]byte(c.name), seal(c.value))
}
