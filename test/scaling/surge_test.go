package scaling_test

import (
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

// A replica of surgeConfig carries 2 / 40 ms = 50 requests/s, so the two that there are at least carry 100. At the target
// of 35 a replica, 300 requests/s need ceil(300/35) = 9.
const surgeConfig = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --workers 2 --latency 40ms", ports: PORTS}
    scaling: {minReplicas: 2, maxReplicas: 10, targetRequestsPerSecond: 35, stableWindow: 4s, scaleDownCooldown: 4s}
    loadBalancing: {listen: TRAFFIC}
`

// From 5 % to 300 % of two replicas' capacity and back.
func TestASurgeIsAnsweredWithinASecondAndNoRequestFails(t *testing.T) {
	t.Parallel()
	s := system.New(t, surgeConfig)
	p := s.Run()
	first := s.WaitReplicas("shop", 2, 10*time.Second)
	c := s.Watch()

	// The surge begins 0.4 s into a second, so the other 0.6 × 300 + 0.4 × 5 = 182 requests of that second are the first
	// evidence that 100 are not enough.
	begin := time.Now().Truncate(time.Second).Add(1400 * time.Millisecond)
	system.Pass(t, time.Until(begin))
	l := s.Send("4s@5,9s@300,14s@5", system.Post) // requests that no retry can save
	evidence := l.Began.Add(4 * time.Second).Truncate(time.Second).Add(time.Second)
	crowd := s.Crowd()
	seen := serving(s, first, l.Done())

	report := l.Wait()
	system.NoneFailed(t, report)

	decision := firstRise(t, s)
	t.Logf("decided %s after the first saturated second: %s", decision.At.Sub(evidence), decision.Reason)
	decidedWithinASecond(t, decision, evidence, crowd)
	if total := decision.Observation.Signals[headroom.MetricRequestsPerSecond].Fast.Total; total == nil || *total <= 100 {
		t.Errorf("decided on %v requests/s: 100 are what two replicas carry", total)
	}
	newcomer, at := seen()
	t.Logf("%s took traffic %s after the first saturated second", newcomer, at.Sub(evidence))
	tookTrafficWithinThreeSeconds(t, newcomer, at, evidence, crowd)
	series, err := s.Query(fmt.Sprintf(`increase(headroom_backend_requests_total{backend=%q}[2s]) > 0`, newcomer), evidence, evidence.Add(4*time.Second))
	if err != nil || len(series) == 0 {
		t.Errorf("the metrics do not show that %s took traffic: %v, %v", newcomer, series, err)
	}
	// 8 are within the tolerance of 10 %; a second with 316 of the requests asks for 10.
	if most := c.AtOnce(); most < 8 || most > 10 {
		t.Errorf("%d replicas at once, want ceil(300/35) = 9, give or take one", most)
	}

	last := s.WaitReplicas("shop", 2, 15*time.Second)
	samePIDs(t, first, last) // the youngest go first
	s.RunExactly(last)
	p.Signal(syscall.SIGINT)
	if code := p.Wait(15 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.WaitNone(0)
}

// decidedWithinASecond and tookTrafficWithinThreeSeconds hold the times of a surge, which the crowd on the machine prolongs.
func decidedWithinASecond(t *testing.T, d headroom.Decision, evidence time.Time, crowd *system.Crowd) {
	t.Helper()
	if after, limit := d.At.Sub(evidence), crowd.Stretch(time.Second, evidence, d.At); after < 0 || after > limit {
		t.Errorf("decided at %s, %s after the end of the first saturated second, want at most %s", d.At, after, limit)
	}
}

func tookTrafficWithinThreeSeconds(t *testing.T, newcomer string, at, evidence time.Time, crowd *system.Crowd) {
	t.Helper()
	if at.IsZero() {
		t.Error("no new replica took traffic while the load lasted")
		return
	}
	if after, limit := at.Sub(evidence), crowd.Stretch(3*time.Second, evidence, at); after > limit {
		t.Errorf("the first new replica with traffic, %s, was seen %s after the first saturated second, want at most %s", newcomer, after, limit)
	}
}

// serving watches which backend but the first ones takes traffic first, until done, and returns a function that says
// which, and when that was first seen.
func serving(s *system.System, first map[string]int, done <-chan struct{}) func() (string, time.Time) {
	var mu sync.Mutex
	var name string
	var at time.Time
	go func() {
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			backends, err := s.Backends("shop")
			if err != nil {
				continue
			}
			for _, backend := range backends {
				if _, old := first[backend.ID]; old || backend.RequestsPerSecond == nil || *backend.RequestsPerSecond == 0 {
					continue
				}
				mu.Lock()
				name, at = backend.ID, time.Now()
				mu.Unlock()
				return
			}
		}
	}()
	return func() (string, time.Time) {
		mu.Lock()
		defer mu.Unlock()
		return name, at
	}
}

// firstRise is the first decision that raised the number of replicas that there were.
func firstRise(t *testing.T, s *system.System) headroom.Decision {
	t.Helper()
	changes, err := s.Changes("shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, decision := range slices.Backward(changes) {
		if decision.From > 0 && decision.To > decision.From {
			return decision
		}
	}
	t.Fatalf("no decision raised the number: %+v", changes)
	return headroom.Decision{}
}
