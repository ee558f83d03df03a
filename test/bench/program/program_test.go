//go:build linux

package program

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAProgramIsMeasuredAndEnded(t *testing.T) {
	p, err := Start("", "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; read never")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-time.After(time.Minute):
		t.Fatal("it has not ended")
	}
	if got := strings.TrimSpace(p.Errors()); got != "done" {
		t.Errorf("it wrote %q", got)
	}
	if _, err := p.CPU(); err == nil {
		t.Error("the clock of a process that has ended is read")
	}
}

func TestTheClockOfAProcessAdvances(t *testing.T) {
	p, err := Start("", "sh", "-c", "while :; do :; done")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		used, err := p.CPU()
		if err != nil {
			t.Fatal(err)
		}
		if used > time.Millisecond {
			if memory, err := p.Memory(); err != nil || memory.Resident < memory.Anonymous || memory.Anonymous == 0 {
				t.Errorf("its memory is %+v, %v", memory, err)
			}
			return
		}
	}
	t.Error("a busy process used no time")
}

func TestPackagesOfMissingFilesAreFound(t *testing.T) {
	got := Missing([]Need{{"sh", "dash"}, {"no-such-program", "a"}, {"/bin/sh", "dash"}, {"/no/such/file", "b"}})
	if !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
}
