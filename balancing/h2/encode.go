package h2

import (
	"bytes"
	"hash/maphash"
)

const (
	// mostTable is the most of the peer's dynamic table that is used: the default of SETTINGS_HEADER_TABLE_SIZE.
	mostTable = 4096
	// entryOverhead of one entry of the dynamic table (RFC 7541 section 4.1).
	entryOverhead = 32
	// largestIndexed is the longest value that goes into the table: four such would fill it.
	largestIndexed  = 1024 - entryOverhead
	staticEntries   = 61
	firstRing       = 8
	representNever  = 0x10
	representPlain  = 0x00
	representIndex  = 0x40
	representKnown  = 0x80
	representResize = 0x20
)

// encoder writes header blocks in HPACK (RFC 7541). A value goes into the dynamic table when it is seen for the second time, so that
// what comes once (paths with an ID, dates) does not push out what stays. It writes no Huffman codes: they would save a quarter of the
// bytes of values that come once, at the price of looking at each bit on both sides. It allocates nothing once the table has settled.
type encoder struct {
	seed    maphash.Seed
	ring    []entry // entries, the oldest at first; the length is a power of two
	first   int
	count   int
	size    int // as RFC 7541 section 4.1 counts
	limit   int
	resized bool          // limit has changed since the last block
	seen    [16][4]uint32 // hashes of what was seen once, the newest first, by the lowest bits
}

// entry is one field in the dynamic table.
type entry struct {
	hash  uint64
	name  *fieldName
	value []byte
}

func newEncoder() encoder {
	return encoder{seed: maphash.MakeSeed(), ring: make([]entry, firstRing), limit: mostTable}
}

// setLimit takes over the peer's SETTINGS_HEADER_TABLE_SIZE. A table that was made smaller stays so: an encoder may use less than it is
// allowed, and two changes in one block, which RFC 7541 section 4.2 has after down and up, are refused by golang.org/x/net's decoder.
func (e *encoder) setLimit(limit uint32) {
	size := int(min(limit, mostTable))
	if size >= e.limit {
		return
	}
	e.limit, e.resized = size, true
	e.evict(size)
}

// begin begins a block.
func (e *encoder) begin(dst []byte) []byte {
	if !e.resized {
		return dst
	}
	e.resized = false
	return appendInteger(dst, representResize, 5, e.limit)
}

// index appends a field that is a whole entry of the static table.
func (e *encoder) index(dst []byte, static int) []byte {
	return appendInteger(dst, representKnown, 7, static)
}

// unknown appends a field whose name is not known.
func (e *encoder) unknown(dst, name, value []byte) []byte {
	dst = append(dst, representNever)
	dst = appendLiteral(dst, name)
	return appendLiteral(dst, value)
}

// field appends a field with a known name.
func (e *encoder) field(dst []byte, name *fieldName, value []byte) []byte {
	size := len(name.text) + len(value) + entryOverhead
	if !name.repeats || len(value) > largestIndexed || size > e.limit {
		return e.literal(dst, representNever, 4, name, int(name.static), value)
	}
	hash := maphash.Bytes(e.seed, value) ^ uint64(name.text[len(name.text)-1])<<56 ^ uint64(len(name.text))<<48
	nameIndex := int(name.static)
	for i := e.count - 1; i >= 0; i-- {
		candidate := &e.ring[(e.first+i)&(len(e.ring)-1)]
		if candidate.name != name {
			continue
		}
		at := staticEntries + e.count - i
		if candidate.hash == hash && bytes.Equal(candidate.value, value) {
			return appendInteger(dst, representKnown, 7, at)
		}
		if nameIndex == 0 {
			nameIndex = at
		}
	}
	if !e.seenBefore(hash) {
		return e.literal(dst, representPlain, 4, name, nameIndex, value)
	}
	dst = e.literal(dst, representIndex, 6, name, nameIndex, value)
	e.add(hash, name, value, size)
	return dst
}

// seenBefore reports whether a value was seen lately, and notes it.
func (e *encoder) seenBefore(hash uint64) bool {
	set, mark := &e.seen[hash%uint64(len(e.seen))], uint32(hash>>8)|1
	for i := range set {
		if set[i] == mark {
			return true
		}
	}
	copy(set[1:], set[:])
	set[0] = mark
	return false
}

// literal appends a field whose name is an index, if there is one, and whose value is written out.
func (e *encoder) literal(dst []byte, kind byte, bits uint, name *fieldName, nameIndex int, value []byte) []byte {
	dst = appendInteger(dst, kind, bits, nameIndex)
	if nameIndex == 0 {
		dst = appendInteger(dst, 0, 7, len(name.text))
		dst = append(dst, name.text...)
	}
	return appendLiteral(dst, value)
}

func (e *encoder) add(hash uint64, name *fieldName, value []byte, size int) {
	e.evict(e.limit - size)
	if e.count == len(e.ring) {
		e.grow()
	}
	added := &e.ring[(e.first+e.count)&(len(e.ring)-1)]
	added.hash, added.name, added.value = hash, name, append(added.value[:0], value...)
	e.count++
	e.size += size
}

// evict drops the oldest entries until no more than size bytes are left.
func (e *encoder) evict(size int) {
	for e.count > 0 && e.size > size {
		oldest := &e.ring[e.first]
		e.size -= len(oldest.name.text) + len(oldest.value) + entryOverhead
		e.first = (e.first + 1) & (len(e.ring) - 1)
		e.count--
	}
}

func (e *encoder) grow() {
	larger := make([]entry, 2*len(e.ring))
	for i := range e.count {
		larger[i] = e.ring[(e.first+i)&(len(e.ring)-1)]
	}
	e.ring, e.first = larger, 0
}

// appendInteger appends an integer with a prefix of so many bits, below the bits of kind (RFC 7541 section 5.1).
func appendInteger(dst []byte, kind byte, bits uint, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(dst, kind|byte(n))
	}
	dst = append(dst, kind|byte(most))
	for n -= most; n >= 128; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

// appendLiteral appends a string without Huffman codes (RFC 7541 section 5.2).
func appendLiteral(dst, s []byte) []byte {
	dst = appendInteger(dst, 0, 7, len(s))
	return append(dst, s...)
}
