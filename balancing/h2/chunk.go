package h2

import "unsafe"

// Bodies that wait to be read lie in chunks of these sizes, which the connections of a process use again. They are filled to the end, and none
// is twice as large as the bytes that it was taken for, but for the smallest. So no sequence of frames makes a body take more than
// twice its bytes and one small chunk.
const (
	smallChunk = 2 << 10
	chunkSizes = 4 // 2, 4, 8 and 16 KB
	largeChunk = smallChunk << (chunkSizes - 1)
)

// chunk gives an empty one for n bytes, or for as many as it takes.
func (m *Memory) chunk(n int) []byte {
	size, kind := smallChunk, 0
	for size < n && size < largeChunk {
		size *= 2
		kind++
	}
	if first, ok := m.chunks[kind].Get().(*byte); ok {
		return unsafe.Slice(first, size)[:0]
	}
	return make([]byte, 0, size)
}

// putChunk takes a chunk back.
func (m *Memory) putChunk(chunk []byte) {
	kind := 0
	for size := smallChunk; size < cap(chunk); size *= 2 {
		kind++
	}
	m.chunks[kind].Put(unsafe.SliceData(chunk)) // a pointer, unlike a slice, is pooled without allocating
}

// inbox is what of a body came and was not handed out.
type inbox struct {
	queue [][]byte
	first int // in queue
	size  int
}

// add copies data in.
func (b *inbox) add(from *Memory, data []byte) {
	b.size += len(data)
	for len(data) > 0 {
		last := len(b.queue) - 1
		if last < b.first || len(b.queue[last]) == cap(b.queue[last]) {
			b.queue = append(b.queue, from.chunk(len(data)))
			last++
		}
		tail := b.queue[last]
		n := min(len(data), cap(tail)-len(tail))
		b.queue[last] = append(tail, data[:n]...)
		data = data[n:]
	}
}

// next hands the first chunk out.
func (b *inbox) next() []byte {
	chunk := b.queue[b.first]
	b.queue[b.first] = nil
	b.first++
	b.size -= len(chunk)
	if b.first == len(b.queue) {
		b.queue, b.first = b.queue[:0], 0
	}
	return chunk
}
