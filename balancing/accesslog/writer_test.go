package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
)

// disk is what files of a test write to. Its files are named by path and by how often that was opened: "a1", "a2".
type disk struct {
	mu     sync.Mutex
	opened map[string]int
	files  map[string]*bytes.Buffer
	space  int           // bytes that a1 takes until it is full; negative is without end
	stuck  chan struct{} // while not nil, writes wait until it is closed
}

func newDisk() *disk {
	return &disk{opened: map[string]int{}, files: map[string]*bytes.Buffer{}, space: -1}
}

type file struct {
	disk   *disk
	name   string
	to     *bytes.Buffer
	closed bool
}

func (d *disk) open(path string) (io.WriteCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasPrefix(path, "missing/") {
		return nil, errors.New("no such directory")
	}
	d.opened[path]++
	f := &file{disk: d, name: fmt.Sprint(path, d.opened[path]), to: &bytes.Buffer{}}
	d.files[f.name] = f.to
	return f, nil
}

func (f *file) Write(b []byte) (int, error) {
	f.disk.mu.Lock()
	stuck := f.disk.stuck
	f.disk.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return 0, errors.New("file is closed")
	}
	n := len(b)
	if f.name == "a1" && f.disk.space >= 0 {
		n = min(n, f.disk.space)
		f.disk.space -= n
	}
	f.to.Write(b[:n])
	if n < len(b) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.closed = true
	return nil
}

// read gives the services of the lines of a file.
func (d *disk) read(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[name] == nil {
		return "no such file"
	}
	return services(d.files[name].String())
}

func services(lines string) string {
	var all []string
	for line := range strings.Lines(lines) {
		_, rest, _ := strings.Cut(line, `"service":"`)
		service, _, _ := strings.Cut(rest, `"`)
		if !strings.HasPrefix(line, `{"time"`) || !strings.HasSuffix(line, "}\n") {
			service = "torn"
		}
		all = append(all, service)
	}
	return strings.Join(all, " ")
}

func (d *disk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

type world struct {
	*disk
	*Writer
	log bytes.Buffer
}

// run gives test a writer to "a" with one shard, so that lines are in order.
func run(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{disk: newDisk()}
		w.Writer = NewWriter(slog.New(slog.NewTextHandler(&w.log, nil)))
		w.Writer.open = w.disk.open
		w.shards = w.shards[:1]
		defer w.Close()
		w.configure(t, "a", 1)
		test(t, w)
	})
}

func (w *world) configure(t *testing.T, path string, sample float64) {
	t.Helper()
	if err := w.Configure(headroom.AccessLog{Path: path, Sample: sample}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) record(services ...string) {
	for _, service := range services {
		w.Record(&Entry{Service: service})
	}
}

// later lets the writer write.
func later() {
	time.Sleep(flushEvery)
	synctest.Wait()
}

func (w *world) want(t *testing.T, name, want string) {
	t.Helper()
	if got := w.read(name); got != want {
		t.Errorf("%s has %q, want %q", name, got, want)
	}
}

func (w *world) wantDropped(t *testing.T, want uint64) {
	t.Helper()
	if got := w.Dropped(); got != want {
		t.Errorf("%d lines were dropped, want %d", got, want)
	}
}

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
