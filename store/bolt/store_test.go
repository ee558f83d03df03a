package bolt

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"headroom.dev/headroom"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *Store {
	t.Helper()
	store, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func mustCommit(t *testing.T, store *Store, writes ...headroom.Write) []headroom.Entry {
	t.Helper()
	entries, err := store.Commit(writes...)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func put(kind, name string, value any) headroom.Write {
	return headroom.Write{Put: &headroom.Object{Kind: kind, Name: name, Value: value}}
}

func add(kind headroom.EntryKind, service, id string, at time.Time) headroom.Write {
	return headroom.Write{Append: &headroom.Entry{At: at, Kind: kind, Service: service, ID: id, Data: json.RawMessage(`{"n":1}`)}}
}

func TestObjectsSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "headroom.db")
	store := open(t, path)
	mustCommit(t, store, put("operation", "b", headroom.Operation{ID: "b", To: 3}), put("operation", "a", headroom.Operation{ID: "a"}), put("policy", "x", 1))
	mustCommit(t, store, headroom.Write{Delete: &headroom.ObjectName{Kind: "policy", Name: "x"}})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	store = open(t, path)
	var operation headroom.Operation
	if err := store.Get("operation", "b", &operation); err != nil || operation.To != 3 {
		t.Errorf("got %+v, %v; want To 3", operation, err)
	}
	if err := store.Get("policy", "x", new(int)); !errors.Is(err, headroom.ErrNotFound) {
		t.Errorf("a deleted object: got %v, want ErrNotFound", err)
	}
	if err := store.Get("nothing", "x", new(int)); !errors.Is(err, headroom.ErrNotFound) {
		t.Errorf("an object of a kind never seen: got %v, want ErrNotFound", err)
	}
	var names []string
	if err := store.List("operation", func(name string, _ json.RawMessage) error {
		names = append(names, name)
		_, err := store.Commit(put("seen", name, true)) // the store may be used inside
		return err
	}); err != nil || strings.Join(names, " ") != "a b" {
		t.Errorf("listed %v, %v; want a b", names, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v; want 0600", info.Mode(), err)
	}
}

func TestSequenceNumbersNeverRepeatOverRestartsAndPruning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headroom.db")
	store := open(t, path)
	first := mustCommit(t, store, add("event", "", "", noon), put("a", "b", 1), add("event", "shop", "", noon))
	if len(first) != 2 || first[0].Seq != 1 || first[1].Seq != 2 {
		t.Fatalf("got %+v, want numbers 1 and 2", first)
	}
	if n, err := store.Prune("", noon.Add(time.Hour)); n != 2 || err != nil {
		t.Fatalf("pruned %d, %v; want 2", n, err)
	}
	_ = store.Close()
	store = open(t, path)
	if next := mustCommit(t, store, add("event", "", "", noon)); next[0].Seq != 3 {
		t.Errorf("got number %d after a restart, want 3", next[0].Seq)
	}
}

func TestACommitWithOneBadWriteChangesNothing(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "headroom.db"))
	for name, bad := range map[string]headroom.Write{
		"nothing set":       {},
		"two things set":    {Append: &headroom.Entry{Kind: "event"}, Delete: &headroom.ObjectName{Kind: "a", Name: "b"}},
		"not encodable":     put("a", "b", func() {}),
		"no name":           put("a", "", 1),
		"no kind":           {Append: &headroom.Entry{}},
		"data not JSON":     {Append: &headroom.Entry{Kind: "event", Data: json.RawMessage("{")}},
		"zero byte in name": add("event", "a\x00b", "", noon),
	} {
		if entries, err := store.Commit(put("a", "good", 1), add("event", "", "", noon), bad); err == nil || entries != nil {
			t.Errorf("%s: got %v, %v; want an error", name, entries, err)
		}
	}
	if err := store.Get("a", "good", new(int)); !errors.Is(err, headroom.ErrNotFound) {
		t.Errorf("a write of a failed commit is there: %v", err)
	}
	if entries, err := store.Journal(headroom.JournalQuery{}); len(entries) != 0 || err != nil {
		t.Errorf("entries of a failed commit are there: %v, %v", entries, err)
	}
}

func TestConcurrentCommitsAndReadsAreAllKept(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "headroom.db"))
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				name := fmt.Sprintf("%d-%d", w, i)
				if _, err := store.Commit(put("o", name, i), add("event", "shop", name, noon)); err != nil {
					t.Error(err)
				}
				if _, err := store.Journal(headroom.JournalQuery{Kind: "event", Newest: true, Limit: 3}); err != nil {
					t.Error(err)
				}
				if i == 5 {
					if err := store.Snapshot(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	entries, err := store.Journal(headroom.JournalQuery{})
	if err != nil || len(entries) != 80 {
		t.Fatalf("got %d entries, %v; want 80", len(entries), err)
	}
	for i, entry := range entries {
		if entry.Seq != uint64(i+1) {
			t.Fatalf("entry %d has number %d", i, entry.Seq)
		}
	}
}

func TestFilesOfOtherVersionsAreRefusedAndLeftAlone(t *testing.T) {
	for name, test := range map[string]struct {
		schema string
		want   string
	}{
		"newer":       {"2", "written by a newer headroom (schema 2, this one reads 1)"},
		"older":       {"0", "written by an older headroom (schema 0, this one reads 1)"},
		"no headroom": {"", "not a state file of headroom"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "headroom.db")
			_ = open(t, path).Close() // leaves a snapshot, which must not replace it
			db, err := bbolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = db.Update(func(tx *bbolt.Tx) error {
				if test.schema == "" {
					return tx.DeleteBucket([]byte(aboutBucket))
				}
				return tx.Bucket([]byte(aboutBucket)).Put([]byte(schemaKey), []byte(test.schema))
			})
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)

			_, err = Open(path, Options{})
			var version *VersionError
			if !errors.As(err, &version) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want a VersionError that says %q", err, test.want)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestCallsAfterCloseReturnErrors(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "headroom.db"))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	_, commitErr := store.Commit(put("a", "b", 1))
	_, journalErr := store.Journal(headroom.JournalQuery{})
	_, pruneErr := store.Prune("", noon)
	for doing, err := range map[string]error{"commit": commitErr, "journal": journalErr, "prune": pruneErr, "get": store.Get("a", "b", new(int))} {
		if err == nil {
			t.Errorf("%s after Close worked", doing)
		}
	}
	if err := store.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}
