package process

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom"
)

func TestReplicasGetPortsNamesAndEnvironmentButNoSettingsOfHeadroom(t *testing.T) {
	t.Setenv("HEADROOM_API_TOKEN", "secret")
	p := newPlatform(t, t.TempDir())
	grow(t, p, growth("serve", "shop-1", "shop-2"))
	replicas := awaitReady(t, p, 2)
	if replicas[0].Address == replicas[1].Address {
		t.Errorf("two replicas have the address %s", replicas[0].Address)
	}
	port := strconv.Itoa(portOf(t, replicas[1]))
	body, err := io.ReadAll(get(t, "http://"+replicas[1].Address+"/env").Body)
	if err != nil {
		t.Fatal(err)
	}
	environment := strings.Split(string(body), "\n")
	for _, want := range []string{"PORT=" + port, "REPLICA_ID=shop-2", "SERVICE=shop", "REVISION=r1", "URL=http://127.0.0.1:" + port + "/", "PATH=" + os.Getenv("PATH")} {
		if !slices.Contains(environment, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	if strings.Contains(string(body), "secret") {
		t.Error("a setting of headroom reached the replica")
	}
	commandLine, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", replicas[1].PID))
	if err != nil || !strings.Contains(string(commandLine), "-port="+port) {
		t.Errorf("command line %q, %v; want the port %s", commandLine, err, port)
	}
	logs, err := p.Logs(t.Context(), "shop", "shop-2", 5)
	if want := "serve on port " + port + " as shop-2 of shop revision r1"; err != nil || len(logs) != 1 || logs[0] != want {
		t.Errorf("logs %q, %v; want %q", logs, err, want)
	}
	var unknown *headroom.UnknownNameError
	if _, err := p.Logs(t.Context(), "shop", "shop-9", 5); !errors.As(err, &unknown) || len(unknown.Known) != 2 {
		t.Errorf("logs of an unknown replica: %v", err)
	}
}

func TestReadinessIsNoticedWithinMillisecondsAndFailuresAreShown(t *testing.T) {
	p := newPlatform(t, t.TempDir())
	grow(t, p, growth("slow", "shop-1"))
	await(t, p, "a readiness failure", func(replicas []headroom.Replica) bool {
		return strings.Contains(replicas[0].Detail, "refused") || replicas[0].State == headroom.ReplicaReady
	})
	ready := awaitReady(t, p, 1)[0]
	if ready.Detail != "" {
		t.Errorf("a ready replica has detail %q", ready.Detail)
	}
}

func TestACrashIsReportedWithStatusAndOutputUntilItIsRemoved(t *testing.T) {
	p := newPlatform(t, t.TempDir())
	grow(t, p, growth("crash", "shop-1"))
	r := awaitExit(t, p)
	if r.Exit != "exit status 3" || !slices.Contains(r.Tail, "cannot go on") || r.ExitedAt.IsZero() {
		t.Errorf("got %+v", r)
	}
	grow(t, p, growth("serve", "shop-1")) // the name exists: nothing changes
	if again := awaitExit(t, p); again.PID != r.PID {
		t.Errorf("was started again as process %d", again.PID)
	}
	inventory, _ := p.Inventory(t.Context(), "shop")
	if *inventory.Count != 0 {
		t.Errorf("count is %d with one dead replica, want 0", *inventory.Count)
	}
	shrink(t, p, time.Second, "shop-1")
	awaitNone(t, p)
	if logs, err := p.Logs(t.Context(), "shop", "shop-1", 1); err != nil || len(logs) != 1 || logs[0] != "cannot go on" {
		t.Errorf("logs after removal: %q, %v", logs, err)
	}
}

func TestAKilledReplicaIsReportedWithItsSignal(t *testing.T) {
	p := newPlatform(t, t.TempDir())
	grow(t, p, growth("serve", "shop-1"))
	r := awaitReady(t, p, 1)[0]
	killed := time.Now()
	if err := unix.Kill(r.PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r = awaitExit(t, p); r.Exit != "killed by SIGKILL" {
		t.Errorf("exit is %q", r.Exit)
	}
	if took := time.Since(killed); took > time.Second {
		t.Errorf("noticed after %v", took)
	}
}

func TestStoppingAsksFirstAndForcesWhenTheGraceIsOver(t *testing.T) {
	p := newPlatform(t, t.TempDir())
	grow(t, p, growth("serve", "shop-1"))
	awaitReady(t, p, 1)
	started := time.Now()
	shrink(t, p, time.Minute, "shop-1", "shop-7")
	awaitNone(t, p)
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("a replica that obeys took %v to stop", took)
	}

	grow(t, p, growth("ignore-term", "shop-2"))
	r := awaitReady(t, p, 1)[0]
	started = time.Now()
	shrink(t, p, 300*time.Millisecond, "shop-2")
	await(t, p, "stopping", func(replicas []headroom.Replica) bool {
		return len(replicas) == 0 || replicas[0].State == headroom.ReplicaStopping
	})
	awaitNone(t, p)
	if took := time.Since(started); took < 300*time.Millisecond || alive(r.PID) {
		t.Errorf("gone after %v (grace 300ms), alive %v", took, alive(r.PID))
	}
}

func TestDescendantsAreStoppedWithTheReplicaEvenWhenTheyLeaveItsGroup(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *Platform, headroom.Replica){
		"stopped": func(t *testing.T, p *Platform, _ headroom.Replica) { shrink(t, p, 200*time.Millisecond, "shop-1") },
		"exited": func(t *testing.T, p *Platform, r headroom.Replica) {
			get(t, "http://"+r.Address+"/exit")
			if r := awaitExit(t, p); r.Exit != "exit status 7" {
				t.Errorf("exit is %q", r.Exit)
			}
			shrink(t, p, 0, "shop-1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, t.TempDir())
			order := growth("family", "shop-1")
			order.Workload.Run.StopGracePeriod = headroom.Duration(200 * time.Millisecond)
			grow(t, p, order)
			r := awaitReady(t, p, 1)[0]
			var children []int
			logs, err := p.Logs(t.Context(), "shop", "shop-1", 20)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range logs {
				var pid int
				if n, _ := fmt.Sscanf(line, "child %d", &pid); n == 1 {
					children = append(children, pid)
				}
			}
			if len(children) != 2 {
				t.Fatalf("children %v in %q", children, logs)
			}
			end(t, p, r)
			awaitNone(t, p)
			for _, pid := range append(children, r.PID) {
				if alive(pid) {
					t.Errorf("process %d is left", pid)
				}
			}
		})
	}
}

func TestWorkloadsThatCannotStartAreRefusedWithThePathAndWhatToDo(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	noInterpreter := filepath.Join(dir, "script")
	for path, mode := range map[string]os.FileMode{plain: 0o600, noInterpreter: 0o700} {
		if err := os.WriteFile(path, []byte("#!/does/not/exist\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	p := newPlatform(t, t.TempDir())
	for name, test := range map[string]struct {
		change func(*headroom.Run)
		want   string
	}{
		"no command":          {func(r *headroom.Run) { r.Command = nil }, "run.command is empty"},
		"no such file":        {func(r *headroom.Run) { r.Command = headroom.Command{"./nothing"}; r.WorkingDirectory = dir }, dir + "/nothing of run.command does not exist"},
		"not in PATH":         {func(r *headroom.Run) { r.Command = headroom.Command{"no-such-program"} }, "not in PATH"},
		"not executable":      {func(r *headroom.Run) { r.Command = headroom.Command{plain} }, "chmod +x"},
		"a directory":         {func(r *headroom.Run) { r.Command = headroom.Command{dir} }, "is a directory"},
		"missing interpreter": {func(r *headroom.Run) { r.Command = headroom.Command{noInterpreter} }, noInterpreter},
		"bad directory":       {func(r *headroom.Run) { r.WorkingDirectory = dir + "/none" }, "run.workingDirectory " + dir + "/none"},
		"unknown user":        {func(r *headroom.Run) { r.User = "no-such-user" }, `run.user "no-such-user" does not exist`},
	} {
		order := growth("serve", "shop-1")
		test.change(&order.Workload.Run)
		err := p.Grow(t.Context(), order)
		if !errors.Is(err, headroom.ErrInvalidWorkload) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want ErrInvalidWorkload with %q", name, err, test.want)
		}
	}
	if inventory, err := p.Inventory(t.Context(), "shop"); err != nil || len(inventory.Replicas) != 0 {
		t.Errorf("a refused order left %+v, %v", inventory.Replicas, err)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "records", "*", "*")); len(left) != 0 {
		t.Errorf("a refused order left records %v", left)
	}
}

func TestPortsInUseAreSkippedAndAFullRangeIsNoCapacity(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	p := newPlatform(t, t.TempDir())
	order := growth("serve", "shop-1")
	order.Workload.Run.Ports = headroom.PortRange{First: port, Last: port}
	if err := p.Grow(t.Context(), order); !errors.Is(err, headroom.ErrNoCapacity) || !strings.Contains(err.Error(), "run.ports") {
		t.Errorf("got %v, want ErrNoCapacity", err)
	}
}

func TestReplicasRunAsTheirUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to change the user")
	}
	p := newPlatform(t, t.TempDir())
	for name, cpu := range map[string]headroom.CPU{"shop-1": 0, "shop-2": 500} { // without and with the shim
		order := growth("serve", name)
		order.Workload.Run = headroom.Run{Command: headroom.Command{"sh", "-c", "id -un; exec sleep 60"}, WorkingDirectory: "/", User: "nobody", CPU: cpu, Ports: testPorts}
		grow(t, p, order)
		poll(t, "the name of the user in the log of "+name, func() bool {
			logs, err := p.Logs(t.Context(), "shop", name, 10)
			return err == nil && slices.Contains(logs, "nobody")
		})
	}
}

