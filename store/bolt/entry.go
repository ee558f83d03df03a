package bolt

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"headroom.dev/headroom"
)

// A journal value is a header and the entry as JSON:
//
//	0  at         when it was, so that a search by time need not parse
//	8  latest     the latest time of this entry and all before it; never falls as sequence numbers rise, although
//	              clocks step back, so a search by time can bisect and stop early
//	16 indexKeys  how many index keys it has
//	17 sealed     the JSON after its checksum, see seal
//
// An index value is the first 16 bytes of it.
const (
	timesSize  = 16
	headerSize = 17
)

type times struct{ at, latest uint64 }

type entryHeader struct {
	times
	indexKeys byte
}

// checksumSize is the size of the CRC-32C that goes before every JSON text, since bbolt has checksums of its two first
// pages only.
const checksumSize = 4

func checksum(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

func seal(data []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, checksumSize+len(data)), checksum(data)), data...)
}

func unseal(value []byte) ([]byte, error) {
	if len(value) < checksumSize || binary.BigEndian.Uint32(value) != checksum(value[checksumSize:]) {
		return nil, errors.New("its checksum does not match")
	}
	return value[checksumSize:], nil
}

// instant maps a time to a number of the same order. Times outside the years 1678 to 2262, which nanoseconds cannot
// count, are moved to the nearest.
func instant(t time.Time) uint64 {
	nanos := t.UnixNano()
	switch year := t.Year(); {
	case year < 1678:
		nanos = math.MinInt64
	case year > 2261:
		nanos = math.MaxInt64 - 1 // the greatest instant is kept for "no end"
	}
	return uint64(nanos) ^ 1<<63
}

func joinEntry(header entryHeader, data []byte) []byte {
	value := make([]byte, headerSize, headerSize+checksumSize+len(data))
	binary.BigEndian.PutUint64(value, header.at)
	binary.BigEndian.PutUint64(value[8:], header.latest)
	value[16] = header.indexKeys
	return append(value, seal(data)...)
}

func splitEntry(value []byte) (entryHeader, []byte, error) {
	if len(value) < headerSize {
		return entryHeader{}, nil, fmt.Errorf("has %d bytes, expected at least %d", len(value), headerSize)
	}
	data, err := unseal(value[headerSize:])
	return entryHeader{times: readTimes(value), indexKeys: value[16]}, data, err
}

// readTimes reads the first 16 bytes of a journal or index value.
func readTimes(value []byte) times {
	return times{at: binary.BigEndian.Uint64(value), latest: binary.BigEndian.Uint64(value[8:])}
}

// The filters that have an index, each with the first byte of its keys.
const (
	byKind           = 'k'
	byService        = 's'
	byKindAndService = 'b'
	byID             = 'i'
)

// indexPrefix is an index key without its sequence number. Names hold no zero byte (see encodeEntry), so no prefix is
// the beginning of another.
func indexPrefix(filter byte, names ...string) []byte {
	prefix := []byte{filter}
	for _, name := range names {
		prefix = append(prefix, name...)
		prefix = append(prefix, 0)
	}
	return prefix
}

func sequenceKey(prefix []byte, seq uint64) []byte {
	key := make([]byte, 0, len(prefix)+8)
	return binary.BigEndian.AppendUint64(append(key, prefix...), seq)
}

func indexKeys(entry headroom.Entry) [][]byte {
	keys := [][]byte{sequenceKey(indexPrefix(byKind, string(entry.Kind)), entry.Seq)}
	if entry.Service != "" {
		keys = append(keys,
			sequenceKey(indexPrefix(byService, entry.Service), entry.Seq),
			sequenceKey(indexPrefix(byKindAndService, string(entry.Kind), entry.Service), entry.Seq))
	}
	if entry.ID != "" {
		keys = append(keys, sequenceKey(indexPrefix(byID, entry.ID), entry.Seq))
	}
	return keys
}

func appendEntry(tx *bbolt.Tx, entry headroom.Entry) (headroom.Entry, error) {
	journal, index := tx.Bucket([]byte(journalBucket)), tx.Bucket([]byte(indexBucket))
	journal.FillPercent = 0.95 // keys only ever rise, so pages may be full; bbolt's default is for random keys
	seq, err := journal.NextSequence()
	if err != nil {
		return entry, err
	}
	entry.Seq = seq
	keys := indexKeys(entry)
	header := entryHeader{times: times{at: instant(entry.At), latest: instant(entry.At)}, indexKeys: byte(len(keys))}
	if _, last := journal.Cursor().Last(); last != nil {
		header.latest = max(header.latest, readTimes(last).latest)
	}
	data, err := json.Marshal(entry)
	if err != nil {
		return entry, fmt.Errorf("encode a journal entry: %w", err)
	}
	value := joinEntry(header, data)
	if err := journal.Put(sequenceKey(nil, seq), value); err != nil {
		return entry, err
	}
	for _, key := range keys {
		if err := index.Put(key, value[:timesSize]); err != nil {
			return entry, err
		}
	}
	return entry, nil
}
