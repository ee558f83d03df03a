package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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

// System is one headroom of a test: a directory with a config file, and the processes that were started on it.
type System struct {
	t   testing.TB
	Dir string // holds headroom.yaml and .headroom
	// Traffic and API are the addresses that {{.Traffic}} and {{.API}} stand for in the config.
	Traffic, API string
	Shop         string // path of the sample service
	Ports        string // a range for run.ports that no other test uses
	// Env is added to the environment of every process that is started.
	Env []string
	// Program is the headroom to start instead of that of Binaries, such as one without the race detector where memory is measured.
	Program string
}

// New makes a system from a config file's text, in which TRAFFIC, API, SHOP and PORTS stand for the addresses, the path of
// the sample service and a range of ports for its replicas. Nothing is started. Whatever is left when the test ends is killed, and a replica that nobody
// stopped fails the test if it outlives that.
func New(t testing.TB, config string) *System {
	t.Helper()
	s := &System{t: t, Dir: t.TempDir(), Shop: filepath.Join(Binaries(t), "shop")}
	first := claimPorts(t)
	s.Traffic, s.API = fmt.Sprintf("127.0.0.1:%d", first), fmt.Sprintf("127.0.0.1:%d", first+1)
	s.Ports = fmt.Sprintf("%d-%d", first+9, first+portsPerTest-2)
	s.Configure(config)
	t.Cleanup(s.killAll)
	return s
}

// FreeAddress returns a loopback address that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Expand fills in what stands for addresses, ports and the path of the sample service.
func (s *System) Expand(config string) string {
	return strings.NewReplacer("TRAFFIC", s.Traffic, "API", s.API, "SHOP", s.Shop, "PORTS", s.Ports).Replace(config)
}

