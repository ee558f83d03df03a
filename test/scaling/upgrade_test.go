package scaling_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// upgradeConfig has a service of replicas, and one whose backend is the test's, on one address.
const upgradeConfig = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --latency 5ms", ports: PORTS}
    scaling: {minReplicas: 2, maxReplicas: 4, targetRequestsPerSecond: 1000}
    loadBalancing: {listen: TRAFFIC, hosts: [shop.test]}
  origin:
    backends: [{address: ORIGIN}]
    loadBalancing: {listen: TRAFFIC, hosts: [origin.test], healthCheck: {enabled: false}}
`

// installed is a headroom that was started from a program of its own, which an upgrade may replace.
type installed struct {
	t       *testing.T
	s       *system.System
	program string
	log     string
	command *exec.Cmd
	ended   chan struct{}
}

func upgradeSystem(t *testing.T) (*system.System, *installed) {
	t.Helper()
	s := system.New(t, "")
	s.Configure(strings.ReplaceAll(upgradeConfig, "ORIGIN", startOrigin(t)))
	in := &installed{t: t, s: s, program: filepath.Join(s.Dir, "headroom"), log: filepath.Join(s.Dir, "log")}
	in.install(filepath.Join(system.Binaries(t), "headroom"))
	return s, in
}

// install puts a program in the place of the one before, as package managers do: a new file under the old name.
func (in *installed) install(program string) {
	in.t.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		in.t.Fatal(err)
	}
	in.write(string(data), 0o755)
}

func (in *installed) write(content string, mode os.FileMode) {
	in.t.Helper()
	next := in.program + ".new"
	if err := os.WriteFile(next, []byte(content), mode); err != nil {
		in.t.Fatal(err)
	}
	if err := os.Rename(next, in.program); err != nil {
		in.t.Fatal(err)
	}
}

// start starts the program with arguments, and the config file.
func (in *installed) start(change func(*exec.Cmd), args ...string) *installed {
	in.t.Helper()
	log, err := os.OpenFile(in.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		in.t.Fatal(err)
	}
	defer log.Close()
	one := *in
	one.command = exec.Command(in.program, append(args, "-c", in.s.ConfigFile())...)
	one.command.Dir, one.command.Stdout, one.command.Stderr = in.s.Dir, log, log
	one.command.Env = append(os.Environ(), "SYSTEM_UNDER_TEST="+in.s.Dir, "GORACE=atexit_sleep_ms=0")
	if change != nil {
		change(one.command)
	}
	if err := one.command.Start(); err != nil {
		in.t.Fatal(err)
	}
	one.ended = make(chan struct{})
	go func() {
		defer close(one.ended)
		_ = one.command.Wait()
	}()
	in.t.Cleanup(func() {
		_ = one.command.Process.Kill()
		<-one.ended
		text, _ := os.ReadFile(in.log)
		if strings.Contains(string(text), "DATA RACE") {
			in.t.Error("headroom has a data race, see what it wrote")
		}
		if in.t.Failed() {
			in.t.Logf("headroom %v wrote:\n%s", args, text)
		}
	})
	return &one
}

// run starts headroom run and waits until it is ready.
func (in *installed) run(change func(*exec.Cmd)) *installed {
	in.t.Helper()
	one := in.start(change, "run", "--quiet", "--drain-limit", "30s")
	in.s.WaitReady()
	return one
}

// queueFor waits for the lock on a file of the state directory, tells when it has it, and returns what gives it back.
func (in *installed) queueFor(name string) (got <-chan struct{}, release func()) {
	in.t.Helper()
	file, err := os.OpenFile(filepath.Join(in.s.Dir, ".headroom", name), os.O_RDWR, 0)
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { file.Close() })
	have := make(chan struct{})
	go func() {
		defer close(have)
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
			in.t.Error(err)
		}
	}()
	return have, func() { file.Close() }
}

// wait waits for the end of the process that was started, and returns its exit code.
func (in *installed) wait(limit time.Duration) int {
	in.t.Helper()
	in.s.Eventually(limit, "it has ended", func() error {
		select {
		case <-in.ended:
			return nil
		default:
			return errors.New("it runs")
		}
	})
	return in.command.ProcessState.ExitCode()
}

// holder is the process that has a role. The file is empty for an instant while it changes hands, and a signal to process 0 would go to
// this test and all that started it.
func (in *installed) holder(role string) int {
	in.t.Helper()
	pid := 0
	in.s.Eventually(10*time.Second, "some process has the role "+role, func() error {
		text, err := os.ReadFile(filepath.Join(in.s.Dir, ".headroom", role+".lock"))
		if err != nil {
			return err
		}
		if pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err == nil && pid <= 1 {
			err = fmt.Errorf("the lock names process %d", pid)
		}
		return err
	})
	return pid
}

// upgrade runs headroom upgrade, which has to go well.
func (in *installed) upgrade(args ...string) {
	in.t.Helper()
	began := time.Now()
	stdout, stderr, code := in.s.Command(append([]string{"upgrade", "-c", in.s.ConfigFile()}, args...)...)
	if code != 0 {
		in.t.Fatalf("headroom upgrade: exit code %d\n%s%s", code, stdout, stderr)
	}
	in.t.Logf("%s: %s", time.Since(began).Round(time.Millisecond), strings.TrimSpace(stdout))
}

// waitLog waits for a line of the log with all of these texts.
func (in *installed) waitLog(texts ...string) {
	in.t.Helper()
	in.s.Eventually(10*time.Second, fmt.Sprintf("the log has a line with %q", texts), func() error {
		log, err := os.ReadFile(in.log)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(log)) {
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
				return nil
			}
		}
		return fmt.Errorf("there is none")
	})
}

func TestFiveUpgradesInARowFailNothing(t *testing.T) {
	t.Parallel()
	s, in := upgradeSystem(t)
	first := in.run(nil)
	replicas := s.WaitReplicas("shop", 2, 10*time.Second)
	l := startClients(t, s.Traffic)
	holders := []int{in.holder("balancer")}
	for range 5 {
		system.Pass(t, 300*time.Millisecond) // connections of the new process become old, busy and idle ones
		in.upgrade()
		holders = append(holders, in.holder("balancer"))
		l.echo("still there")
		samePIDs(t, replicas, s.WaitReplicas("shop", 2, 5*time.Second))
	}
	l.stop()
	if slices.Sort(holders); len(slices.Compact(holders)) != 6 {
		t.Errorf("the traffic was held by %v, want six processes", holders)
	}
	if events, err := s.Events(); err != nil || countEvents(events, "upgraded") != 5 || countEvents(events, "replica-started") > 2 {
		t.Errorf("the events do not tell of five upgrades: %v %v", err, events)
	}
	s.RunExactly(replicas)

	// Nothing holds the old ones any more, but the first, which its parent waits for.
	last := in.holder("balancer")
	s.Eventually(10*time.Second, "two processes are left", func() error {
		if alive := processes(s.Dir); !slices.Equal(alive, sorted(first.command.Process.Pid, last)) {
			return fmt.Errorf("there are %v", alive)
		}
		return nil
	})
	// A signal to the first is one to the last.
	if err := first.command.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := first.wait(15 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.WaitNone(0)
}

func countEvents(events []system.Event, kind string) int {
	n := 0
	for _, event := range events {
		if event.Type == kind {
			n++
		}
	}
	return n
}

func sorted(pids ...int) []int {
	slices.Sort(pids)
	return slices.Compact(pids)
}

// processes are the headroom processes of a system that run.
func processes(dir string) []int {
	var found []int
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range paths {
		environment, err := os.ReadFile(path)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		program, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err == nil && strings.Contains(string(environment), "SYSTEM_UNDER_TEST="+dir+"\x00") && strings.HasPrefix(program, filepath.Join(dir, "headroom")) {
			found = append(found, pid)
		}
	}
	return sorted(found...)
}

func TestAnUpgradeThatCannotWorkLeavesTheOldProcessServing(t *testing.T) {
	t.Parallel()
	s, in := upgradeSystem(t)
	in.run(nil)
	replicas := s.WaitReplicas("shop", 2, 10*time.Second)
	l := startClients(t, s.Traffic)
	old := in.holder("balancer")
	good, err := os.ReadFile(s.ConfigFile())
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	program := filepath.Join(system.Binaries(t), "headroom")
	for _, c := range []struct{ name, program, config, reason string }{
		{"a program that is none", "garbage", "", "exec format error"},
		{"a program that ends at once", "#!/bin/sh\nexit 3\n", "", "exit status 3"},
		{"a program that crashes", "#!/bin/sh\nkill -9 $$\n", "", "signal: killed"},
		{"a config file that is wrong", "", string(good) + "\nnonsense: 1\n", "nonsense"},
		{"a port that is taken", "", strings.Replace(string(good), "listen: "+s.Traffic, "listen: "+taken.Addr().String(), 1), "address already in use"},
		{"another state", "", string(good) + "\nstate: {dir: elsewhere}\n", "state.dir is"},
	} {
		if c.program != "" {
			in.write(c.program, 0o755)
			stdout, stderr, code := s.Command("upgrade", "-c", s.ConfigFile())
			if code != 1 || !strings.Contains(stderr, c.reason) {
				t.Errorf("%s: exit code %d, want 1 and %q\n%s%s", c.name, code, c.reason, stdout, stderr)
			}
			in.install(program)
		} else {
			s.Configure(c.config)
			if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
				t.Fatal(err)
			}
		}
		in.waitLog("the upgrade failed", c.reason)
		s.Configure(string(good))
		if now := in.holder("balancer"); now != old {
			t.Errorf("%s: the process is %d and was %d", c.name, now, old)
		}
	}
	samePIDs(t, replicas, s.WaitReplicas("shop", 2, 5*time.Second))
	in.upgrade()
	l.stop()
	s.RunExactly(replicas)
}

// The new process is killed when it has taken the roles and not the traffic yet: the worst instant. The old one takes back what it gave.
// It is held there by a lock that the test waits for as well, and gets first.
func TestASuccessorThatIsKilledInTheMiddleOfTheHandoverIsReplacedByTheOldProcess(t *testing.T) {
	t.Parallel()
	s, in := upgradeSystem(t)
	in.run(nil)
	replicas := s.WaitReplicas("shop", 2, 10*time.Second)
	l := startClients(t, s.Traffic)
	old := in.holder("scaler")
	for _, file := range []string{"state.db.lock", "monitor.db.lock", "replicas/lock"} {
		got, release := in.queueFor(file)
		if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		<-got
		s.Eventually(10*time.Second, "the new process has taken the roles", func() error {
			if pid := in.holder("balancer"); pid == old {
				return fmt.Errorf("it is the old one")
			}
			return nil
		})
		if err := syscall.Kill(in.holder("balancer"), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		release()
		s.Eventually(15*time.Second, "the old process has all roles again", func() error {
			for _, role := range []string{"scaler", "monitor", "balancer"} {
				if pid := in.holder(role); pid != old {
					return fmt.Errorf("process %d is the %s", pid, role)
				}
			}
			_, err := s.Status("shop")
			return err
		})
		samePIDs(t, replicas, s.WaitReplicas("shop", 2, 5*time.Second))
	}
	in.waitLog("the upgrade failed", "signal: killed")
	// It can still do everything: scale, notice a replica's end and leave no zombie of it, and be upgraded.
	scale(t, s, 3)
	s.WaitReplicas("shop", 3, 5*time.Second)
	scale(t, s, 2)
	after := s.WaitReplicas("shop", 2, 15*time.Second)
	in.upgrade()
	l.stop()
	samePIDs(t, after, s.WaitReplicas("shop", 2, 5*time.Second))
	s.RunExactly(after)
}

func TestRolesApartAreUpgradedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s, in := upgradeSystem(t)
	for _, role := range []string{"scaler", "monitor", "balancer"} {
		in.start(nil, role)
	}
	s.WaitReady()
	replicas := s.WaitReplicas("shop", 2, 10*time.Second)
	s.Eventually(5*time.Second, "the balancer has been told", func() error { return answersFor(s.Traffic, "shop.test") })
	l := startClients(t, s.Traffic)
	old := map[string]int{}
	for _, role := range []string{"scaler", "monitor", "balancer"} {
		old[role] = in.holder(role)
	}
	in.upgrade()
	in.upgrade("balancer")
	for role, pid := range old {
		if now := in.holder(role); now == pid || now == 0 {
			t.Errorf("the %s is still process %d", role, now)
		}
	}
	samePIDs(t, replicas, s.WaitReplicas("shop", 2, 5*time.Second))
	l.stop()
	stdout, stderr, code := s.Command("stop", "-c", s.ConfigFile())
	if code != 0 {
		t.Errorf("headroom stop: exit code %d\n%s%s", code, stdout, stderr)
	}
	s.WaitNone(0)
}

// As systemd has it with a socket unit and Type=notify.
func TestSocketsOfSystemdAreTakenAndItsNotificationsSent(t *testing.T) {
	t.Parallel()
	s, in := upgradeSystem(t)
	listener, err := net.Listen("tcp", s.Traffic)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // systemd keeps a descriptor as well: the file
	defer socket.Close()
	notifications, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(s.Dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notifications.Close()
	said := func(want string) {
		t.Helper()
		buffer := make([]byte, 4096)
		_ = notifications.SetReadDeadline(time.Now().Add(15 * time.Second))
		if n, err := notifications.Read(buffer); err != nil || string(buffer[:n]) != want {
			t.Errorf("the service manager was told %q, %v, want %q", buffer[:n], err, want)
		}
	}
	activated := func(c *exec.Cmd) {
		c.Args = append([]string{"sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`}, append([]string{in.program}, c.Args[1:]...)...)
		c.Path = "/bin/sh"
		c.ExtraFiles = []*os.File{socket}
		c.Env = append(c.Env, "NOTIFY_SOCKET="+notifications.LocalAddr().String())
	}
	first := in.run(activated)
	s.WaitReplicas("shop", 2, 10*time.Second)
	said("READY=1")
	in.upgrade()
	said(fmt.Sprintf("MAINPID=%d", in.holder("balancer")))
	said("READY=1")
	if code := first.wait(10 * time.Second); code != 0 {
		t.Errorf("the old process ended with %d", code)
	}
	// While none runs, connections wait in the socket for the next one: a restart fails nothing either.
	last := in.holder("balancer")
	if err := syscall.Kill(last, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	said("STOPPING=1")
	s.Eventually(15*time.Second, "it has ended", func() error {
		if alive := processes(s.Dir); len(alive) > 0 {
			return fmt.Errorf("there are %v", alive)
		}
		return nil
	})
	waiting := make(chan error, 1)
	go func() { waiting <- answersFor(s.Traffic, "shop.test") }()
	in.run(activated)
	said("READY=1")
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	for _, pid := range s.ShopProcesses() {
		environment, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if strings.Contains(string(environment), "NOTIFY_SOCKET") || strings.Contains(string(environment), "LISTEN_FDS") {
			t.Error("a replica has the variables that are for headroom")
		}
	}
}

