// Package soak_test lets headroom work for a long time while it, its roles and its replicas are killed at random, under
// a load that rises and falls at random. It runs only where HEADROOM_SOAK says for how long, such as 10m.
package soak_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/simulate/load"
	"headroom.dev/headroom/test/system"
)

func TestMain(m *testing.M) {
	code := m.Run()
	system.Clean()
	os.Exit(code)
}

const config = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --workers 4 --latency LATENCY", ports: PORTS}
    scaling: {minReplicas: 3, maxReplicas: 8, targetRequestsPerSecond: 40, stableWindow: 3s, scaleDownCooldown: 3s}
    loadBalancing: {listen: TRAFFIC, drainTimeout: 5s}
`

// With the balancer left alone, nothing that happens to the others is seen by a request that may be repeated.
func TestSoakOfRolesApartFailsNoRequest(t *testing.T) {
	s := start(t)
	s.apart()
	l := s.Send(s.shape())
	s.disturb(map[string]func(){
		"kill the scaler":       func() { s.restart("scaler", syscall.SIGKILL) },
		"terminate the scaler":  func() { s.restart("scaler", syscall.SIGTERM) },
		"kill the monitor":      func() { s.restart("monitor", syscall.SIGKILL) },
		"kill a replica":        s.killReplica,
		"change the command":    s.changeCommand,
		"damage the state file": s.damage,
	})
	system.NoneFailed(t, l.End())
	s.converge()
}

// Where headroom runs as one process, requests fail only while it is down.
func TestSoakOfOneProcessFailsRequestsOnlyWhileItIsDown(t *testing.T) {
	s := start(t)
	s.processes["run"] = s.Run()
	var failed []second
	l := s.Send(s.shape(), func(o *load.Options) {
		o.Progress = func(p load.Progress) {
			if p.Counts.Failed+p.Counts.Dropped > 0 {
				failed = append(failed, second{time.Now(), p.Counts.Failed + p.Counts.Dropped})
			}
		}
	})
	s.disturb(map[string]func(){
		"kill headroom":      func() { s.restart("run", syscall.SIGKILL) },
		"terminate headroom": func() { s.restart("run", syscall.SIGTERM) },
		"kill a replica":     s.killReplica,
		"change the command": s.changeCommand,
	})
	report := l.End()
	t.Logf("%d of %d requests failed while headroom was down %d times", report.Counts.Failed, report.Counts.Sent, len(s.down))
	for _, second := range failed {
		if !s.wasDown(second.at) {
			t.Errorf("%d requests failed in the second before %s, when headroom was up", second.requests, second.at.Format(time.TimeOnly))
		}
	}
	s.converge()
}

// second is one in which requests failed.
type second struct {
	at       time.Time // its end
	requests int64
}

// soak is one system that is disturbed.
type soak struct {
	*system.System
	t         *testing.T
	length    time.Duration
	random    *rand.Rand
	processes map[string]*system.Process
	census    *system.Census
	down      [][2]time.Time // when headroom was not ready, from and to
	latency   int            // of the command, in ms
}

func start(t *testing.T) *soak {
	text := os.Getenv("HEADROOM_SOAK")
	if text == "" {
		t.Skip("HEADROOM_SOAK is not set: give it a duration such as 10m, or run make soak")
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("HEADROOM_SOAK: %v", err)
	}
	seed := rand.Uint64()
	if text := os.Getenv("HEADROOM_SOAK_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("HEADROOM_SOAK_SEED: %v", err)
		}
	}
	t.Logf("HEADROOM_SOAK_SEED=%d repeats the order of events", seed)
	s := &soak{t: t, length: length / 2, random: rand.New(rand.NewPCG(seed, 0)), processes: map[string]*system.Process{}, latency: 30}
	s.System = system.New(t, s.config())
	s.census = s.Watch()
	return s
}

func (s *soak) config() string {
	return strings.Replace(config, "LATENCY", fmt.Sprintf("%dms", s.latency), 1)
}

// shape is steps of 2 to 12 s at 5 to 250 requests/s, which is what 1 to 7 replicas are for.
func (s *soak) shape() string {
	var steps []string
	for length := time.Duration(0); length < s.length+time.Minute; {
		step := 2*time.Second + time.Duration(s.random.Int64N(int64(10*time.Second)))
		length += step
		steps = append(steps, fmt.Sprintf("%s@%d", step.Round(time.Millisecond), 5+s.random.IntN(245)))
	}
	return strings.Join(steps, ",")
}

func (s *soak) apart() {
	for _, role := range []string{"balancer", "monitor", "scaler"} {
		s.processes[role] = s.Start(role)
	}
	s.WaitReady(s.processes["scaler"])
	s.WaitReplicas("shop", 3, 20*time.Second)
	s.Eventually(10*time.Second, "the balancer has been told of the replicas", s.told)
}

func (s *soak) told() error {
	var status headroom.BalancerStatus
	if err := s.Get("/api/balancer/status", &status); err != nil {
		return err
	}
	if !status.Connected || status.TableVersion != status.EndpointsVersion {
		return fmt.Errorf("it has version %d of %d", status.TableVersion, status.EndpointsVersion)
	}
	return nil
}

// disturb does one thing after another, every 0 to 6 s, until the time is over.
func (s *soak) disturb(events map[string]func()) {
	var names []string
	for name := range events {
		names = append(names, name)
	}
	slices.Sort(names) // so that the seed repeats the order
	counts := map[string]int{}
	for end := time.Now().Add(s.length); time.Now().Before(end) && !s.t.Failed(); {
		system.Pass(s.t, time.Duration(s.random.Int64N(int64(6*time.Second))))
		name := names[s.random.IntN(len(names))]
		s.t.Logf("%s %s", time.Now().Format("15:04:05.000"), name)
		events[name]()
		counts[name]++
		if most := s.census.AtOnce(); most > 9 {
			s.t.Fatalf("%d replicas ran at once: maxReplicas is 8, and one more while a changed command is rolled out", most)
		}
	}
	s.t.Logf("%v", counts)
}

// restart ends a process and starts it again, after 0 to 2 s.
func (s *soak) restart(role string, signal syscall.Signal) {
	began := time.Now()
	p := s.processes[role]
	p.Signal(signal)
	p.Wait(30 * time.Second)
	if s.random.IntN(2) == 0 {
		system.Pass(s.t, time.Duration(s.random.Int64N(int64(2*time.Second))))
	}
	s.again(role, began)
}

func (s *soak) again(role string, began time.Time) {
	s.processes[role] = s.Start(role)
	s.WaitReady(s.processes[role])
	s.down = append(s.down, [2]time.Time{began, time.Now()})
}

// wasDown reports whether headroom was down at some time in the second before. Requests that were in flight when it was
// killed, or that waited for it, end a moment later.
func (s *soak) wasDown(at time.Time) bool {
	return slices.ContainsFunc(s.down, func(down [2]time.Time) bool {
		return at.After(down[0]) && at.Add(-2500*time.Millisecond).Before(down[1])
	})
}

// killReplica kills one, unless fewer than two others are ready to serve. It spares the young: one that ends within 10 s
// of getting ready counts as a failed start, and an hour of those would hold up new replicas for minutes.
func (s *soak) killReplica() {
	status, err := s.Status("shop")
	if err != nil {
		s.t.Fatal(err)
	}
	if status.ReadyReplicas == nil || *status.ReadyReplicas < 3 || s.told() != nil {
		return
	}
	old := slices.DeleteFunc(status.Replicas, func(replica headroom.Replica) bool {
		return replica.State != headroom.ReplicaReady || time.Since(replica.ReadyAt) < 11*time.Second
	})
	if len(old) > 0 {
		_ = syscall.Kill(old[s.random.IntN(len(old))].PID, syscall.SIGKILL) // it may have ended just now
	}
}

// changeCommand has every replica replaced.
func (s *soak) changeCommand() {
	s.latency = 20 + s.random.IntN(20)
	s.Configure(s.config())
}

// damage cuts the scaler's state file off while it is down, which takes it back to its last snapshot, if there is one.
func (s *soak) damage() {
	began := time.Now()
	p := s.processes["scaler"]
	p.Signal(syscall.SIGTERM) // it takes a snapshot
	p.Wait(30 * time.Second)
	if err := os.Truncate(s.Dir+"/.headroom/state.db", 5000); err != nil {
		s.t.Fatal(err)
	}
	s.again("scaler", began)
}

// converge waits until there are as many replicas as the calm needs, all of the newest command, and none besides.
func (s *soak) converge() {
	s.RunExactly(s.WaitReplicas("shop", 3, 90*time.Second))
	s.t.Logf("%d replicas at once at most", s.census.AtOnce())
}
