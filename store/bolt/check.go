package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The layout of a bbolt file, version 2 (go.etcd.io/bbolt/internal/common: meta.go, page.go, inode.go, bucket.go), in
// the byte order of the machine.
const (
	metaMagic       = 0xED0CDAED
	metaVersion     = 2
	metaSize        = 64 // the last 8 bytes are a checksum of the others
	pageHeaderSize  = 16 // id 8, flags 2, count 2, overflow 4
	elementSize     = 16 // branch: position 4, key size 4, page 8; leaf: flags 4, position 4, key size 4, value size 4
	bucketSize      = 16 // root page 8, sequence 8; an inline page follows where root is 0
	branchPage      = 0x01
	leafPage        = 0x02
	freelistPage    = 0x10
	bucketElement   = 0x01
	noFreelist      = ^uint64(0)
	maxDepth        = 64 // of pages and nested buckets; a real tree has fewer than ten levels
	largestPageSize = 16 << 20
)

// checker reads a bbolt file page by page, without mapping it, and believes nothing: bbolt itself panics on much of
// what can be wrong, its own Check runs after it has mapped the file, and a fault in a mapping kills the process.
type checker struct {
	file     io.ReaderAt
	size     int64
	pageSize uint64
	meta     meta
	used     []bool // by page: seen in the tree, the freelist or free
}

type meta struct {
	pageSize                    uint32
	root, freelist, pages, txid uint64
}

// checkFile returns *DamagedError where a file is not a sound bbolt file.
func checkFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the state file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("open the state file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("the state file %s is not a regular file", path)
	}
	if err := checkPages(file, info.Size()); err != nil {
		return &DamagedError{Path: path, Damage: err.Error()}
	}
	return nil
}

func checkPages(file io.ReaderAt, size int64) error {
	c := &checker{file: file, size: size}
	if err := c.findMeta(); err != nil {
		return err
	}
	if c.meta.pages < 4 || c.meta.pages > uint64(size)/c.pageSize {
		return fmt.Errorf("it has %d bytes, but needs %d pages of %d bytes: it was cut off", size, c.meta.pages, c.pageSize)
	}
	c.used = make([]bool, c.meta.pages)
	c.used[0], c.used[1] = true, true
	if err := c.checkTree(c.meta.root, nil, nil, 0); err != nil {
		return err
	}
	return c.checkFreelist()
}

// findMeta reads both meta pages as bbolt does: the newest whose checksum matches counts.
func (c *checker) findMeta() error {
	var found bool
	consider := func(offset int64) {
		page := make([]byte, pageHeaderSize+metaSize)
		if _, err := c.file.ReadAt(page, offset); err != nil {
			return
		}
		m, ok := readMeta(page[pageHeaderSize:])
		if !ok || offset != 0 && int64(m.pageSize) != offset || found && m.txid <= c.meta.txid {
			return
		}
		found, c.meta, c.pageSize = true, m, uint64(m.pageSize)
	}
	consider(0)
	for offset := int64(1024); offset <= largestPageSize && offset < c.size; offset *= 2 {
		consider(offset)
	}
	if !found {
		return errors.New("neither of its first two pages describes a bbolt file")
	}
	return nil
}

func readMeta(data []byte) (meta, bool) {
	order := binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(data[:metaSize-8])
	m := meta{
		pageSize: order.Uint32(data[8:]),
		root:     order.Uint64(data[16:]),
		freelist: order.Uint64(data[32:]),
		pages:    order.Uint64(data[40:]),
		txid:     order.Uint64(data[48:]),
	}
	sound := order.Uint32(data) == metaMagic && order.Uint32(data[4:]) == metaVersion && order.Uint64(data[56:]) == sum.Sum64()
	return m, sound && m.pageSize >= 1024 && m.pageSize <= largestPageSize && m.pageSize&(m.pageSize-1) == 0
}

// readPage returns a page with its overflow and marks it used.
func (c *checker) readPage(id uint64) (data []byte, flags uint16, count int, err error) {
	if id < 2 || id >= c.meta.pages {
		return nil, 0, 0, fmt.Errorf("page %d does not exist", id)
	}
	data = make([]byte, c.pageSize)
	if _, err := c.file.ReadAt(data, int64(id*c.pageSize)); err != nil {
		return nil, 0, 0, fmt.Errorf("page %d: %w", id, err)
	}
	order := binary.NativeEndian
	if found := order.Uint64(data); found != id {
		return nil, 0, 0, fmt.Errorf("page %d calls itself %d", id, found)
	}
	overflow := uint64(order.Uint32(data[12:]))
	if overflow >= c.meta.pages-id {
		return nil, 0, 0, fmt.Errorf("page %d goes on for %d pages, past the end", id, overflow)
	}
	for i := id; i <= id+overflow; i++ {
		if c.used[i] {
			return nil, 0, 0, fmt.Errorf("page %d is used twice", i)
		}
		c.used[i] = true
	}
	if overflow > 0 {
		data = append(data, make([]byte, overflow*c.pageSize)...)
		if _, err := c.file.ReadAt(data[c.pageSize:], int64((id+1)*c.pageSize)); err != nil {
			return nil, 0, 0, fmt.Errorf("page %d: %w", id, err)
		}
	}
	return data, order.Uint16(data[8:]), int(order.Uint16(data[10:])), nil
}

