package accesslog

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"headroom.dev/headroom"
)

const (
	// chunkSize holds the longest line that there can be, 16 texts of 4 KiB of controls, and 1,000 usual ones.
	chunkSize = 512 << 10
	// mostChunks bounds the memory at 4 MiB: 10,000 lines of 400 bytes.
	mostChunks = 8
	// mostShards leaves half of the chunks for those that wait for the disk. A shard is locked for less than 0.5 µs a line, so that four
	// take two million requests a second before a quarter of their time is used.
	mostShards = 4
	// flushEvery is how long a line waits at most where the disk keeps up.
	flushEvery = 200 * time.Millisecond
	// swapWait and closeWait are how long a change of the file, and the end, wait for one that takes nothing: a disk that hangs, a
	// stdout that nobody reads. The rest of a change of configuration waits for it, too.
	swapWait  = time.Second
	closeWait = 3 * time.Second
)

// Writer is the access log. It keeps lines in memory, at most 4 MiB, and writes them at least every 200 ms. A file that cannot be
// written is tried again with each batch, from where it broke off; lines are dropped only while the memory is full. Safe for
// concurrent use.
type Writer struct {
	log  *slog.Logger
	open func(path string) (io.WriteCloser, error)

	enabled atomic.Bool
	sample  atomic.Uint64 // see sampled
	dropped atomic.Uint64
	shards  []shard
	chunks  chunks
	sink    sink
	wake    chan struct{} // holds one token when a chunk is full
	ending  chan struct{} // closed by Close

	mu      sync.Mutex // guards changes of settings, and what follows
	path    string
	running bool
	closed  bool
}

// shard is a part of the lines that are not written yet. There are several so that cores seldom wait for each other.
type shard struct {
	mu    sync.Mutex
	lines []byte    // nil, or a chunk
	_     [128]byte // two cache lines, which are fetched in pairs
}

// ErrClosed is the error of a change after Close.
var ErrClosed = errors.New("access log is closed")

// NewWriter makes a writer that writes nothing until Configure names a file. It must be closed.
func NewWriter(log *slog.Logger) *Writer {
	return &Writer{
		log:    log,
		open:   open,
		shards: make([]shard, min(runtime.GOMAXPROCS(0), mostShards)),
		chunks: newChunks(),
		sink:   newSink(),
		wake:   make(chan struct{}, 1),
		ending: make(chan struct{}),
	}
}

// Enabled reports whether there is an access log at all, so that entries need not be filled in for nothing. Hot path.
func (w *Writer) Enabled() bool { return w.enabled.Load() }

// Dropped is how many lines were lost since the start: because the memory was full, or the file took no more at the end.
func (w *Writer) Dropped() uint64 { return w.dropped.Load() }

// Record logs a request, if it failed or is in the sample. It never waits for the file, and keeps nothing of the entry. Hot path: it does
// not allocate.
func (w *Writer) Record(e *Entry) {
	if !w.enabled.Load() || !e.Failed && !sampled(e, w.sample.Load()) {
		return
	}
	s := w.lockShard()
	defer s.mu.Unlock()
	if !w.enabled.Load() {
		return // it was turned off meanwhile, and nobody would fetch the line
	}
	if !w.room(s, e.most()) {
		w.dropped.Add(1)
		return
	}
	s.lines = e.AppendJSON(s.lines)
}

// lockShard locks any shard, one that nobody has if there is.
func (w *Writer) lockShard() *shard {
	first := rand.IntN(len(w.shards))
	for i := range w.shards {
		if s := &w.shards[(first+i)%len(w.shards)]; s.mu.TryLock() {
			return s
		}
	}
	s := &w.shards[first]
	s.mu.Lock()
	return s
}

// room makes room for a line of up to n bytes, and reports whether there is any. The shard is locked.
func (w *Writer) room(s *shard, n int) bool {
	if s.lines != nil && cap(s.lines)-len(s.lines) >= n {
		return true
	}
	if s.lines != nil {
		w.chunks.hand(s.lines)
		select {
		case w.wake <- struct{}{}:
		default: // a token is there already
		}
	}
	s.lines = w.chunks.take()
	return s.lines != nil
}

