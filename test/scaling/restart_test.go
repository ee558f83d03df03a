package scaling_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

const steadyConfig = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --latency 20ms", ports: PORTS}
    scaling: {minReplicas: 3, maxReplicas: 6, targetRequestsPerSecond: 100}
    loadBalancing: {listen: TRAFFIC}
`

func TestAKilledHeadroomAdoptsTheSameReplicasAtItsNextStart(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	p := s.Run()
	before := s.WaitReplicas("shop", 3, 10*time.Second)
	c := s.Watch()
	l := s.Send("60")
	system.Pass(t, 500*time.Millisecond)
	p.Kill()
	began := time.Now()
	s.Run()
	t.Logf("ready again %s after the start", time.Since(began).Round(time.Millisecond))
	after := s.WaitReplicas("shop", 3, 5*time.Second)
	samePIDs(t, before, after)
	s.WaitEvent("replicas-adopted", "adopted 3 replicas", 2*time.Second)
	l.End() // it failed while nobody listened
	system.NoneFailed(t, s.Send("2s@60").Wait())
	samePIDs(t, before, s.WaitReplicas("shop", 3, 5*time.Second))
	s.RunExactly(after)
	if most := c.AtOnce(); most != 3 {
		t.Errorf("%d replicas ran at once, though 3 are wanted", most)
	}
}

// Headroom is killed at random instants while it scales up and down. What is wanted at the end is what runs, and the
// replicas that were first there still are.
func TestHeadroomKilledAgainAndAgainWhileItScalesDoublesAndOrphansNothing(t *testing.T) {
	t.Parallel()
	s := system.New(t, `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --latency 20ms", ports: PORTS}
    scaling: {minReplicas: 2, maxReplicas: 8, targetRequestsPerSecond: 20, stableWindow: 2s, scaleDownCooldown: 1s}
    loadBalancing: {listen: TRAFFIC, drainTimeout: 3s}
`)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p := s.Run()
	first := s.WaitReplicas("shop", 2, 10*time.Second)
	c := s.Watch()
	// Up to 8 and down to 2, again and again, as far as headroom lives long enough to see it.
	l := s.Send("1s@10,3s@150,4s@10,3s@150,4s@10,3s@150,4s@10")
	for range 6 {
		system.Pass(t, 200*time.Millisecond+time.Duration(random.Int64N(int64(2500*time.Millisecond))))
		p.Kill()
		p = s.Start("run")
	}
	s.WaitReady(p)
	report := l.Wait()
	t.Logf("%d of %d requests failed while headroom was killed six times; up to %d replicas at once",
		report.Counts.Failed, report.Counts.Sent, c.AtOnce())
	if most := c.AtOnce(); most > 8 {
		t.Errorf("%d replicas ran at once; maxReplicas is 8", most)
	}
	last := s.WaitReplicas("shop", 2, 20*time.Second)
	samePIDs(t, first, last)
	s.RunExactly(last)
	system.NoneFailed(t, s.Send("1s@30").Wait())
}

func TestSIGTERMLeavesTheReplicasRunningAndSaysSo(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	p := s.Run()
	before := s.WaitReplicas("shop", 3, 10*time.Second)
	slow := ask(t, s, "/slow?for=3s")
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(10 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if answer := <-slow; answer != "200 OK" {
		t.Errorf("the request in flight was answered %s", answer)
	}
	if !strings.Contains(p.Output(), "The replicas keep running: the next start adopts them, headroom stop ends them.") {
		t.Errorf("it does not say what becomes of the replicas:\n%s", p.Output())
	}
	s.RunExactly(before)

	p = s.Run()
	samePIDs(t, before, s.WaitReplicas("shop", 3, 5*time.Second))
	slow = ask(t, s, "/slow?for=3s")
	p.Signal(syscall.SIGINT)
	if code := p.Wait(10 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if answer := <-slow; answer != "200 OK" {
		t.Errorf("the request in flight was answered %s", answer)
	}
	s.WaitNone(0)
}

// ask sends a request, waits until the balancer reports it in flight, and returns where the answer will come.
func ask(t *testing.T, s *system.System, path string) <-chan string {
	t.Helper()
	answer := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + s.Traffic + path)
		if err != nil {
			answer <- err.Error()
			return
		}
		response.Body.Close()
		answer <- response.Status
	}()
	s.Eventually(3*time.Second, "the request is in flight", func() error {
		backends, err := s.Backends("shop")
		if err != nil {
			return err
		}
		for _, backend := range backends {
			if backend.InFlight != nil && *backend.InFlight > 0 {
				return nil
			}
		}
		return fmt.Errorf("%d backends have none", len(backends))
	})
	return answer
}

func TestStopEndsEverythingWhetherHeadroomRunsOrNot(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	p := s.Run()
	s.WaitReplicas("shop", 3, 10*time.Second)
	stdout, stderr, code := s.Command("stop", "-c", s.ConfigFile())
	if code != 0 {
		t.Errorf("headroom stop: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code := p.Wait(5 * time.Second); code != 0 {
		t.Errorf("headroom run: exit code %d", code)
	}
	s.WaitNone(0)

	p = s.Run()
	replicas := s.WaitReplicas("shop", 3, 10*time.Second)
	p.Signal(syscall.SIGTERM)
	p.Wait(10 * time.Second)
	s.RunExactly(replicas)
	stdout, stderr, code = s.Command("stop", "-c", s.ConfigFile())
	if code != 0 || !strings.Contains(stdout, "3 replicas") {
		t.Errorf("headroom stop after SIGTERM: exit code %d\n%s%s", code, stdout, stderr)
	}
	s.WaitNone(0)

	// Nothing is left to be adopted: the next start makes new ones.
	s.Run()
	for name, pid := range s.WaitReplicas("shop", 3, 10*time.Second) {
		if replicas[name] == pid {
			t.Errorf("%s is still process %d", name, pid)
		}
	}
}

// A machine that loses its power loses the replicas too: the next start makes new ones and does not wait for the dead.
func TestReplicasThatEndedWhileHeadroomDidNotRunAreReplaced(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	p := s.Run()
	before := s.WaitReplicas("shop", 3, 10*time.Second)
	p.Kill()
	for name, pid := range before {
		if name != names(before)[2] {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Run()
	after := s.WaitReplicas("shop", 3, 10*time.Second)
	if kept := names(before)[2]; after[kept] != before[kept] {
		t.Errorf("%s was process %d and is %d", kept, before[kept], after[kept])
	}
	s.RunExactly(after)
	for _, gone := range names(before)[:2] {
		event := s.WaitEvent("replica-exited", gone, time.Second)
		if want := fmt.Sprintf("%s ended by itself: exited while headroom did not run; its status is not known.", gone); event.Message != want {
			t.Errorf("the event says %q, want %q", event.Message, want)
		}
	}
}
