package scaling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

func TestACommandThatCrashesAtOnceIsTriedLessAndLessOften(t *testing.T) {
	t.Parallel()
	s := system.New(t, `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --crash-after 0s", ports: PORTS}
    scaling: {minReplicas: 2}
    loadBalancing: {listen: TRAFFIC}
`)
	s.WaitReady(s.Start("run"))

	// It says why, with the output's last lines.
	event := s.WaitEvent("replica-exited", "exit status 1", 10*time.Second)
	if tail := fmt.Sprint(event.Details["tail"]); !strings.Contains(tail, "shop: crashing on purpose: --crash-after 0s") {
		t.Errorf("the event's last lines of output are %s", tail)
	}
	problem(t, s, "new replicas of shop keep failing", 10*time.Second)

	// The delays double from 1 s ± 20 %: the fourth try comes after at least (1+2+4) × 0.8 = 5.6 s.
	s.Watch()
	problem(t, s, "(4 in a row)", 20*time.Second)
	events, err := s.Events()
	if err != nil {
		t.Fatal(err)
	}
	exits := 0
	var first, last time.Time
	for _, event := range events {
		if event.Type != "replica-exited" {
			continue
		}
		if exits == 0 {
			first = event.At
		}
		exits, last = exits+1, event.At
	}
	// The fourth failure is counted when the first of its two replicas ends; the second may follow a moment later.
	if took := last.Sub(first); took < 5600*time.Millisecond || exits < 7 || exits > 8 {
		t.Errorf("%d replicas ended in %s: want four tries of 2, in at least 5.6 s", exits, took)
	}

	// A command that works is taken at once, without waiting for the back-off of the old one.
	s.Configure(strings.Replace(steadyConfig, "minReplicas: 3", "minReplicas: 2", 1))
	replicas := s.WaitReplicas("shop", 2, 5*time.Second)
	s.RunExactly(replicas)
	system.NoneFailed(t, s.Send("1s@30").Wait())
}

func TestAReplicaThatNeverTurnsHealthyIsStoppedAfterItsStartTimeout(t *testing.T) {
	t.Parallel()
	s := system.New(t, `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --never-healthy", ports: PORTS, startTimeout: 2s, stopGracePeriod: 1s}
    loadBalancing: {listen: TRAFFIC}
`)
	s.WaitReady(s.Start("run"))
	problem(t, s, "503", 2*time.Second) // what its health check said
	event := s.WaitEvent("replica-given-up", "shop-1 did not get ready within 2s", 5*time.Second)
	if !strings.Contains(event.Message, "503") {
		t.Errorf("the event does not say what the health check said: %s", event.Message)
	}
	problem(t, s, "new replicas of shop keep failing", 5*time.Second)
	s.WaitEvent("replica-given-up", "shop-2", 10*time.Second)
	s.Eventually(2*time.Second, "no more than the one replica that is tried runs", func() error {
		if running := s.ReplicaProcesses(); len(running) > 1 {
			return fmt.Errorf("%v run", running)
		}
		return nil
	})
}

func TestACommandThatDoesNotExistIsSaidAndRepairedByAReload(t *testing.T) {
	t.Parallel()
	s := system.New(t, `
api: {listen: API}
services:
  shop:
    run: {command: "./no-such-program --port {{port}}", ports: PORTS}
    loadBalancing: {listen: TRAFFIC}
`)
	p := s.Start("run")
	s.WaitReady(p)
	s.WaitEvent("replica-failed", "no-such-program", 5*time.Second)
	problem(t, s, "no-such-program", 5*time.Second)
	before := cpuTime(t, p)
	system.Pass(t, 2*time.Second)
	// A crash loop would take a core; a headroom at rest takes a few percent of one, some times that with the race detector.
	if used := cpuTime(t, p) - before; used > time.Second {
		t.Errorf("headroom used %s of processor time in 2 s", used)
	}
	events, err := s.Events()
	if err != nil {
		t.Fatal(err)
	}
	var failed []time.Time
	for _, event := range events {
		if event.Type == "replica-failed" {
			failed = append(failed, event.At)
		}
	}
	delay := 800 * time.Millisecond // 1 s − 20 %, and then twice as much each time
	for i := 1; i < len(failed); i++ {
		if after := failed[i].Sub(failed[i-1]); after < delay {
			t.Errorf("start %d failed %s after the one before, want at least %s", i+1, after, delay)
		}
		delay *= 2
	}

	s.Configure(strings.Replace(steadyConfig, "minReplicas: 3", "minReplicas: 1", 1))
	s.WaitReplicas("shop", 1, 5*time.Second)
	system.NoneFailed(t, s.Send("1s@30").Wait())
}

// problem waits until the status of shop lists a problem that holds a text.
func problem(t *testing.T, s *system.System, text string, limit time.Duration) {
	t.Helper()
	s.Eventually(limit, fmt.Sprintf("the status has a problem that says %q", text), func() error {
		status, err := s.Status("shop")
		if err != nil {
			return err
		}
		for _, problem := range status.Problems {
			if strings.Contains(problem, text) {
				return nil
			}
		}
		return fmt.Errorf("problems: %q", status.Problems)
	})
}