// The scaler of the new process sees what the old one still serves: it stops no replica under a request.
func TestAReplicaThatTheOldProcessUsesIsNotStoppedUnderItsRequest(t *testing.T) {
	t.Parallel()
	s, in := upgradeSystem(t)
	in.run(nil)
	scale(t, s, 3)
	s.WaitReplicas("shop", 3, 10*time.Second)
	const slow = 8 * time.Second
	answers := make(chan error, 6)
	for range cap(answers) { // two on each replica
		go func() { answers <- slowAnswer(s.Traffic, slow) }()
	}
	s.Eventually(3*time.Second, "every replica has a request", func() error {
		backends, err := s.Backends("shop")
		for _, backend := range backends {
			if backend.InFlight == nil || *backend.InFlight == 0 {
				return fmt.Errorf("%s has none", backend.ID)
			}
		}
		return err
	})
	asked := time.Now()
	in.upgrade()
	scale(t, s, 2)
	for range cap(answers) {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(asked); took > slow+5*time.Second {
		t.Errorf("the answers took %v", took)
	}
	s.WaitReplicas("shop", 2, 10*time.Second)
}

func TestTheFirstProcessEndsWithTheExitCodeOfTheLast(t *testing.T) {
	t.Parallel()
	s, in := upgradeSystem(t)
	first := in.run(nil)
	in.upgrade()
	in.upgrade()
	last := in.holder("scaler")
	s.Eventually(10*time.Second, "two processes are left", func() error {
		if alive := processes(s.Dir); len(alive) != 2 {
			return fmt.Errorf("there are %v", alive)
		}
		return nil
	})
	if err := syscall.Kill(last, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := first.wait(10 * time.Second); code != 128+int(syscall.SIGKILL) {
		t.Errorf("exit code %d", code)
	}
}

func TestASuccessorThatHangsIsKilled(t *testing.T) {
	t.Parallel()
	s, in := upgradeSystem(t)
	in.run(nil)
	s.WaitReplicas("shop", 2, 10*time.Second)
	l := startClients(t, s.Traffic)
	in.write("#!/bin/sh\nexec sleep 600\n", 0o755)
	began, crowd := time.Now(), s.Crowd()
	_, stderr, code := s.Command("upgrade", "-c", s.ConfigFile())
	limit := 30*time.Second + crowd.Stretch(5*time.Second, began, time.Now())
	if took := time.Since(began); code != 1 || !strings.Contains(stderr, "not prepared within 30s") || took > limit {
		t.Errorf("exit code %d after %v: %s", code, took, stderr)
	}
	l.stop()
	in.install(filepath.Join(system.Binaries(t), "headroom"))
	in.upgrade()
}

func TestConnectionsAreCutOffAtTheDrainLimit(t *testing.T) {
	t.Parallel()
	s, in := upgradeSystem(t)
	in.start(nil, "balancer", "--drain-limit", "2s")
	in.start(nil, "scaler")
	s.WaitReady()
	s.Eventually(5*time.Second, "the balancer has been told", func() error { return answersFor(s.Traffic, "shop.test") })
	l := &clients{t: t, address: s.Traffic}
	l.openSocket()
	defer l.socket.Close()
	began, crowd := time.Now(), s.Crowd()
	in.upgrade("balancer")
	_ = l.socket.SetDeadline(began.Add(time.Minute))
	_, err := l.echoes.ReadByte()
	ended := time.Now()
	if took := ended.Sub(began); err == nil || took < 1500*time.Millisecond || took > crowd.Stretch(6*time.Second, began, ended) {
		t.Errorf("the WebSocket ended after %v: %v", took, err)
	}
}
