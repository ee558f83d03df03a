package bolt

import (
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"headroom.dev/headroom"
)

// pruneBatch bounds a transaction of Prune, so that a commit waits for it a few tens of milliseconds at most.
const pruneBatch = 500

// Prune implements headroom.Store. It works in transactions of 500 entries; after an error, those done stay done and are
// counted. Space of removed entries is used again; the file does not shrink.
func (s *Store) Prune(kind headroom.EntryKind, before time.Time) (removed int, err error) {
	defer s.guard("prune the journal", &err)()
	after := uint64(0)
	for {
		var victims []uint64
		var done bool
		err := s.view(func(tx *bbolt.Tx) error {
			victims, done = findOlder(tx, kind, before, after)
			return nil
		})
		if err != nil || len(victims) == 0 {
			return removed, err
		}
		if err := s.update(func(tx *bbolt.Tx) error { return removeEntries(tx, victims) }); err != nil {
			return removed, fmt.Errorf("prune the journal: %w", err)
		}
		removed += len(victims)
		after = victims[len(victims)-1]
		if done {
			return removed, nil
		}
	}
}

// findOlder returns the next batch of entries after a sequence number, and whether there are no more.
func findOlder(tx *bbolt.Tx, kind headroom.EntryKind, before time.Time, after uint64) (victims []uint64, done bool) {
	search := newSearch(tx, headroom.JournalQuery{Kind: kind, Until: before})
	cursor := search.bucket.Cursor()
	key, value := cursor.Seek(sequenceKey(search.prefix, after+1))
	for ; hasPrefix(key, search.prefix); key, value = cursor.Next() {
		if readTimes(value).at >= instant(before) {
			continue
		}
		victims = append(victims, sequenceOf(key))
		if len(victims) == pruneBatch {
			return victims, false
		}
	}
	return victims, true
}

func removeEntries(tx *bbolt.Tx, victims []uint64) error {
	journal, index := tx.Bucket([]byte(journalBucket)), tx.Bucket([]byte(indexBucket))
	for _, seq := range victims {
		key := sequenceKey(nil, seq)
		if journal.Get(key) == nil {
			continue // another Prune was faster
		}
		entry, err := readEntry(journal, seq)
		if err != nil {
			return err
		}
		for _, indexKey := range indexKeys(entry) {
			if err := index.Delete(indexKey); err != nil {
				return err
			}
		}
		if err := journal.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
