package scaling_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

// A replica is killed under load, once while requests come that may not be repeated, once with such that may. The load
// is 90 requests/s of 200 ms, hence 18 in flight, 6 at each of three replicas.
func TestAKilledReplicaIsReplacedAndCostsOnlyItsOwnRequestsThatMayNotBeRepeated(t *testing.T) {
	t.Parallel()
	s := system.New(t, `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --latency 200ms", ports: PORTS}
    scaling: {minReplicas: 3, maxReplicas: 5, targetRequestsPerSecond: 100}
    loadBalancing: {listen: TRAFFIC}
`)
	s.Run()
	replicas := s.WaitReplicas("shop", 3, 10*time.Second)
	ready := time.Now()
	s.Watch()

	// A POST fails only if the killed replica had it: 6 on average; 12 leave room for what least-connections gives one of
	// three replicas by chance.
	l := s.Send("5s@90", system.Post)
	system.Pass(t, 1500*time.Millisecond)
	// It ends within 10 s of its start, which counts as a failed start: the next is tried after 1 s ± 20 %.
	killOne(t, s, replicas, 4*time.Second)
	report := l.Wait()
	if failed := report.Counts.Failed; failed > 12 || len(report.Errors) > 0 || report.Counts.Dropped > 0 || report.Counts.Answered != 450 {
		t.Errorf("%d of 450 requests failed with %v, errors %+v; one replica had about 6 in flight", failed, report.Statuses, report.Errors)
	}
	t.Logf("statuses of POST: %v", report.Statuses)

	// A GET that the killed replica had is answered by another one.
	replicas = s.WaitReplicas("shop", 3, 5*time.Second)
	system.Pass(t, time.Until(ready.Add(10*time.Second))-1500*time.Millisecond)
	l = s.Send("5s@90")
	system.Pass(t, 1500*time.Millisecond)
	killOne(t, s, replicas, 2*time.Second)
	system.NoneFailed(t, l.Wait())
	s.RunExactly(s.WaitReplicas("shop", 3, 5*time.Second))
}

// killOne kills the oldest of some replicas, and waits until another one is ready in its place and the others are as they
// were.
func killOne(t *testing.T, s *system.System, before map[string]int, limit time.Duration) {
	t.Helper()
	victim := names(before)[0]
	killed := time.Now()
	if err := syscall.Kill(before[victim], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.Eventually(limit, "another replica is ready in place of the killed one", func() error {
		status, err := s.Status("shop")
		if err != nil {
			return err
		}
		ready := map[string]int{}
		for _, replica := range status.Replicas {
			if replica.State == headroom.ReplicaReady && replica.Name != victim {
				ready[replica.Name] = replica.PID
			}
		}
		if len(ready) != len(before) {
			return fmt.Errorf("ready: %v", ready)
		}
		for name, pid := range before {
			if name != victim && ready[name] != pid {
				t.Errorf("%s was process %d and is %d", name, pid, ready[name])
			}
		}
		return nil
	})
	t.Logf("replaced after %s", time.Since(killed).Round(time.Millisecond))
	event := s.WaitEvent("replica-exited", victim, time.Second)
	if want := victim + " ended by itself: killed by SIGKILL."; event.Message != want {
		t.Errorf("the event says %q, want %q", event.Message, want)
	}
}
