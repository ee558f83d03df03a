package scaling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

// A changed command replaces the replicas one by one: never fewer than are wanted are ready, never more than one more
// runs, and no request fails.
func TestAChangedCommandReplacesTheReplicasWithoutAFailedRequest(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	s.Run()
	before := s.WaitReplicas("shop", 3, 10*time.Second)
	c := s.Watch()
	l := s.Send("100", system.Post) // requests that no retry can save
	system.Pass(t, 500*time.Millisecond)
	s.Configure(strings.Replace(steadyConfig, "--latency 20ms", "--latency 10ms", 1))
	s.WaitEvent("config-reloaded", "", 5*time.Second)

	began := time.Now()
	least := 3
	var after map[string]int
	s.Eventually(20*time.Second, "three new replicas run in place of the old ones", func() error {
		status, err := s.Status("shop")
		if err != nil {
			return err
		}
		if status.ReadyReplicas != nil {
			least = min(least, *status.ReadyReplicas)
		}
		after = map[string]int{}
		old := 0
		for _, replica := range status.Replicas {
			if _, was := before[replica.Name]; was {
				old++
			}
			if replica.State == headroom.ReplicaReady {
				after[replica.Name] = replica.PID
			}
		}
		if old > 0 || len(after) != 3 || len(status.Replicas) != 3 {
			return fmt.Errorf("%d old ones left, ready %v, problems %q", old, after, status.Problems)
		}
		return nil
	})
	t.Logf("replaced in %s", time.Since(began).Round(100*time.Millisecond))
	system.NoneFailed(t, l.End())
	if least < 3 {
		t.Errorf("only %d replicas were ready at one time", least)
	}
	if most := c.AtOnce(); most > 4 {
		t.Errorf("%d replicas ran at once", most)
	}
	s.RunExactly(s.WaitReplicas("shop", 3, 5*time.Second))
}

// A file that is wrong changes nothing, and says what is wrong.
func TestAWrongConfigFileIsRefusedOnReloadAndNothingChanges(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	s.Run()
	before := s.WaitReplicas("shop", 3, 10*time.Second)
	l := s.Send("60")
	s.Configure(strings.Replace(steadyConfig, "maxReplicas: 6", "maxReplicas: 2", 1))
	s.WaitEvent("config-refused", "maxReplicas", 5*time.Second)
	s.Configure(steadyConfig + "    replicas: 4\n")
	s.WaitEvent("config-refused", "replicas", 5*time.Second)
	s.Configure(strings.Replace(steadyConfig, "minReplicas: 3", "minReplicas: 4", 1))
	after := s.WaitReplicas("shop", 4, 5*time.Second)
	for name, pid := range before {
		if after[name] != pid {
			t.Errorf("%s was process %d and is %d", name, pid, after[name])
		}
	}
	system.NoneFailed(t, l.End())
}

// A service that is taken out of the file is drained and stopped; one that is put in is started.
func TestServicesComeAndGoByReload(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	s.Run()
	s.WaitReplicas("shop", 3, 10*time.Second)
	s.Configure(strings.Replace(steadyConfig, "shop:", "store:", 1))
	replicas := s.WaitReplicas("store", 3, 10*time.Second)
	s.Eventually(10*time.Second, "only the new service's replicas run", func() error {
		for pid, name := range s.ReplicaProcesses() {
			if !strings.HasPrefix(name, "store-") {
				return fmt.Errorf("%s (%d) runs", name, pid)
			}
		}
		return nil
	})
	s.RunExactly(replicas)
	system.NoneFailed(t, s.Send("1s@30").Wait())
}
