package scaling_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

func TestAReplicaThatHangsIsLeftAloneAndThenReplaced(t *testing.T) {
	t.Parallel()
	s := system.New(t, `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --latency 5ms", ports: PORTS, stopGracePeriod: 1s}
    scaling: {minReplicas: 2}
    loadBalancing:
      listen: TRAFFIC
      drainTimeout: 3s
      healthCheck: {interval: 1s, timeout: 300ms}
`)
	s.Run()
	before := s.WaitReplicas("shop", 2, 10*time.Second)
	if err := syscall.Kill(before["shop-1"], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	problem(t, s, "shop-1 has failed the balancer's health checks since", 10*time.Second)
	// Nobody is sent to it any more.
	system.NoneFailed(t, s.Send("2s@30").Wait())

	s.Eventually(40*time.Second, "another replica took its place", func() error {
		status, err := s.Status("shop")
		if err != nil {
			return err
		}
		if len(status.Replicas) != 2 || status.ReadyReplicas == nil || *status.ReadyReplicas != 2 {
			return fmt.Errorf("there are %d replicas, problems %q", len(status.Replicas), status.Problems)
		}
		for _, replica := range status.Replicas {
			if replica.Name == "shop-1" {
				return fmt.Errorf("shop-1 is %s", replica.State)
			}
		}
		return nil
	})
	s.RunExactly(s.WaitReplicas("shop", 2, 5*time.Second))
}
