package certificate

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// fileError says what is wrong with one of the files that something is made from.
type fileError struct {
	index int // of the file among the paths
	path  string
	err   error
}

func (e *fileError) Error() string { return fmt.Sprintf("%s: %v", e.path, e.err) }
func (e *fileError) Unwrap() error { return e.err }

// watched is something that is made from files and made again when they change. What it was stays as long as they are missing,
// half-written or do not fit together. It is safe for concurrent use; reading current never waits.
type watched[T any] struct {
	what    string // for the log: "certificate"
	paths   []string
	parse   func(contents [][]byte) (*T, *fileError)
	current atomic.Pointer[T]

	mu      sync.Mutex // guards what follows
	seen    []stamp
	content [sha256.Size]byte // of what current was made from
	failure *fileError        // why the files, as they are now, are not in use; nil where they are
	told    string            // the failure that was logged last; "" since the last success
}

// refresh reads the files if they changed, and reports whether current changed.
func (w *watched[T]) refresh(now time.Time, logger *slog.Logger) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	stamps := make([]stamp, len(w.paths))
	for i, path := range w.paths {
		stamps[i] = look(path, now)
	}
	if w.unchanged(stamps) {
		w.tell(logger)
		return false
	}
	w.seen = stamps
	contents, failure := w.read()
	inForce := w.current.Load() != nil
	if failure == nil && inForce && digest(contents) == w.content {
		w.failure, w.told = nil, "" // touched, or as before again
		return false
	}
	var made *T
	if failure == nil {
		made, failure = w.parse(contents)
	}
	if failure != nil {
		w.fail(failure, logger)
		return false
	}
	w.current.Store(made)
	w.failure, w.told, w.content = nil, "", digest(contents)
	if inForce {
		logger.Info("the "+w.what+" was read again", "files", strings.Join(w.paths, ", "))
	}
	return true
}

// unchanged reports whether the files are what they were when they were read last.
func (w *watched[T]) unchanged(now []stamp) bool {
	if w.seen == nil {
		return false
	}
	for i := range now {
		if !now[i].same(w.seen[i]) {
			return false
		}
	}
	return true
}

func (w *watched[T]) read() ([][]byte, *fileError) {
	contents := make([][]byte, len(w.paths))
	for i, path := range w.paths {
		content, err := read(path)
		if err != nil {
			return nil, &fileError{i, path, err}
		}
		contents[i] = trimmed(content)
	}
	return contents, nil
}

// fail keeps why the files cannot be used. It is told at the next look, if it is the same then: whoever replaces a certificate and its
// key replaces one after the other.
func (w *watched[T]) fail(failure *fileError, logger *slog.Logger) {
	again := w.failure != nil && w.failure.Error() == failure.Error()
	w.failure = failure
	if again {
		w.tell(logger)
	}
}

// tell logs a failure once. A first reading that fails is not logged: whoever asked for it gets it.
func (w *watched[T]) tell(logger *slog.Logger) {
	if w.failure == nil || w.current.Load() == nil || w.told == w.failure.Error() {
		return
	}
	w.told = w.failure.Error()
	logger.Error("the "+w.what+" changed and cannot be used; keeping the one before", "error", w.told)
}

// problem is why the files, as they are now, are not in use; nil where they are.
func (w *watched[T]) problem() *fileError {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

// usable says why there is nothing to use; nil where there is something, if only of before.
func (w *watched[T]) usable() *fileError {
	if w.current.Load() != nil {
		return nil
	}
	return w.problem()
}
