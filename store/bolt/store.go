// Package bolt keeps Headroom's state in one bbolt file: objects as JSON by kind and name, and a journal.
//
// Every Commit is one durable transaction. One process at a time holds the file; a damaged file is noticed when it is
// opened, never trusted, and replaced by its last good snapshot where there is one.
//
// Beside the file PATH lie PATH.lock (held while the store is open; holds the process id), PATH.snapshot (the last good
// copy) and, after a recovery, PATH.damaged-TIME (what was found, kept for whoever wants to look).
package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Options are what Open may be told. The zero value is good.
type Options struct {
	// LockTimeout is how long to wait for another process to let go of the state; default 2 s, which is enough for a
	// predecessor that is just closing.
	LockTimeout time.Duration
	// Logger gets a warning when the state had to be recovered; default is to discard.
	Logger *slog.Logger
}

// Store is a headroom.Store in a bbolt file. It is safe for concurrent use.
type Store struct {
	path     string
	lock     *fileLock
	file     *os.File // that db has open
	db       *bbolt.DB
	recovery *Recovery

	writeMu sync.Mutex                   // one writer at a time
	broken  atomic.Pointer[DamagedError] // set for good once bbolt has panicked

	snapshotMu  sync.Mutex
	snapshotTxn int // transaction that the last snapshot holds
}

// Recovery says that the state file was damaged and what was done about it.
type Recovery struct {
	Damage     string    // what was wrong with the file
	SnapshotAt time.Time // when the snapshot was taken: later changes are lost
	Kept       string    // where the damaged file was moved; empty where the file was missing
}

// Open opens the state file, creating it with mode 0600 (and its directory with 0700) where it does not exist.
//
// It returns *LockedError where another process holds the state, *DamagedError where the file is damaged and there is
// no good snapshot, and *VersionError where another version of headroom wrote it.
func Open(path string, options Options) (*Store, error) {
	if options.LockTimeout == 0 {
		options.LockTimeout = 2 * time.Second
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	lock, err := acquireLock(path, options.LockTimeout)
	if err != nil {
		return nil, err
	}
	file, db, recovery, err := openOrRecover(path)
	if err != nil {
		lock.release()
		return nil, err
	}
	if recovery != nil {
		options.Logger.Warn("the state file was damaged; the last snapshot took its place",
			"file", path, "damage", recovery.Damage, "snapshotAt", recovery.SnapshotAt, "kept", recovery.Kept)
	}
	return &Store{path: path, lock: lock, file: file, db: db, recovery: recovery, snapshotTxn: -1}, nil
}

// Recovery returns what was recovered when the store was opened, or nil where the file was in order.
func (s *Store) Recovery() *Recovery { return s.recovery }

// Close takes a snapshot where something changed since the last one, and lets go of the file. A failed snapshot is
// reported, but the file is closed all the same. Calls of other methods after Close return an error.
func (s *Store) Close() error {
	defer s.lock.release()
	if damaged := s.broken.Load(); damaged != nil {
		_ = s.file.Close() // bbolt may hold a lock of its own for good; the file need not
		return damaged
	}
	snapshotErr := s.Snapshot()
	if errors.Is(snapshotErr, bolterrors.ErrDatabaseNotOpen) {
		snapshotErr = nil // closed before
	}
	return errors.Join(snapshotErr, s.db.Close())
}

func openOrRecover(path string) (*os.File, *bbolt.DB, *Recovery, error) {
	file, db, err := openExisting(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Stat(snapshotPath(path)); errors.Is(statErr, fs.ErrNotExist) {
			if err := create(path); err != nil {
				return nil, nil, nil, fmt.Errorf("create the state file %s: %w", path, err)
			}
			file, db, err = openExisting(path)
			return file, db, nil, err
		}
		err = &DamagedError{Path: path, Damage: "the file is missing, though its snapshot is there"}
	}
	var damaged *DamagedError
	if !errors.As(err, &damaged) {
		return file, db, nil, err
	}
	recovery, err := restore(path, damaged)
	if err != nil {
		return nil, nil, nil, err
	}
	file, db, err = openExisting(path)
	return file, db, recovery, err
}

// openExisting checks a file page by page before bbolt maps it into memory, since bbolt panics on many kinds of damage
// and reading past the end of a mapped file kills the process.
func openExisting(path string) (file *os.File, db *bbolt.DB, err error) {
	if err := checkFile(path); err != nil {
		return nil, nil, err
	}
	defer func(old bool) {
		debug.SetPanicOnFault(old)
		if problem := recover(); problem != nil {
			if db != nil {
				_ = db.Close()
			} else if file != nil {
				_ = file.Close() // bbolt never handed it out; closing it gives its lock back
			}
			file, db, err = nil, nil, &DamagedError{Path: path, Damage: fmt.Sprint(problem)}
		}
	}(debug.SetPanicOnFault(true))

	db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:      time.Second,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		// A read that lasts (a snapshot) blocks commits only when the mapping must grow. 4 GiB of address space, not of
		// memory, hold a month of a dozen services: a record of each minute makes 310 MB of one whose load moves.
		// Where addresses have 32 bits it is 256 MiB.
		InitialMmapSize: min(4<<30, math.MaxInt>>3),
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			opened, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
			file = opened
			return opened, err
		},
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, nil, &LockedError{Path: path}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the state file %s: %w", path, err)
	}
	db.AllocSize = 1 << 20 // how much the file grows at once; bbolt's 16 MiB is more than most states ever hold
	if err := checkContents(db); err != nil {
		_ = db.Close()
		return nil, nil, err
	}
	// A copy that was restored by hand may be readable by others; it may hold secrets of the configuration.
	if err := os.Chmod(path, 0o600); err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("protect the state file: %w", err)
	}
	return file, db, nil
}

// create makes an empty state file under another name and renames it, so that a crash leaves none rather than half.
func create(path string) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(fresh, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return err
	}
	if err := db.Update(writeSchema); err != nil {
		_ = db.Close()
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	return replaceFile(fresh, path)
}

// guard turns a panic or a memory fault inside bbolt (a file that was damaged or cut while it was open) into an error.
// bbolt cannot be used after that, since it may hold its locks for good: every later call returns the same error.
func (s *Store) guard(doing string, err *error) func() {
	old := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(old)
		if problem := recover(); problem != nil {
			damaged := &DamagedError{Path: s.path, Damage: fmt.Sprint(problem)}
			s.broken.Store(damaged)
			*err = fmt.Errorf("%s: %w", doing, damaged)
		}
	}
}

func (s *Store) view(read func(tx *bbolt.Tx) error) error {
	if damaged := s.broken.Load(); damaged != nil {
		return damaged
	}
	return s.db.View(read)
}

func (s *Store) update(write func(tx *bbolt.Tx) error) error {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	if damaged := s.broken.Load(); damaged != nil {
		return damaged
	}
	returned := false
	defer func() {
		if !returned { // it panics: the next writer must know before it gets writeMu
			s.broken.Store(&DamagedError{Path: s.path, Damage: "writing to it failed"})
		}
	}()
	err := s.db.Update(write)
	returned = true
	return err
}
