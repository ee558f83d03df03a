package bolt

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// TestMain lets the test binary play another process that uses a store.
func TestMain(m *testing.M) {
	if path := os.Getenv("HEADROOM_TEST_COMMIT_TO"); path != "" {
		if err := commitForever(path); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// commitForever prints each number after the commit that holds it returned.
func commitForever(path string) error {
	store, err := Open(path, Options{LockTimeout: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		if _, err := store.Commit(put("o", "last", i), put("o", fmt.Sprint(i%50), strings.Repeat("x", i%5000)), add("event", "shop", fmt.Sprint(i), noon)); err != nil {
			return err
		}
		if i%20 == 0 {
			if err := store.Snapshot(); err != nil {
				return err
			}
		}
		fmt.Println(i)
	}
}

func startCommitting(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "HEADROOM_TEST_COMMIT_TO="+path)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	return child, bufio.NewScanner(output)
}

func TestKillingTheProcessAtAnyInstantLosesNoCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headroom.db")
	before := 0
	for round := range 6 {
		child, lines := startCommitting(t, path)
		confirmed := 0
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatal(lines.Text())
			}
			confirmed = n
			if n == 23+7*round {
				_ = child.Process.Kill() // and read on: what it printed before it died counts
			}
		}
		_ = child.Wait()

		store, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var last int
		if err := store.Get("o", "last", &last); err != nil || last < confirmed || last > confirmed+1 {
			t.Errorf("found %d, %v; %d was confirmed", last, err, confirmed)
		}
		entries, err := store.Journal(headroom.JournalQuery{})
		if err != nil || len(entries) != before+last {
			t.Errorf("%d journal entries, %v; want %d", len(entries), err, before+last)
		}
		if store.Recovery() != nil {
			t.Errorf("recovered from a snapshot: %+v", store.Recovery())
		}
		before = len(entries)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASecondProcessIsRefusedWithThePathAndTheFirstOnesProcessID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headroom.db")
	child, lines := startCommitting(t, path)
	if !lines.Scan() {
		t.Fatal("the first process did not start")
	}
	_, err := Open(path, Options{LockTimeout: time.Millisecond})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != child.Process.Pid || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want a LockedError with %s and process %d", err, path, child.Process.Pid)
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	store := open(t, path) // the lock ends with its holder
	if err := store.List("o", func(string, json.RawMessage) error { return nil }); err != nil {
		t.Error(err)
	}
}
