package scaling_test

import (
	"fmt"
	"maps"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/simulate/load"
	"headroom.dev/headroom/test/system"
)

// 90 requests/s of 200 ms are 18 in flight, 6 at each of the three replicas.
const slowConfig = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --latency 200ms", ports: PORTS}
    scaling: {minReplicas: 3, maxReplicas: 5, targetRequestsPerSecond: 100}
    loadBalancing: {listen: TRAFFIC}
`

// A request that may be repeated is served by another replica when its own is killed.
func TestNoRequestThatMayBeRepeatedFailsWhenAReplicaIsKilled(t *testing.T) {
	t.Parallel()
	report := killOne(t)
	noneFailed(t, report)
}

// A request that may not be repeated fails only if the killed replica had it: 6 on average; at most 12 leave room for
// what least-connections gives one of three replicas by chance.
func TestOnlyRequestsInFlightOnAKilledReplicaFailWhereTheyMayNotBeRepeated(t *testing.T) {
	t.Parallel()
	report := killOne(t, post)
	if failed := report.Counts.Failed; failed > 12 || len(report.Errors) > 0 || report.Counts.Dropped > 0 {
		t.Errorf("%d requests failed with %v, errors %+v; one replica had about 6 in flight", failed, report.Statuses, report.Errors)
	}
	if report.Counts.Answered < 300 {
		t.Errorf("only %d requests were answered", report.Counts.Answered)
	}
	t.Logf("statuses %v", report.Statuses)
}

// killOne kills one of three replicas under load and checks that it is replaced.
func killOne(t *testing.T, change ...func(*load.Options)) load.Report {
	t.Helper()
	s := system.New(t, slowConfig)
	s.Run()
	before := s.WaitReplicas("shop", 3, 10*time.Second)
	watch(t, s)
	l := send(t, s, "5s@90", change...)
	pass(t, 1500*time.Millisecond)

	victim := names(before)[0]
	killed := time.Now()
	if err := syscall.Kill(before[victim], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var after map[string]int
	s.Eventually(2*time.Second, "another replica is ready in place of the killed one", func() error {
		status, err := s.Status("shop")
		if err != nil {
			return err
		}
		after = map[string]int{}
		for _, replica := range status.Replicas {
			if replica.State == headroom.ReplicaReady && replica.Name != victim {
				after[replica.Name] = replica.PID
			}
		}
		if len(after) != 3 {
			return fmt.Errorf("ready: %v", after)
		}
		return nil
	})
	t.Logf("replaced after %s", time.Since(killed).Round(time.Millisecond))
	report := l.wait()
	after = s.WaitReplicas("shop", 3, 5*time.Second)
	delete(before, victim)
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("%s was process %d and is %d", name, before[name], after[name])
		}
	}
	sameProcesses(t, s, after)
	event := happened(t, s, "replica-exited", victim, time.Second)
	if want := victim + " ended by itself: killed by SIGKILL."; event.Message != want {
		t.Errorf("the event says %q, want %q", event.Message, want)
	}
	if _, listed := maps.Clone(after)[victim]; listed {
		t.Errorf("%s is listed again", victim)
	}
	return report
}
