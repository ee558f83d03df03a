package bolt

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"headroom.dev/headroom"
)

// Get implements headroom.Store.
func (s *Store) Get(kind, name string, into any) (err error) {
	defer s.guard(fmt.Sprintf("read %s %q", kind, name), &err)()
	return s.view(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte(objectsBucket)).Bucket([]byte(kind))
		if bucket == nil {
			return fmt.Errorf("%s %q: %w", kind, name, headroom.ErrNotFound)
		}
		data := bucket.Get([]byte(name))
		if data == nil {
			return fmt.Errorf("%s %q: %w", kind, name, headroom.ErrNotFound)
		}
		data, err := unseal(data)
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			return fmt.Errorf("read %s %q: %w", kind, name, err)
		}
		return nil
	})
}

// List implements headroom.Store. It reads one consistent state before the first call of each, so that each may use
// the store, and what it is given stays valid.
func (s *Store) List(kind string, each func(name string, data json.RawMessage) error) error {
	names, values, err := s.readAll(kind)
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := each(name, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) readAll(kind string) (names []string, values []json.RawMessage, err error) {
	defer s.guard("list "+kind, &err)()
	err = s.view(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte(objectsBucket)).Bucket([]byte(kind))
		if bucket == nil {
			return nil
		}
		return bucket.ForEach(func(name, sealed []byte) error {
			data, err := unseal(sealed)
			if err != nil {
				return fmt.Errorf("read %s %q: %w", kind, name, err)
			}
			names = append(names, string(name))
			values = append(values, bytes.Clone(data))
			return nil
		})
	})
	return names, values, err
}
