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