func TestLogsAreRotatedBySizeAndReadAcrossTheCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	file, err := openLog(path) // stays open all the time, as a replica has it
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for round := range 4 {
		for i := range 100 {
			fmt.Fprintf(file, "round %d line %d\n", round, i)
		}
		if err := rotate(path, 1000); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(file, "last")
	for suffix, want := range map[string]string{"": "last", ".1": "round 3 line 99", ".2": "round 2 line 99"} {
		lines, err := tailOf(path+suffix, 1)
		if err != nil || len(lines) != 1 || lines[0] != want {
			t.Errorf("%q: got %q, %v; want %q", suffix, lines, err, want)
		}
	}
	if exists(path + ".3") {
		t.Error("there are more copies than two")
	}
	if lines, err := tailOf(path+".1", 150); err != nil || len(lines) != 100 {
		t.Errorf("got %d lines, %v; want all 100", len(lines), err)
	}
}

func TestOfAFloodTheNewestLinesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	file, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for i := range 10_000 {
		fmt.Fprintf(file, "line %d\n", i)
	}
	if err := rotate(path, 1000); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path + ".1")
	if err != nil || info.Size() != 2000 {
		t.Fatalf("the copy has %d bytes (%v), want twice the size, 2000", info.Size(), err)
	}
	if lines, err := tailOf(path+".1", 1); err != nil || len(lines) != 1 || lines[0] != "line 9999" {
		t.Errorf("got %q, %v; want the last line", lines, err)
	}
}

func TestStopAllLeavesNothing(t *testing.T) {
	p := newPlatform(t, t.TempDir())
	grow(t, p, growth("serve", "shop-1", "shop-2"))
	replicas := awaitReady(t, p, 2)
	if err := p.StopAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range replicas {
		if alive(r.PID) {
			t.Errorf("%s is left", r.Name)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "records", "*", "*")); len(left) != 0 {
		t.Errorf("records are left: %v", left)
	}
	if err := p.Grow(t.Context(), growth("serve", "shop-3")); err == nil {
		t.Error("a replica was started after everything was stopped")
	}
}
