//go:build linux

package metrics

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A full disk drops samples with an error and nothing else: queries go on, and so do appends once
// there is room again.
func TestFullDiskLosesSamplesOnlyWhileItIsFull(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("needs the right to mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := Open(Options{Dir: filepath.Join(disk, "metrics")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustAppend(t, s, epoch, counter("a", 1))

	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = filler.Write(block)
	}
	filler.Close()

	// The log's page is 32 KiB and may still have room on the disk: append until it is refused.
	at := epoch
	for refused := false; !refused; {
		at = at.Add(time.Second)
		if at.After(epoch.Add(time.Hour)) {
			t.Fatal("an hour of samples was stored on a full disk")
		}
		var many []Sample
		for i := range 50 {
			many = append(many, Sample{Name: "x", Labels: []Label{{"n", string(rune('A' + i))}}, Value: float64(at.Unix()) / float64(i+1)})
		}
		refused = s.Append(at, many) != nil
	}
	if got := values(t, s, `max_over_time(requests_total[1h])`, at, "backend"); got["a"] != 1 {
		t.Errorf("found %v on the full disk; expected what was stored before", got)
	}

	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	at = at.Add(time.Second)
	if err := s.Append(at, []Sample{counter("a", 9)}); err != nil {
		t.Errorf("after there was room again: %v", err)
	}
	result, err := s.Query(context.Background(), `requests_total`, at)
	if err != nil || len(result.Series) != 1 || *result.Series[0].Points[0].Value != 9 {
		t.Errorf("found %+v, %v; expected 9", result, err)
	}
}
