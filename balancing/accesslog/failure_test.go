package accesslog

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestFullDiskIsToldOnceAndTriedAgainWhereItBrokeOff(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.set(func() { w.space = 150 }) // in the second line
		w.record("one", "two")
		later()
		w.record("three")
		later()
		w.want(t, "a1", "one torn")
		if n := strings.Count(w.log.String(), "no space left on device"); n != 1 {
			t.Errorf("the failure is told %d times: %s", n, w.log.String())
		}
		w.set(func() { w.space = -1 })
		later()
		w.want(t, "a1", "one two three")
		if !strings.Contains(w.log.String(), "is written again") {
			t.Errorf("that it is well again is not told: %s", w.log.String())
		}
		w.wantDropped(t, 0)
	})
}

func TestLineTornByAFullDiskDoesNotGoOnInTheNextFile(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.set(func() { w.space = 150 })
		w.record("one", "two", "three")
		later()
		if err := w.Reopen(); err != nil {
			t.Fatal(err)
		}
		later()
		w.want(t, "a1", "one torn")
		w.want(t, "a2", "three")
		w.wantDropped(t, 1)
	})
}

func TestRequestsDoNotWaitForAStuckDiskAndWhatDoesNotFitIsCounted(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		stuck := make(chan struct{})
		w.set(func() { w.stuck = stuck })
		e := &Entry{Service: "shop", Path: bytes.Repeat([]byte("x"), 4000)}
		line := len(e.AppendJSON(nil))
		before := time.Now()
		const lines = 2000 // 8 MB
		for i := range lines {
			w.Record(e)
			if i == 0 {
				later() // the first is being written for all the time
			}
		}
		if waited := time.Since(before); waited > flushEvery {
			t.Errorf("requests waited for %v", waited-flushEvery)
		}
		if err := w.Reopen(); err == nil || !strings.Contains(err.Error(), "takes no lines for 1s") {
			t.Errorf("reopen: %v", err)
		}
		w.set(func() { w.stuck = nil })
		close(stuck)
		later()
		w.Close()
		kept := uint64(len(strings.Fields(w.read("a1"))))
		if kept+w.Dropped() != lines {
			t.Errorf("%d lines were written and %d dropped, of %d", kept, w.Dropped(), lines)
		}
		// A chunk is left when the next line might not fit: up to six times its length, 25 KB of 512 KB.
		if least, most := (mostChunks-1)*(chunkSize-7*line)/line, mostChunks*chunkSize/line; int(kept) < least || int(kept) > most {
			t.Errorf("%d lines were kept, expected %d to %d", kept, least, most)
		}
	})
}

func TestCloseGivesUpAStuckDiskAfterThreeSeconds(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		stuck := make(chan struct{})
		w.set(func() { w.stuck = stuck })
		w.record("one")
		later()
		before := time.Now()
		if err := w.Close(); err == nil || !strings.Contains(err.Error(), "takes no lines for 3s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(before); took != closeWait {
			t.Errorf("it took %v", took)
		}
		close(stuck)
	})
}

func TestCloseCountsWhatAFullDiskDidNotTake(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.set(func() { w.space = 150 })
		w.record("one", "two")
		later()
		w.record("three")
		if err := w.Close(); err == nil || err.Error() != "access log: 2 lines are lost: no space left on device" {
			t.Errorf("got %v", err)
		}
		w.wantDropped(t, 2)
		if err := w.Close(); err != nil {
			t.Errorf("again: %v", err)
		}
		if err := w.Configure(headroom.AccessLog{Path: "b"}); err != ErrClosed {
			t.Errorf("configure: %v", err)
		}
		if err := w.Reopen(); err != ErrClosed {
			t.Errorf("reopen: %v", err)
		}
		w.record("late")
	})
}

func TestTurningTheLogOffCountsWhatAFullDiskDidNotTake(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.set(func() { w.space = 0 })
		w.record("one", "two")
		later()
		w.record("three")
		w.configure(t, "", 1)
		w.wantDropped(t, 3)
		w.set(func() { w.space = -1 })
		w.configure(t, "b", 1)
		w.record("four")
		later()
		w.want(t, "b1", "four")
		w.want(t, "a1", "")
	})
}
