package process

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

func TestReplicasSurviveKillingTheirSupervisorAndAreAdopted(t *testing.T) {
	dir := t.TempDir()
	supervisor := exec.Command(os.Args[0])
	supervisor.Env = append(os.Environ(), "TEST_SUPERVISE="+dir)
	output, err := supervisor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(output).ReadString('\n')
	var pids [2]int
	if _, err := fmt.Sscanf(line, "ready %d %d", &pids[0], &pids[1]); err != nil {
		t.Fatalf("the supervisor says %q", line)
	}
	if _, err := New(Options{Dir: dir, Probe: probeHTTP, LockTimeout: time.Millisecond}); err == nil ||
		!strings.Contains(err.Error(), fmt.Sprintf("process %d", supervisor.Process.Pid)) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second platform on the directory: got %v, want an error with the other process and the directory", err)
	}
	_ = supervisor.Process.Kill()
	_ = supervisor.Wait()

	p := newPlatform(t, dir)
	replicas := awaitReady(t, p, 2)
	for i, r := range replicas {
		if r.PID != pids[i] || !r.Adopted || !alive(r.PID) || get(t, "http://"+r.Address+"/health") == nil {
			t.Errorf("got %+v, want process %d adopted and serving", r, pids[i])
		}
	}
	grow(t, p, growth("serve", "shop-1", "shop-2")) // sent again, as the answer was lost
	if again := awaitReady(t, p, 2); again[0].PID != pids[0] {
		t.Error("an adopted replica was doubled")
	}
	usage, err := p.Usage(t.Context(), "shop")
	if err != nil || len(usage) != 2 || usage[0].CPUSeconds == nil || *usage[0].Memory < 1<<20 {
		t.Errorf("usage of adopted replicas: %+v, %v", usage, err)
	}
	if err := unix.Kill(pids[0], unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := awaitExit(t, p); r.Exit != "exited; its status is not known since headroom was restarted while it ran" {
		t.Errorf("exit is %q", r.Exit)
	}
	shrink(t, p, 5*time.Second, "shop-1", "shop-2")
	awaitNone(t, p)
	if alive(pids[1]) {
		t.Error("an adopted replica was not stopped")
	}
}

func TestKillingTheSupervisorAtAnyInstantNeitherDoublesNorOrphansAReplica(t *testing.T) {
	for round := range 5 {
		dir := t.TempDir()
		supervisor := exec.Command(os.Args[0])
		supervisor.Env = append(os.Environ(), "TEST_SUPERVISE_BRIEFLY="+dir)
		output, err := supervisor.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := supervisor.Start(); err != nil {
			t.Fatal(err)
		}
		if line, _ := bufio.NewReader(output).ReadString('\n'); line != "begin\n" {
			t.Fatalf("the supervisor says %q", line)
		}
		<-time.After(time.Duration(3+round*14) * time.Millisecond) // each of the six takes 5 to 10 ms
		_ = supervisor.Process.Kill()
		_ = supervisor.Wait()

		p := newPlatform(t, dir)
		adopted := map[int]bool{}
		inventory, err := p.Inventory(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range inventory.Replicas {
			adopted[r.PID] = true
		}
		grow(t, p, growth("serve", six...))
		known := map[int]bool{}
		kept := 0
		for _, r := range awaitReady(t, p, len(six)) {
			known[r.PID] = true
			if adopted[r.PID] {
				kept++
			}
		}
		running := 0
		for _, processes := range p.markedProcesses() {
			for _, s := range processes {
				running++
				if !known[s.pid] {
					t.Errorf("round %d: process %d is an orphan", round, s.pid)
				}
			}
		}
		if running != len(six) || kept != len(adopted) {
			t.Errorf("round %d: %d processes run, want 6; %d of %d adopted ones were kept", round, running, kept, len(adopted))
		}
		t.Logf("round %d: %d adopted", round, len(adopted))
		stopEverything(t, p)
	}
}

func TestCloseLeavesReplicasRunningAndAStopGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	p := newPlatform(t, dir)
	grow(t, p, growth("ignore-term", "shop-1"))
	r := awaitReady(t, p, 1)[0]
	shrink(t, p, 300*time.Millisecond, "shop-1")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if !alive(r.PID) {
		t.Fatal("Close stopped a replica")
	}
	if _, open := <-drain(p.Changes()); open {
		t.Error("Changes is not closed")
	}
	p = newPlatform(t, dir)
	awaitNone(t, p)
}

