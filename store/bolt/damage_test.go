package bolt

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

// makeFile returns the bytes of a closed state file with objects large and small, free pages and a journal.
func makeFile(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "headroom.db")
	store, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		_, err := store.Commit(
			put("operation", fmt.Sprint(i%7), headroom.Operation{ID: fmt.Sprint(i), Reason: strings.Repeat("r", 200*i)}),
			put("large", "one", strings.Repeat("x", 20_000)),
			add("decision", "shop", fmt.Sprint(i), noon.Add(time.Duration(i)*time.Second)))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data[:usedSize(t, data)+4096] // what follows is empty
}

// use opens a file and, where that works, uses everything. It must not panic; errors are fine.
func use(t testing.TB, path string) (*Recovery, error) {
	store, err := Open(path, Options{LockTimeout: time.Nanosecond})
	if err != nil {
		return nil, err
	}
	_ = store.List("operation", func(string, json.RawMessage) error { return nil })
	_, _ = store.Journal(headroom.JournalQuery{})
	_, _ = store.Journal(headroom.JournalQuery{Kind: "decision", Newest: true, Limit: 5})
	_, commitErr := store.Commit(put("operation", "new", 1), add("decision", "shop", "", noon))
	_, pruneErr := store.Prune("", noon.Add(20*time.Second))
	return store.Recovery(), errors.Join(commitErr, pruneErr, store.Close())
}

func TestATruncatedFileIsRefusedOrRecoveredAtEveryLength(t *testing.T) {
	whole := makeFile(t)
	lengths := []int{0, 1, 15, 16, 80, 511, 512, 1023, 4095, 4096, 4097, 8191, 8192, 8193, 12288}
	for n := 16384; n < len(whole); n += 4096*3 + 911 {
		lengths = append(lengths, n)
	}
	for _, snapshot := range []bool{false, true} {
		for _, n := range lengths {
			path := filepath.Join(t.TempDir(), "headroom.db")
			write(t, path, whole[:n])
			if snapshot {
				write(t, snapshotPath(path), whole)
			}
			recovery, err := use(t, path)
			var damaged *DamagedError
			switch {
			case err == nil && recovery == nil && n >= usedSize(t, whole):
				// What was cut off held nothing yet.
			case snapshot && (err != nil || recovery == nil):
				t.Errorf("cut at %d with a good snapshot: got recovery %v, error %v", n, recovery, err)
			case !snapshot && (!errors.As(err, &damaged) || !strings.Contains(err.Error(), path)):
				t.Errorf("cut at %d without a snapshot: got %v, want a DamagedError with the path", n, err)
			}
		}
	}
}

func TestEveryZeroedOrGarbledPageThatIsInUseIsNoticed(t *testing.T) {
	whole := makeFile(t)
	c := &checker{file: strings.NewReader(string(whole)), size: int64(len(whole))}
	if err := c.findMeta(); err != nil {
		t.Fatal(err)
	}
	c.used = make([]bool, c.meta.pages)
	if err := c.checkTree(c.meta.root, nil, nil, 0); err != nil {
		t.Fatal(err)
	}
	c.used[c.meta.freelist] = true
	for name, fill := range map[string]byte{"zeroed": 0, "garbled": 0xA5} {
		for page, inUse := range c.used {
			if !inUse {
				continue
			}
			damaged := append([]byte(nil), whole...)
			for i := range 4096 {
				damaged[page*4096+i] = fill
			}
			path := filepath.Join(t.TempDir(), "headroom.db")
			write(t, path, damaged)
			_, err := use(t, path)
			var asDamaged *DamagedError
			if !errors.As(err, &asDamaged) {
				t.Errorf("%s page %d: got %v, want a DamagedError", name, page, err)
			}
		}
	}
}

func TestRecoveryKeepsTheDamagedFileAndSkipsSequenceNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headroom.db")
	store := open(t, path)
	mustCommit(t, store, put("o", "before", 1), add("event", "", "", noon))
	if err := store.Snapshot(); err != nil {
		t.Fatal(err)
	}
	if err := store.Snapshot(); err != nil { // nothing changed
		t.Fatal(err)
	}
	mustCommit(t, store, put("o", "after", 1), add("event", "", "", noon))
	_ = store.db.Close() // as a crash would leave it, without the snapshot of Close
	store.lock.release()
	write(t, path, []byte("garbage"))

	store = open(t, path)
	recovery := store.Recovery()
	if recovery == nil || recovery.Damage == "" || recovery.SnapshotAt.IsZero() {
		t.Fatalf("got recovery %+v", recovery)
	}
	if kept, err := os.ReadFile(recovery.Kept); string(kept) != "garbage" || err != nil {
		t.Errorf("kept %q, %v", kept, err)
	}
	if err := store.Get("o", "before", new(int)); err != nil {
		t.Errorf("what the snapshot held: %v", err)
	}
	if err := store.Get("o", "after", new(int)); !errors.Is(err, headroom.ErrNotFound) {
		t.Errorf("what came after the snapshot: got %v", err)
	}
	// Number 2 had been given out after the snapshot.
	if next := mustCommit(t, store, add("event", "", "", noon)); next[0].Seq != 1+sequenceGap+1 {
		t.Errorf("next number is %d, want %d", next[0].Seq, 1+sequenceGap+1)
	}
}