// Configure changes where lines go and which. The lines before a change of the path still go to the old file. It fails where the new file
// cannot be opened, or the old one takes nothing for a second; then all stays as it was.
func (w *Writer) Configure(settings headroom.AccessLog) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	if settings.Path != w.path {
		if err := w.move(settings.Path); err != nil {
			return fmt.Errorf("accessLog.path: %w", err)
		}
	}
	w.sample.Store(sampleOf(settings.Sample))
	return nil
}

// Reopen opens the file anew, so that a log that was moved away is complete: once it returns nothing is written to it. Where it fails, the
// old file is kept. It does nothing for stdout, or without an access log.
func (w *Writer) Reopen() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	if w.path == "" || w.path == stdout {
		return nil
	}
	return w.move(w.path)
}

// move makes lines go to a path, which may be the same or none. The settings are locked.
func (w *Writer) move(path string) error {
	var file io.WriteCloser
	if path != "" {
		var err error
		if file, err = w.open(path); err != nil {
			return fmt.Errorf("open the access log: %w", err)
		}
	}
	if !w.sink.lock(swapWait) {
		if file != nil {
			file.Close()
		}
		return fmt.Errorf("%s takes no lines for %v: it is kept", w.path, swapWait)
	}
	defer w.sink.unlock()
	w.enabled.Store(path != "")
	w.flush()
	lost := 0
	if path == "" {
		lost = w.lose()
	}
	w.dropped.Add(uint64(lost + w.sink.swap(file)))
	w.path = path
	if path != "" && !w.running {
		w.running = true
		go w.run()
	}
	return nil
}

// run writes until Close. Who waits for it does so by locking the sink.
func (w *Writer) run() {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-w.wake:
		case <-w.ending:
			return
		}
		if !w.sink.lock(flushEvery) {
			continue
		}
		w.flush()
		w.sink.unlock()
	}
}

// flush writes what there is. Where the file takes no more, the rest stays where it is until the next time. The sink is locked.
func (w *Writer) flush() {
	if w.sink.file == nil || !w.drain() {
		return // chunks that are partly filled are filled further
	}
	w.collect()
	w.drain()
}

// collect hands over the chunks of all shards.
func (w *Writer) collect() {
	for i := range w.shards {
		s := &w.shards[i]
		s.mu.Lock()
		if len(s.lines) > 0 {
			w.chunks.hand(s.lines)
			s.lines = nil
		}
		s.mu.Unlock()
	}
}

// lose drops all lines that there are, and returns how many. The log is not enabled, and the sink is locked.
func (w *Writer) lose() int {
	w.collect()
	return w.sink.lose(&w.chunks)
}

// drain writes the chunks that were handed over, and reports whether the file took them.
func (w *Writer) drain() bool {
	for {
		if w.sink.chunk == nil && !w.sink.load(&w.chunks) {
			return true
		}
		before := w.sink.failure
		w.sink.write(&w.chunks)
		w.tell(before)
		if w.sink.failure != nil {
			return false
		}
	}
}

// tell logs that the file failed, or that it is well again; once each.
func (w *Writer) tell(before error) {
	switch now := w.sink.failure; {
	case before == nil && now != nil:
		w.log.Error("cannot write the access log; lines wait, and are dropped when there are too many", "error", now, "dropped", w.Dropped())
	case before != nil && now == nil:
		w.log.Info("the access log is written again", "dropped", w.Dropped())
	}
}

// Close writes what there is, for three seconds at most, and closes the file. What could not be written counts as dropped, and is an error.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	w.enabled.Store(false)
	close(w.ending)
	if !w.sink.lock(closeWait) {
		return fmt.Errorf("access log: %s takes no lines for %v: the last ones are lost", w.path, closeWait)
	}
	defer w.sink.unlock()
	w.flush()
	lost, failure := w.lose(), w.sink.failure
	w.dropped.Add(uint64(lost))
	w.sink.swap(nil)
	if lost > 0 {
		return fmt.Errorf("access log: %d lines are lost: %w", lost, failure)
	}
	return nil
}