func TestADeadReplicaIsListedWithItsEndAfterARestartAndCanBeRemoved(t *testing.T) {
	dir := t.TempDir()
	p := newPlatform(t, dir)
	grow(t, p, growth("crash", "shop-1"))
	awaitExit(t, p)
	_ = p.Close()
	p = newPlatform(t, dir)
	if r := awaitExit(t, p); r.Exit != "exit status 3" || len(r.Tail) == 0 {
		t.Errorf("got %+v", r)
	}
	shrink(t, p, time.Minute, "shop-1")
	awaitNone(t, p)
}

// drain reads hints that were sent before a channel was closed.
func drain(changes <-chan string) <-chan string {
	for len(changes) > 0 {
		<-changes
	}
	return changes
}

// rewrite changes the record of a replica on disk, as a crash or time could have left it.
func rewrite(t *testing.T, p *Platform, name string, change func(*record)) {
	t.Helper()
	path := p.recordPath("shop", name)
	r, err := readRecord(path)
	if err != nil {
		t.Fatal(err)
	}
	change(&r)
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAReplicaWhoseProcessIDIsNotYetRecordedIsFoundByItsMark(t *testing.T) {
	dir := t.TempDir()
	p := newPlatform(t, dir)
	grow(t, p, growth("serve", "shop-1", "shop-2"))
	replicas := awaitReady(t, p, 2)
	_ = p.Close()
	rewrite(t, p, "shop-1", func(r *record) { r.PID, r.Ticks, r.State, r.ReadyAt = 0, 0, headroom.ReplicaStarting, time.Time{} })
	// And an intent that was never carried out.
	rewrite(t, p, "shop-2", func(*record) {})
	data, err := os.ReadFile(p.recordPath("shop", "shop-2"))
	if err != nil {
		t.Fatal(err)
	}
	var never record
	if err := json.Unmarshal(data, &never); err != nil {
		t.Fatal(err)
	}
	never.Name, never.PID, never.State = "shop-3", 0, headroom.ReplicaStarting
	if data, err = json.Marshal(never); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.recordPath("shop", "shop-3"), data, 0o600); err != nil {
		t.Fatal(err)
	}

	p = newPlatform(t, dir)
	for i, r := range awaitReady(t, p, 2) {
		if r.PID != replicas[i].PID || !r.Adopted {
			t.Errorf("got %+v, want process %d", r, replicas[i].PID)
		}
	}
	if exists(p.recordPath("shop", "shop-3")) {
		t.Error("the record of a replica that never was is left")
	}
}

func TestAReusedProcessIDIsNeverTakenForTheReplica(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*record)
		exit   string
	}{
		"other start time": {func(r *record) { r.Ticks++ }, "exited while headroom did not run; its status is not known"},
		"other boot":       {func(r *record) { r.BootID = "another" }, "ended when the machine was restarted"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p := newPlatform(t, dir)
			grow(t, p, growth("serve", "shop-1"))
			pid := awaitReady(t, p, 1)[0].PID
			_ = p.Close()
			stranger := exec.Command("sleep", "60")
			stranger.SysProcAttr = &unix.SysProcAttr{Setsid: true}
			if err := stranger.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = stranger.Process.Kill()
				_ = stranger.Wait()
			}()
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			rewrite(t, p, "shop-1", func(r *record) {
				r.PID = stranger.Process.Pid
				s, err := readStat(r.PID)
				if err != nil {
					t.Fatal(err)
				}
				r.Ticks = s.ticks
				test.change(r)
			})
			p = newPlatform(t, dir)
			if r := awaitExit(t, p); r.Exit != test.exit {
				t.Errorf("exit is %q, want %q", r.Exit, test.exit)
			}
			shrink(t, p, 0, "shop-1")
			awaitNone(t, p)
			if !alive(stranger.Process.Pid) {
				t.Error("a stranger was killed")
			}
		})
	}
}

func TestProcessesWhoseRecordIsLostOrTornAreStopped(t *testing.T) {
	dir := t.TempDir()
	p := newPlatform(t, dir)
	grow(t, p, growth("serve", "shop-1", "shop-2"))
	replicas := awaitReady(t, p, 2)
	_ = p.Close()
	if err := os.Remove(p.recordPath("shop", "shop-1")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.recordPath("shop", "shop-2"), []byte(`{"name":"sho`), 0o600); err != nil {
		t.Fatal(err)
	}
	p = newPlatform(t, dir)
	for _, r := range replicas {
		poll(t, "the end of "+r.Name, func() bool { return !alive(r.PID) })
	}
	awaitNone(t, p)
	if left, _ := filepath.Glob(filepath.Join(dir, "records", "*", "*.json")); len(left) != 0 {
		t.Errorf("records are left: %v", left)
	}
}