func TestADamagedSnapshotIsNeverUsedNorWritten(t *testing.T) {
	whole := makeFile(t)
	path := filepath.Join(t.TempDir(), "headroom.db")
	write(t, path, whole[:5000])
	write(t, snapshotPath(path), whole[:9000])
	_, err := use(t, path)
	var damaged *DamagedError
	if !errors.As(err, &damaged) || damaged.Snapshot == "" || !strings.Contains(err.Error(), "backup") {
		t.Errorf("got %v, want a DamagedError that says what to do", err)
	}
	if left, _ := os.ReadFile(path); len(left) != 5000 {
		t.Errorf("the damaged file was changed: %d bytes", len(left))
	}
}

func TestAMissingFileWithASnapshotIsRecovered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headroom.db")
	write(t, snapshotPath(path), makeFile(t))
	recovery, err := use(t, path)
	if err != nil || recovery == nil || recovery.Kept != "" {
		t.Errorf("got %+v, %v", recovery, err)
	}
}

func TestAFileCutWhileOpenGivesErrorsAndNoCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headroom.db")
	write(t, path, makeFile(t))
	store := open(t, path)
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	_, journalErr := store.Journal(headroom.JournalQuery{})
	_, commitErr := store.Commit(put("large", "two", strings.Repeat("x", 50_000)))
	if journalErr == nil || commitErr == nil {
		t.Errorf("journal: %v, commit: %v; want errors", journalErr, commitErr)
	}
}

func TestAFullDiskFailsTheCommitAndLeavesTheStoreUsable(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("needs the right to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	store := open(t, filepath.Join(dir, "headroom.db"))
	mustCommit(t, store, put("o", "before", 1))
	filler := filepath.Join(dir, "filler")
	write(t, filler, nil)
	fill(t, filler)

	failed := 0
	for i := range 20 {
		if _, err := store.Commit(put("o", fmt.Sprint(i), strings.Repeat("x", 60_000))); err != nil {
			failed++
			if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "headroom.db") {
				t.Fatalf("got %v, want the full disk and the file named", err)
			}
		}
	}
	if failed == 0 {
		t.Fatal("no commit failed on a full disk")
	}
	if err := store.Snapshot(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a snapshot on a full disk: %v", err)
	}
	if err := store.Get("o", "before", new(int)); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, store, put("o", "after", 1))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store = open(t, filepath.Join(dir, "headroom.db"))
	if err := store.Get("o", "after", new(int)); err != nil || store.Recovery() != nil {
		t.Errorf("after the disk had room again: %v, recovery %v", err, store.Recovery())
	}
}

func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for range 1000 {
		if _, err := file.Write(make([]byte, 4096)); errors.Is(err, unix.ENOSPC) {
			return
		}
	}
	t.Fatal("the disk did not fill")
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// usedSize is how many bytes of a file hold pages; bbolt makes files longer than that.
func usedSize(t testing.TB, whole []byte) int {
	t.Helper()
	c := &checker{file: strings.NewReader(string(whole)), size: int64(len(whole))}
	if err := c.findMeta(); err != nil {
		t.Fatal(err)
	}
	return int(c.meta.pages * c.pageSize)
}

func FuzzOpeningADamagedFileNeverPanics(f *testing.F) {
	whole := makeFile(f)
	f.Add(uint32(8192), []byte{1, 2, 3, 4})
	f.Add(uint32(4096*3+8), []byte{2, 0, 255, 255})
	f.Add(uint32(16), []byte{0xED, 0xDA, 0x0C, 0xED})
	f.Add(uint32(4096*4+16), []byte{1, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, offset uint32, patch []byte) {
		damaged := append([]byte(nil), whole...)
		copy(damaged[int(offset)%len(damaged):], patch)
		path := filepath.Join(t.TempDir(), "headroom.db")
		write(t, path, damaged)
		_, _ = use(t, path)
	})
}
