package bolt

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

// naive is what Journal and Prune should do, written down in the simplest way.
type naive struct {
	entries []headroom.Entry
}

func (n *naive) journal(q headroom.JournalQuery) []headroom.Entry {
	var found []headroom.Entry
	for _, e := range n.entries {
		if (q.Kind == "" || e.Kind == q.Kind) && (q.Service == "" || e.Service == q.Service) && (q.ID == "" || e.ID == q.ID) &&
			e.Seq > q.After && (q.Since.IsZero() || !e.At.Before(q.Since)) && (q.Until.IsZero() || e.At.Before(q.Until)) {
			found = append(found, e)
		}
	}
	if q.Limit > 0 && len(found) > q.Limit {
		if q.Newest {
			return found[len(found)-q.Limit:]
		}
		return found[:q.Limit]
	}
	return found
}

func (n *naive) prune(kind headroom.EntryKind, before time.Time) int {
	var kept []headroom.Entry
	for _, e := range n.entries {
		if (kind != "" && e.Kind != kind) || !e.At.Before(before) {
			kept = append(kept, e)
		}
	}
	removed := len(n.entries) - len(kept)
	n.entries = kept
	return removed
}

func TestJournalAgreesWithANaiveModel(t *testing.T) {
	kinds := rapid.SampledFrom([]headroom.EntryKind{"decision", "decisions", "event"}) // one is a prefix of another
	services := rapid.SampledFrom([]string{"shop", "shop2", ""})
	ids := rapid.SampledFrom([]string{"", "1", "12"})
	// Times rise and fall again, as clocks do when they are set.
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return noon.Add(time.Duration(rapid.IntRange(-20, 20).Draw(t, "seconds")) * time.Second)
	})
	maybeAt := rapid.OneOf(rapid.Just(time.Time{}), at)
	dir := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		path := filepath.Join(dir, fmt.Sprint(runs))
		store, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = store.Close() }()
		store.db.NoSync = true // thousands of commits; durability is tested elsewhere
		model := &naive{}
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				var writes []headroom.Write
				for range rapid.IntRange(1, 5).Draw(t, "entries") {
					writes = append(writes, add(kinds.Draw(t, "kind"), services.Draw(t, "service"), ids.Draw(t, "id"), at.Draw(t, "at")))
				}
				entries, err := store.Commit(writes...)
				if err != nil {
					t.Fatal(err)
				}
				model.entries = append(model.entries, entries...)
			},
			"query": func(t *rapid.T) {
				query := headroom.JournalQuery{
					Kind: rapid.OneOf(rapid.Just(headroom.EntryKind("")), kinds).Draw(t, "kind"), Service: services.Draw(t, "service"), ID: ids.Draw(t, "id"),
					After: rapid.Uint64Range(0, 30).Draw(t, "after"), Since: maybeAt.Draw(t, "since"), Until: maybeAt.Draw(t, "until"),
					Limit: rapid.IntRange(0, 6).Draw(t, "limit"), Newest: rapid.Bool().Draw(t, "newest"),
				}
				got, err := store.Journal(query)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(model.journal(query), got); diff != "" {
					t.Fatalf("query %+v (-model +store):\n%s", query, diff)
				}
			},
			"prune": func(t *rapid.T) {
				kind, before := rapid.OneOf(rapid.Just(headroom.EntryKind("")), kinds).Draw(t, "kind"), at.Draw(t, "before")
				got, err := store.Prune(kind, before)
				if want := model.prune(kind, before); got != want || err != nil {
					t.Fatalf("pruned %d, %v; want %d", got, err, want)
				}
			},
			"": func(t *rapid.T) {
				if err := store.db.View(checkJournal); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

func TestPruneWorksInBoundedTransactions(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "headroom.db"))
	var writes []headroom.Write
	for i := range 2*pruneBatch + 7 {
		writes = append(writes, add("event", "shop", "", noon.Add(time.Duration(i)*time.Second)))
	}
	mustCommit(t, store, append(writes, add("audit", "shop", "", noon))...)
	before := lastTransaction(t, store)
	if n, err := store.Prune("event", noon.Add(time.Hour)); n != 2*pruneBatch+7 || err != nil {
		t.Fatalf("pruned %d, %v", n, err)
	}
	if n := lastTransaction(t, store) - before; n != 3 {
		t.Errorf("took %d transactions, want 3", n)
	}
	if left, err := store.Journal(headroom.JournalQuery{}); len(left) != 1 || left[0].Kind != "audit" || err != nil {
		t.Errorf("left %v, %v; want the audit record", left, err)
	}
}

func lastTransaction(t *testing.T, store *Store) (id int) {
	t.Helper()
	if err := store.db.View(func(tx *bbolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

// BenchmarkLastTenOfAKind must not depend on the length of the journal.
func BenchmarkLastTenOfAKind(b *testing.B) {
	for _, length := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			store, err := Open(filepath.Join(b.TempDir(), "headroom.db"), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			for range length / 1000 {
				var writes []headroom.Write
				for range 1000 {
					writes = append(writes, add("event", "shop", "", noon), add("decision", "shop", "", noon))
				}
				if _, err := store.Commit(writes...); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				entries, err := store.Journal(headroom.JournalQuery{Kind: "decision", Service: "shop", Newest: true, Limit: 10})
				if err != nil || len(entries) != 10 {
					b.Fatal(len(entries), err)
				}
			}
		})
	}
}

func BenchmarkCommit(b *testing.B) {
	store, err := Open(filepath.Join(b.TempDir(), "headroom.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	for b.Loop() {
		if _, err := store.Commit(put("operation", "1", headroom.Operation{ID: "1"}), add("operation", "shop", "1", noon)); err != nil {
			b.Fatal(err)
		}
	}
}
