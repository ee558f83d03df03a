package scaling_test

import (
	"net/http"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// A service without traffic has no replica. The first request has one started, and waits for it.
const sleepyConfig = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --latency 5ms", ports: PORTS}
    scaling: {minReplicas: 0, maxReplicas: 3, targetRequestsPerSecond: 100, stableWindow: 2s, scaleDownCooldown: 1s, scaleToZeroAfter: 3s}
    loadBalancing: {listen: TRAFFIC}
`

func TestAServiceWithoutTrafficGoesToZeroAndComesBackOnRequests(t *testing.T) {
	t.Parallel()
	s := system.New(t, sleepyConfig)
	p := s.Run()

	wake(t, s)
	asleep(s)

	// Killed at zero, it neither forgets that zero was decided nor takes it for something that is missing.
	p.Kill()
	s.Run()
	system.Pass(t, 3*time.Second)
	asleep(s)
	if changes, err := s.Changes("shop"); err != nil || changes[0].To != 0 {
		t.Errorf("the newest change is %+v, %v; want the one to zero, from before", changes, err)
	}
	wake(t, s)
	asleep(s)
	s.WaitNone(0)
}

// wake sends requests to a service at zero: none is refused, and the first is answered as soon as a replica starts.
func wake(t *testing.T, s *system.System) {
	t.Helper()
	begin := time.Now()
	response, err := http.Get("http://" + s.Traffic + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	took := time.Since(begin)
	t.Logf("the first request was answered after %s", took.Round(time.Millisecond))
	if response.StatusCode != http.StatusOK || took > 4*time.Second {
		t.Errorf("got %d after %s", response.StatusCode, took)
	}
	s.WaitReplicas("shop", 1, 4*time.Second)
	served := s.Send("1s@20")
	system.NoneFailed(t, served.Wait())
}

// asleep waits until nothing of the service runs. 3 s without activity, the 2 s over which it is averaged, a second for
// each of the decision and the drain.
func asleep(s *system.System) {
	s.WaitReplicas("shop", 0, 12*time.Second)
	s.WaitNone(2 * time.Second)
}
