package accesslog

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func newWriter(t testing.TB, path string) *Writer {
	t.Helper()
	w := NewWriter(slog.New(slog.DiscardHandler))
	if err := w.Configure(headroom.AccessLog{Path: path, Sample: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func TestFileIsAppendedToAndNotForEveryone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	for _, service := range []string{"one", "two"} {
		w := newWriter(t, path)
		w.Record(&Entry{Service: service})
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || services(string(got)) != "one two" {
		t.Errorf("got %q, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("mode %v, %v; want at most 0640", info.Mode(), err)
	}
}

func TestRotationLosesAndTearsNoLine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	w := newWriter(t, path)
	const goroutines, lines, rotations = 8, 5000, 20
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range lines {
				w.Record(&Entry{Service: "shop", Path: []byte("/a/path/of/usual/length?with=a&query=too")})
			}
		})
	}
	for i := range rotations {
		if err := os.Rename(path, filepath.Join(dir, fmt.Sprint("old.", i))); err != nil {
			t.Fatal(err)
		}
		if err := w.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != rotations+1 {
		t.Fatalf("%d files, %v; want %d", len(files), err, rotations+1)
	}
	written := 0
	for _, file := range files {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, service := range strings.Fields(services(string(got))) {
			if service != "shop" {
				t.Fatalf("%s has a line that is %s", file, service)
			}
			written++
		}
	}
	if total := uint64(written) + w.Dropped(); total != goroutines*lines {
		t.Errorf("%d lines were written and %d dropped, of %d", written, w.Dropped(), goroutines*lines)
	}
}

func TestFullDeviceLosesNoMoreThanItsLines(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	w := newWriter(t, "/dev/full")
	w.Record(&Entry{})
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("got %v", err)
	}
	if w.Dropped() != 1 {
		t.Errorf("%d lines were dropped, want 1", w.Dropped())
	}
}

func TestNamedPipeThatNobodyReadsIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	w := NewWriter(slog.New(slog.DiscardHandler))
	defer w.Close()
	if err := w.Configure(headroom.AccessLog{Path: path, Sample: 1}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}

// The standard output of this test's child, which runs the same test again, is a pipe whose reader goes away.
func TestProcessOutlivesTheReaderOfItsStandardOutput(t *testing.T) {
	const variable = "ACCESSLOG_TEST_CHILD"
	if os.Getenv(variable) != "" {
		w := newWriter(t, stdout)
		w.Record(&Entry{Service: "one"})
		if err := w.Reopen(); err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, os.Stdin) // the reader has gone when this ends
		w.Record(&Entry{Service: "two"})
		err := w.Close()
		fmt.Fprintln(os.Stderr, "closed:", err)
		os.Exit(7)
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), variable+"=1")
	var told strings.Builder
	child.Stderr = &told
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len((&Entry{Service: "one"}).AppendJSON(nil)))
	if _, err := io.ReadFull(output, line); err != nil || services(string(line)) != "one" {
		t.Errorf("got %q, %v", line, err)
	}
	output.Close()
	stdin.Close()
	timer := time.AfterFunc(20*time.Second, func() { child.Process.Kill() })
	defer timer.Stop()
	child.Wait()
	if child.ProcessState.ExitCode() != 7 || !strings.Contains(told.String(), "1 lines are lost: write stdout: broken pipe") {
		t.Errorf("it ended with %v and told %q", child.ProcessState, told.String())
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	w := newWriter(t, filepath.Join(t.TempDir(), "access.log"))
	e := fullEntry()
	w.Record(e) // makes the first chunk
	if n := testing.AllocsPerRun(500, func() { w.Record(e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// benchmarkRecord writes what there is every 100 lines, as part of what is measured, so that few are dropped.
func benchmarkRecord(b *testing.B, goroutines int) {
	w := newWriter(b, "/dev/null")
	b.ReportAllocs()
	b.SetParallelism(goroutines)
	b.RunParallel(func(pb *testing.PB) {
		e := fullEntry()
		for i := 1; pb.Next(); i++ {
			w.Record(e)
			if i%100 == 0 {
				<-w.sink.turn
				w.flush()
				w.sink.unlock()
			}
		}
	})
	b.ReportMetric(float64(w.Dropped())/float64(b.N), "dropped/op")
}

func BenchmarkRecord(b *testing.B)                  { benchmarkRecord(b, 1) }
func BenchmarkRecordFrom100Goroutines(b *testing.B) { benchmarkRecord(b, 50) }

func BenchmarkRecordOutsideTheSample(b *testing.B) {
	w := newWriter(b, "/dev/null")
	if err := w.Configure(headroom.AccessLog{Path: "/dev/null", Sample: 0}); err != nil {
		b.Fatal(err)
	}
	e := fullEntry()
	e.Failed = false
	b.ReportAllocs()
	for b.Loop() {
		w.Record(e)
	}
}
