package bolt

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"

	"go.etcd.io/bbolt"

	"headroom.dev/headroom"
)

// Journal implements headroom.Store. Any of Kind, Service, both, or ID is looked up by index, and the last N of them
// cost N reads; a time range is found by bisection.
func (s *Store) Journal(query headroom.JournalQuery) (entries []headroom.Entry, err error) {
	defer s.guard("read the journal", &err)()
	err = s.view(func(tx *bbolt.Tx) error {
		search := newSearch(tx, query)
		if query.Newest {
			err = search.backward()
			slices.Reverse(search.found)
		} else {
			err = search.forward()
		}
		entries = search.found
		return err
	})
	return entries, err
}

// search walks one index (or the journal itself, where nothing is filtered).
type search struct {
	query    headroom.JournalQuery
	journal  *bbolt.Bucket
	bucket   *bbolt.Bucket // what is walked
	prefix   []byte
	from, to uint64 // instants; from included, to excluded
	found    []headroom.Entry
}

func newSearch(tx *bbolt.Tx, query headroom.JournalQuery) *search {
	journal := tx.Bucket([]byte(journalBucket))
	s := &search{query: query, journal: journal, bucket: journal, to: math.MaxUint64}
	if !query.Since.IsZero() {
		s.from = instant(query.Since)
	}
	if !query.Until.IsZero() {
		s.to = instant(query.Until)
	}
	switch {
	case query.ID != "":
		s.prefix = indexPrefix(byID, query.ID)
	case query.Kind != "" && query.Service != "":
		s.prefix = indexPrefix(byKindAndService, string(query.Kind), query.Service)
	case query.Kind != "":
		s.prefix = indexPrefix(byKind, string(query.Kind))
	case query.Service != "":
		s.prefix = indexPrefix(byService, query.Service)
	}
	if s.prefix != nil {
		s.bucket = tx.Bucket([]byte(indexBucket))
	}
	return s
}

func (s *search) forward() error {
	if s.query.After == math.MaxUint64 {
		return nil
	}
	cursor := s.bucket.Cursor()
	start := sequenceKey(s.prefix, max(s.query.After+1, s.firstSince()))
	for key, value := cursor.Seek(start); hasPrefix(key, s.prefix) && !s.full(); key, value = cursor.Next() {
		if err := s.consider(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (s *search) backward() error {
	cursor := s.bucket.Cursor()
	key, value := cursor.Seek(sequenceKey(s.prefix, math.MaxUint64))
	if !hasPrefix(key, s.prefix) { // the usual case: Seek went past the last key of the prefix
		if key == nil {
			key, value = cursor.Last()
		} else {
			key, value = cursor.Prev()
		}
	}
	for ; hasPrefix(key, s.prefix) && !s.full(); key, value = cursor.Prev() {
		// All that is further back is older than Since, too, because latest never falls.
		if sequenceOf(key) <= s.query.After || readTimes(value).latest < s.from {
			return nil
		}
		if err := s.consider(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (s *search) full() bool { return s.query.Limit > 0 && len(s.found) >= s.query.Limit }

// firstSince returns the first sequence number that can be at or after Since, by bisection over numbers: an entry at or
// after it has a latest at or after it, and latest never falls.
func (s *search) firstSince() uint64 {
	if s.from == 0 {
		return 0
	}
	cursor := s.journal.Cursor()
	last, _ := cursor.Last()
	if last == nil {
		return 0
	}
	count := int(min(sequenceOf(last), math.MaxInt-1)) + 1
	return uint64(sort.Search(count, func(seq int) bool {
		_, value := cursor.Seek(sequenceKey(nil, uint64(seq)))
		return value == nil || readTimes(value).latest >= s.from
	}))
}

func (s *search) consider(key, value []byte) error {
	if at := readTimes(value).at; at < s.from || at >= s.to {
		return nil
	}
	entry, err := readEntry(s.journal, sequenceOf(key))
	if err != nil {
		return err
	}
	if s.query.Kind != "" && entry.Kind != s.query.Kind || s.query.Service != "" && entry.Service != s.query.Service {
		return nil
	}
	s.found = append(s.found, entry)
	return nil
}

func sequenceOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

func readEntry(journal *bbolt.Bucket, seq uint64) (entry headroom.Entry, err error) {
	_, data, err := splitEntry(journal.Get(sequenceKey(nil, seq)))
	if err == nil {
		err = json.Unmarshal(data, &entry)
	}
	if err != nil {
		return entry, fmt.Errorf("journal entry %d: %w", seq, err)
	}
	return entry, nil
}
