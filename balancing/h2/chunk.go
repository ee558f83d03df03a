package h2

// Bodies that wait to be read lie in chunks, which the connection uses again: small ones, so that many short messages take little, and
// large ones. They are filled to the end, so that no sequence of frames takes more memory than its bytes plus one chunk.
const (
	smallChunk = 2 << 10
	largeChunk = 16 << 10
	// spareLarge is how many large chunks are kept while the connection is in use: 512 KB.
	spareLarge = 32
)

// chunks are those of a connection that are not in use. They are guarded by conn.mu.
type chunks struct {
	small, large [][]byte
}

// get gives an empty chunk for n bytes, or as many as it takes.
func (c *chunks) get(n int) []byte {
	if n <= smallChunk {
		return pop(&c.small, smallChunk)
	}
	return pop(&c.large, largeChunk)
}

func pop(list *[][]byte, size int) []byte {
	n := len(*list)
	if n == 0 {
		return make([]byte, 0, size)
	}
	chunk := (*list)[n-1]
	*list = (*list)[:n-1]
	return chunk[:0]
}

// put takes a chunk back.
func (c *chunks) put(chunk []byte) {
	switch {
	case cap(chunk) == smallChunk && len(c.small) < defaultMaxStreams:
		c.small = append(c.small, chunk)
	case cap(chunk) == largeChunk && len(c.large) < spareLarge:
		c.large = append(c.large, chunk)
	}
}

// inbox is what of a body came and was not handed out.
type inbox struct {
	queue [][]byte
	first int // in queue
	size  int
}

// add copies data in.
func (b *inbox) add(from *chunks, data []byte) {
	b.size += len(data)
	for len(data) > 0 {
		last := len(b.queue) - 1
		if last < b.first || len(b.queue[last]) == cap(b.queue[last]) {
			b.queue = append(b.queue, from.get(len(data)))
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
