package bolt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

func snapshotPath(path string) string { return path + ".snapshot" }

// Snapshot copies the state to PATH.snapshot while the store is in use, and does nothing where nothing changed since
// the last one. The copy is checked before it takes the place of the last good one. It reads and writes the whole file
// (about 1 s per GiB), so every few minutes is often enough; Close takes one as well.
func (s *Store) Snapshot() (err error) {
	s.snapshotMu.Lock()
	defer s.snapshotMu.Unlock()
	defer s.guard("take a snapshot", &err)()

	fresh := snapshotPath(s.path) + ".new"
	txn := 0
	err = s.view(func(tx *bbolt.Tx) error {
		txn = tx.ID()
		if txn == s.snapshotTxn {
			return nil
		}
		return writeFile(fresh, func(w io.Writer) error {
			_, err := tx.WriteTo(w)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("snapshot of the state to %s: %w", fresh, err)
	}
	if txn == s.snapshotTxn {
		return nil
	}
	if err := checkFile(fresh); err != nil {
		return fmt.Errorf("the snapshot is not good, the last one is kept: %w", err)
	}
	if err := replaceFile(fresh, snapshotPath(s.path)); err != nil {
		return fmt.Errorf("snapshot of the state: %w", err)
	}
	s.snapshotTxn = txn
	return nil
}

// sequenceGap is added to the journal's sequence number after a recovery. Numbers given out after the snapshot are
// unknown, and giving one to another entry would make readers that ask for "all after N" miss it.
const sequenceGap = 1 << 20

// restore puts the snapshot in the place of a damaged file, which is kept under another name. At any instant either the
// one or the other is there.
func restore(path string, damaged *DamagedError) (*Recovery, error) {
	refuse := func(why error) error {
		return &DamagedError{Path: path, Damage: damaged.Damage, Snapshot: why.Error()}
	}
	snapshot := snapshotPath(path)
	info, err := os.Stat(snapshot)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse(errors.New("it has no snapshot yet"))
	}
	if err != nil {
		return nil, refuse(err)
	}
	fresh := path + ".new"
	if err := copyFile(snapshot, fresh); err != nil {
		return nil, refuse(err)
	}
	_, db, err := openExisting(fresh)
	if err != nil {
		return nil, refuse(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		journal := tx.Bucket([]byte(journalBucket))
		return journal.SetSequence(journal.Sequence() + sequenceGap)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, refuse(err)
	}
	kept := path + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000000")
	if err := os.Link(path, kept); errors.Is(err, fs.ErrNotExist) {
		kept = ""
	} else if err != nil {
		return nil, refuse(err)
	}
	if err := replaceFile(fresh, path); err != nil {
		return nil, refuse(err)
	}
	return &Recovery{Damage: damaged.Damage, SnapshotAt: info.ModTime(), Kept: kept}, nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return writeFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, source)
		return err
	})
}

// writeFile writes a file with mode 0600 that is on disk when it returns.
func writeFile(path string, write func(io.Writer) error) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriterSize(file, 256<<10)
	err = write(buffer)
	if err == nil {
		err = buffer.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(path)
		return err
	}
	return nil
}

// replaceFile renames a file that is on disk and makes the rename durable.
func replaceFile(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