// Configure writes the config file.
func (s *System) Configure(config string) {
	s.t.Helper()
	if err := os.WriteFile(s.ConfigFile(), []byte(s.Expand(config)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// ConfigFile is the path of the config file.
func (s *System) ConfigFile() string { return filepath.Join(s.Dir, "headroom.yaml") }

// Process is a headroom process that was started.
type Process struct {
	s      *System
	cmd    *exec.Cmd
	stdout buffer
	stderr buffer
	done   chan struct{}
	err    error
}

// promptExit keeps a program with the race detector from sleeping for a second at its end.
const promptExit = "GORACE=atexit_sleep_ms=0"

// Start starts `headroom ARGS… -c CONFIG` and does not wait for it.
func (s *System) Start(args ...string) *Process {
	s.t.Helper()
	program := s.Program
	if program == "" {
		program = filepath.Join(Binaries(s.t), "headroom")
	}
	p := &Process{s: s, done: make(chan struct{})}
	p.cmd = exec.Command(program, append(args, "-c", s.ConfigFile())...)
	p.cmd.Dir = s.Dir
	p.cmd.Env = append(append(os.Environ(), "SYSTEM_UNDER_TEST="+s.Dir, promptExit), s.Env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	s.t.Cleanup(func() {
		p.Kill()
		if strings.Contains(p.Errors(), "WARNING: DATA RACE") {
			s.t.Error("headroom has a data race, see what it wrote")
		}
		if s.t.Failed() {
			s.t.Logf("headroom %s wrote:\n%s\n%s", strings.Join(args, " "), p.Output(), p.Errors())
		}
	})
	return p
}

// Run starts headroom run and waits until the API says that it is ready.
func (s *System) Run() *Process {
	s.t.Helper()
	p := s.Start("run")
	s.WaitReady(p)
	return p
}

// WaitReady waits until /readyz answers 200, or fails the test when a process ends first.
func (s *System) WaitReady(processes ...*Process) {
	s.t.Helper()
	s.Eventually(20*time.Second, "headroom is ready", func() error {
		for _, p := range processes {
			select {
			case <-p.done:
				s.t.Fatalf("headroom ended before it was ready: %v\n%s\n%s", p.err, p.Output(), p.Errors())
			default:
			}
		}
		response, err := http.Get("http://" + s.API + "/readyz")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(response.Body)
			return fmt.Errorf("%s: %s", response.Status, body)
		}
		return nil
	})
}

// PID is the process's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is what it has written to standard output so far, Errors to standard error.
func (p *Process) Output() string { return p.stdout.String() }
func (p *Process) Errors() string { return p.stderr.String() }

// Signal sends a signal.
func (p *Process) Signal(signal syscall.Signal) {
	p.s.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.s.t.Fatal(err)
	}
}

// Kill kills it (SIGKILL) and waits until it is gone. Its replicas live on.
func (p *Process) Kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// Done is closed when it has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits until it has ended and returns its exit code; -1 for one that a signal ended. A crowded machine prolongs the limit.
func (p *Process) Wait(limit time.Duration) int {
	p.s.t.Helper()
	ended := func() error {
		select {
		case <-p.done:
			return nil
		default:
			return fmt.Errorf("it wrote\n%s\n%s", p.Output(), p.Errors())
		}
	}
	p.s.Eventually(limit, "headroom has ended", ended)
	return p.cmd.ProcessState.ExitCode()
}

// Command runs `headroom ARGS…` to its end with the system's API, and returns its output and exit code.
func (s *System) Command(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(Binaries(s.t), "headroom"), args...)
	cmd.Dir = s.Dir
	cmd.Env = append(append(os.Environ(), "HEADROOM_API="+s.API, "NO_COLOR=1", promptExit), s.Env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// WaitReplicas waits until a service wants and has exactly n ready replicas and nothing is under way, and returns them by
// name with their pids.
func (s *System) WaitReplicas(service string, n int, limit time.Duration) map[string]int {
	s.t.Helper()
	var pids map[string]int
	s.Eventually(limit, fmt.Sprintf("%s has %d ready replicas", service, n), func() error {
		status, err := s.Status(service)
		if err != nil {
			return err
		}
		pids = map[string]int{}
		for _, replica := range status.Replicas {
			if replica.State != headroom.ReplicaReady {
				return fmt.Errorf("%s is %s", replica.Name, replica.State)
			}
			pids[replica.Name] = replica.PID
		}
		if status.DesiredReplicas != n || len(pids) != n {
			return fmt.Errorf("%d wanted, %d listed, problems %q", status.DesiredReplicas, len(pids), status.Problems)
		}
		return nil
	})
	return pids
}

// Eventually calls check every 20 ms until it returns nil; after the limit, which a crowded machine prolongs, the test fails with what it returned
// last.
func (s *System) Eventually(limit time.Duration, what string, check func() error) {
	s.t.Helper()
	began, countdown := time.Now(), NewCountdown(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if countdown.Over() {
			s.t.Fatalf("after %s it is not so that %s: %v", time.Since(began).Round(time.Millisecond), what, err)
		}
		time.Sleep(20 * time.Millisecond) // between polls of another process, which can send no event here
	}
}

// ShopProcesses lists the pids of all replicas of this system that run, adopted or orphaned, by what /proc says.
func (s *System) ShopProcesses() []int { return s.processes("shop") }

// ReplicaProcesses is the same with the name that each replica was given, by pid. It can be called from any goroutine.
func (s *System) ReplicaProcesses() map[int]string {
	replicas := map[int]string{}
	for _, pid := range s.processes("shop") {
		environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			continue // it has just ended
		}
		for _, variable := range strings.Split(string(environment), "\x00") {
			if name, found := strings.CutPrefix(variable, "REPLICA_ID="); found {
				replicas[pid] = name
			}
		}
	}
	return replicas
}

// processes lists the pids of processes of a program that have this system's directory in their environment.
func (s *System) processes(program string) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !strings.HasSuffix(strings.SplitN(string(command), "\x00", 2)[0], program) {
			continue
		}
		environment, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !strings.Contains(string(environment), "SYSTEM_UNDER_TEST="+s.Dir+"\x00") {
			continue
		}
		if stat, err := os.ReadFile(filepath.Join(dir, "stat")); err != nil || strings.Contains(string(stat), ") Z ") {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), "%d", &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// killAll ends what a test left behind.
func (s *System) killAll() {
	for _, program := range []string{"headroom", "shop"} {
		for _, pid := range s.processes(program) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// buffer is a bytes.Buffer that a process may write while a test reads.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}
