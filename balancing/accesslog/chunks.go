package accesslog

import "sync/atomic"

// chunks are the memory of the log. A chunk is made when one is first needed, and used again from then on: it is free, or fills up in a
// shard, or is full and waits for the file, or is being written.
type chunks struct {
	made *atomic.Int32
	free chan []byte
	full chan []byte
}

func newChunks() chunks {
	return chunks{made: new(atomic.Int32), free: make(chan []byte, mostChunks), full: make(chan []byte, mostChunks)}
}

// take gives an empty chunk, or nil if all are in use.
func (c *chunks) take() []byte {
	select {
	case chunk := <-c.free:
		return chunk
	default:
	}
	if c.made.Add(1) > mostChunks {
		c.made.Add(-1)
		return nil
	}
	return make([]byte, 0, chunkSize)
}

// hand gives a chunk to be written. It never waits: there is a place for each chunk that there is.
func (c *chunks) hand(chunk []byte) { c.full <- chunk }

// put takes back a chunk that was written.
func (c *chunks) put(chunk []byte) { c.free <- chunk[:0] }
