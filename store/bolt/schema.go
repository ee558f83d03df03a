package bolt

import (
	"bytes"
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"
)

// schemaVersion counts incompatible changes of the layout below.
//
//	about    schema                         → "1"
//	objects  KIND (a bucket) / NAME         → CRC-32C of the JSON, JSON
//	journal  sequence number                → header, JSON of the entry (see entryHeader)
//	index    filter, 0, sequence number     → times of the entry (see indexKey)
//
// Numbers in keys are 8 bytes, big-endian, so that their order is that of the keys.
const schemaVersion = 1

// Names of the buckets.
const (
	aboutBucket   = "about"
	objectsBucket = "objects"
	journalBucket = "journal"
	indexBucket   = "index"
)

const schemaKey = "schema"

func writeSchema(tx *bbolt.Tx) error {
	for _, name := range []string{aboutBucket, objectsBucket, journalBucket, indexBucket} {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	return tx.Bucket([]byte(aboutBucket)).Put([]byte(schemaKey), []byte(strconv.Itoa(schemaVersion)))
}

func newerSchema(found string) bool {
	version, err := strconv.Atoi(found)
	return err == nil && version > schemaVersion
}

// checkContents judges what checkFile cannot see: the version, and that objects and journal entries are as they were
// written.
func checkContents(db *bbolt.DB) error {
	return db.View(func(tx *bbolt.Tx) error {
		about := tx.Bucket([]byte(aboutBucket))
		if about == nil {
			return &VersionError{Path: db.Path()}
		}
		if found := string(about.Get([]byte(schemaKey))); found != strconv.Itoa(schemaVersion) {
			return &VersionError{Path: db.Path(), Found: found}
		}
		for _, name := range []string{objectsBucket, journalBucket, indexBucket} {
			if tx.Bucket([]byte(name)) == nil {
				return &DamagedError{Path: db.Path(), Damage: fmt.Sprintf("its part %q is missing", name)}
			}
		}
		if err := checkObjects(tx); err != nil {
			return &DamagedError{Path: db.Path(), Damage: err.Error()}
		}
		if err := checkJournal(tx); err != nil {
			return &DamagedError{Path: db.Path(), Damage: err.Error()}
		}
		return nil
	})
}

func checkObjects(tx *bbolt.Tx) error {
	objects := tx.Bucket([]byte(objectsBucket))
	return objects.ForEach(func(kind, _ []byte) error {
		bucket := objects.Bucket(kind)
		if bucket == nil {
			return fmt.Errorf("objects of kind %q are not a list", kind)
		}
		return bucket.ForEach(func(name, data []byte) error {
			if _, err := unseal(data); err != nil {
				return fmt.Errorf("%s %q: %w", kind, name, err)
			}
			return nil
		})
	})
}

// checkJournal compares checksums (gigabytes per second) rather than parsing, for the journal may be long. Every entry
// must be found through the index as well: its keys are derived from the entry.
func checkJournal(tx *bbolt.Tx) error {
	indexed := 0
	index := tx.Bucket([]byte(indexBucket))
	if err := index.ForEach(func(key, value []byte) error {
		if len(key) < 10 || len(value) != timesSize {
			return fmt.Errorf("the journal's index has a malformed key %x", key)
		}
		indexed++
		return nil
	}); err != nil {
		return err
	}
	wanted := 0
	if err := tx.Bucket([]byte(journalBucket)).ForEach(func(key, value []byte) error {
		header, _, err := splitEntry(value)
		if err != nil || len(key) != 8 {
			return fmt.Errorf("journal entry %x: %v", key, err)
		}
		wanted += int(header.indexKeys)
		return nil
	}); err != nil {
		return err
	}
	if indexed != wanted {
		return fmt.Errorf("the journal's index has %d keys, its entries need %d", indexed, wanted)
	}
	return nil
}

// hasPrefix is bytes.HasPrefix that is also false for the nil key at the end of a bucket.
func hasPrefix(key, prefix []byte) bool { return key != nil && bytes.HasPrefix(key, prefix) }
