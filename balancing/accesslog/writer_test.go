package accesslog

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
)

func TestLinesAreWrittenWithin200Milliseconds(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.record("one", "two")
		time.Sleep(flushEvery - time.Millisecond)
		synctest.Wait()
		w.want(t, "a1", "")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		w.want(t, "a1", "one two")
	})
}

func TestFullChunkIsWrittenAtOnce(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		long := &Entry{Path: bytes.Repeat([]byte("x"), 4000)}
		for range chunkSize/4000 + 1 {
			w.Record(long)
		}
		synctest.Wait()
		if w.read("a1") == "" {
			t.Error("nothing was written")
		}
	})
}

func TestReopenWritesNothingMoreToTheOldFile(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.record("before")
		if err := w.Reopen(); err != nil {
			t.Fatal(err)
		}
		w.want(t, "a1", "before")
		w.record("after")
		later()
		w.want(t, "a1", "before")
		w.want(t, "a2", "after")
	})
}

func TestPathChangesLive(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.record("one")
		w.configure(t, "b", 1)
		w.record("two")
		w.configure(t, "b", 1)
		w.record("three")
		w.configure(t, "", 1)
		if w.Enabled() {
			t.Error("a log without a path is enabled")
		}
		w.record("nowhere")
		if err := w.Reopen(); err != nil {
			t.Errorf("reopen without a log: %v", err)
		}
		w.configure(t, "c", 1)
		w.record("four")
		w.Close()
		w.want(t, "a1", "one")
		w.want(t, "b1", "two three")
		w.want(t, "c1", "four")
		w.wantDropped(t, 0)
	})
}

func TestFileThatCannotBeOpenedChangesNothing(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		err := w.Configure(headroom.AccessLog{Path: "missing/a", Sample: 0})
		if err == nil || err.Error() != "accessLog.path: open the access log: no such directory" {
			t.Errorf("got %v", err)
		}
		w.record("one")
		later()
		w.want(t, "a1", "one")
	})
}

func TestFailedRequestsAreLoggedWhateverTheSample(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.configure(t, "a", 0)
		w.record("well")
		w.Record(&Entry{Service: "failed", Failed: true})
		later()
		w.want(t, "a1", "failed")
		w.wantDropped(t, 0)
	})
}