// checkTree checks a page and all below it; keys must be at or above low and below high (nil is no bound).
func (c *checker) checkTree(id uint64, low, high []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d is %d levels deep", id, depth)
	}
	data, flags, count, err := c.readPage(id)
	if err != nil {
		return err
	}
	switch flags {
	case branchPage:
		return c.checkBranch(id, data, count, low, high, depth)
	case leafPage:
		return c.checkLeaf(fmt.Sprintf("page %d", id), data, count, low, high, depth)
	default:
		return fmt.Errorf("page %d is of unknown kind %#x", id, flags)
	}
}

func (c *checker) checkBranch(id uint64, data []byte, count int, low, high []byte, depth int) error {
	if count == 0 {
		return fmt.Errorf("page %d leads nowhere", id)
	}
	order := binary.NativeEndian
	keys, children := make([][]byte, count), make([]uint64, count)
	for i := range count {
		at := pageHeaderSize + i*elementSize
		if at+elementSize > len(data) {
			return fmt.Errorf("page %d has more elements than room", id)
		}
		children[i] = order.Uint64(data[at+8:])
		key, ok := slice(data, at, order.Uint32(data[at:]), order.Uint32(data[at+4:]), 0)
		if !ok {
			return fmt.Errorf("page %d: key %d lies outside of it", id, i)
		}
		keys[i] = key
	}
	if err := checkOrder(keys, low, high); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	for i := range count {
		end := high
		if i+1 < count {
			end = keys[i+1]
		}
		if err := c.checkTree(children[i], keys[i], end, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkLeaf(where string, data []byte, count int, low, high []byte, depth int) error {
	order := binary.NativeEndian
	keys := make([][]byte, count)
	for i := range count {
		at := pageHeaderSize + i*elementSize
		if at+elementSize > len(data) {
			return fmt.Errorf("%s has more elements than room", where)
		}
		flags, position, keySize, valueSize := order.Uint32(data[at:]), order.Uint32(data[at+4:]), order.Uint32(data[at+8:]), order.Uint32(data[at+12:])
		key, ok := slice(data, at, position, keySize, 0)
		value, valueOK := slice(data, at, position, valueSize, keySize)
		if !ok || !valueOK {
			return fmt.Errorf("%s: element %d lies outside of it", where, i)
		}
		keys[i] = key
		switch flags {
		case 0:
		case bucketElement:
			if err := c.checkBucket(where, value, depth+1); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s: element %d is of unknown kind %#x", where, i, flags)
		}
	}
	if err := checkOrder(keys, low, high); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return nil
}

func (c *checker) checkBucket(where string, value []byte, depth int) error {
	order := binary.NativeEndian
	if len(value) < bucketSize {
		return fmt.Errorf("%s: a bucket has %d bytes", where, len(value))
	}
	if root := order.Uint64(value); root != 0 {
		return c.checkTree(root, nil, nil, depth)
	}
	inline := value[bucketSize:]
	if depth > maxDepth || len(inline) < pageHeaderSize || order.Uint16(inline[8:]) != leafPage || order.Uint32(inline[12:]) != 0 {
		return fmt.Errorf("%s: an inline bucket is malformed", where)
	}
	return c.checkLeaf(where+", inline bucket", inline, int(order.Uint16(inline[10:])), nil, nil, depth)
}

// slice returns size bytes at position+skip from the element at offset at, if they lie inside the page.
func slice(data []byte, at int, position, size, skip uint32) ([]byte, bool) {
	start := uint64(at) + uint64(position) + uint64(skip)
	end := start + uint64(size)
	if uint64(position) < elementSize || end > uint64(len(data)) {
		return nil, false
	}
	return data[start:end], true
}

func checkOrder(keys [][]byte, low, high []byte) error {
	for i, key := range keys {
		switch {
		case i > 0 && bytes.Compare(keys[i-1], key) >= 0:
			return fmt.Errorf("key %d is out of order", i)
		case i == 0 && low != nil && bytes.Compare(key, low) < 0, high != nil && bytes.Compare(key, high) >= 0:
			return fmt.Errorf("key %d belongs into another page", i)
		}
	}
	return nil
}

// checkFreelist makes sure that no page is both free and in use: bbolt would overwrite it. Pages that are neither are
// lost space and harmless.
func (c *checker) checkFreelist() error {
	if c.meta.freelist == noFreelist {
		return nil
	}
	data, flags, count, err := c.readPage(c.meta.freelist)
	if err != nil {
		return fmt.Errorf("the list of free pages: %w", err)
	}
	if flags != freelistPage {
		return fmt.Errorf("page %d is of kind %#x, not the list of free pages", c.meta.freelist, flags)
	}
	order, ids := binary.NativeEndian, data[pageHeaderSize:]
	total := uint64(count)
	if count == 0xFFFF { // too many for 16 bits: the first number is the count
		total, ids = order.Uint64(ids), ids[8:]
	}
	if total > uint64(len(ids)/8) {
		return fmt.Errorf("the list of free pages has %d, more than fit", total)
	}
	for i := range total {
		id := order.Uint64(ids[i*8:])
		if id < 2 || id >= c.meta.pages || c.used[id] {
			return fmt.Errorf("page %d is listed as free, but is not", id)
		}
		c.used[id] = true
	}
	return nil
}
