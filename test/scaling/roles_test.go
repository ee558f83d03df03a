package scaling_test

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

const apartConfig = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --workers 4 --latency 40ms", ports: PORTS}
    scaling: {minReplicas: 2, maxReplicas: 6, targetRequestsPerSecond: 40, stableWindow: 3s, scaleDownCooldown: 2s}
    loadBalancing: {listen: TRAFFIC}
`

func TestRolesApartScaleAsRunDoes(t *testing.T) {
	t.Parallel()
	s := system.New(t, apartConfig)
	balancer := s.Start("balancer") // in any order, and here before anybody else
	scaler := s.Start("scaler")
	monitor := s.Start("monitor")
	s.WaitReady(balancer, scaler, monitor)
	first := s.WaitReplicas("shop", 2, 10*time.Second)
	c := s.Watch()

	begin := time.Now().Truncate(time.Second).Add(1300 * time.Millisecond)
	system.Pass(t, time.Until(begin))
	l := s.Send("2s@10,6s@220,7s@10", system.Post)
	evidence := l.Began.Add(2 * time.Second).Truncate(time.Second).Add(time.Second)
	crowd := s.Crowd()
	seen := serving(s, first, l.Done())
	system.NoneFailed(t, l.Wait())
	decidedWithinASecond(t, firstRise(t, s), evidence, crowd)
	newcomer, at := seen()
	tookTrafficWithinThreeSeconds(t, newcomer, at, evidence, crowd)
	if most := c.AtOnce(); most < 5 || most > 6 {
		t.Errorf("%d replicas at once, want ceil(220/40) = 6, or 5, which is within the tolerance of 10 %%", most)
	}
	last := s.WaitReplicas("shop", 2, 15*time.Second)
	samePIDs(t, first, last)
	s.RunExactly(last)

	// Ctrl-C of the scaler ends all.
	scaler.Signal(syscall.SIGINT)
	for name, p := range map[string]*system.Process{"scaler": scaler, "balancer": balancer, "monitor": monitor} {
		if code := p.Wait(15 * time.Second); code != 0 {
			t.Errorf("the %s ended with exit code %d", name, code)
		}
	}
	s.WaitNone(0)
}

func TestRolesApartGoOnWhileAnotherIsKilled(t *testing.T) {
	t.Parallel()
	s := system.New(t, apartConfig)
	scaler, monitor, balancer := s.Start("scaler"), s.Start("monitor"), s.Start("balancer")
	s.WaitReady(scaler, monitor, balancer)
	replicas := s.WaitReplicas("shop", 2, 10*time.Second)
	s.Watch()
	// A balancer that was never told of any replica cannot serve without a scaler.
	s.Eventually(5*time.Second, "the balancer has been told", func() error { return answers(s.Traffic) })
	l := s.Send("50")

	// The scaler is killed and returns: the traffic sees nothing, the replicas are the same, and it can scale again.
	scaler.Kill()
	system.Pass(t, time.Second)
	scaler = s.Start("scaler")
	s.WaitReady(scaler)
	samePIDs(t, replicas, s.WaitReplicas("shop", 2, 5*time.Second))
	scale(t, s, 3)
	replicas = s.WaitReplicas("shop", 3, 5*time.Second)

	// The monitor is killed: questions to it are answered with a problem that says so, and with numbers once it is back.
	monitor.Kill()
	s.Eventually(5*time.Second, "the API says that the monitor is away", func() error {
		_, err := s.Query("headroom_replicas_ready", time.Now().Add(-5*time.Second), time.Now())
		if err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "monitor") {
			return fmt.Errorf("it says: %v", err)
		}
		return nil
	})
	monitor = s.Start("monitor")
	s.Eventually(10*time.Second, "the monitor answers with new numbers", func() error {
		series, err := s.Query(`headroom_replicas_ready{service="shop"}`, time.Now().Add(-2*time.Second), time.Now())
		if err == nil && len(series) == 0 {
			err = fmt.Errorf("no series")
		}
		return err
	})
	system.NoneFailed(t, l.End())

	// The balancer is killed while there is no scaler: it serves with the backends that it knew.
	scaler.Kill()
	balancer.Kill()
	balancer = s.Start("balancer")
	s.Eventually(10*time.Second, "the balancer serves without a scaler", func() error { return answers(s.Traffic) })
	system.NoneFailed(t, s.Send("2s@50").Wait())

	// And it hears of new ones when the scaler is back.
	scaler = s.Start("scaler")
	s.WaitReady(scaler, monitor, balancer)
	samePIDs(t, replicas, s.WaitReplicas("shop", 3, 5*time.Second))
	l = s.Send("50")
	scale(t, s, 4)
	s.WaitReplicas("shop", 4, 5*time.Second)
	s.Eventually(5*time.Second, "all four replicas take traffic", func() error { return allServe(s, 4) })
	system.NoneFailed(t, l.End())

	// The balancer is killed while there is a scaler, which goes on; the balancer learns of that when it is back.
	balancer.Kill()
	scale(t, s, 5)
	replicas = s.WaitReplicas("shop", 5, 5*time.Second)
	balancer = s.Start("balancer")
	s.Eventually(10*time.Second, "the balancer serves again", func() error { return answers(s.Traffic) })
	l = s.Send("50")
	s.Eventually(5*time.Second, "all five replicas take traffic", func() error { return allServe(s, 5) })
	system.NoneFailed(t, l.End())
	s.RunExactly(replicas)

	// And headroom stop ends all three, and the replicas.
	stopped := time.Now()
	if stdout, stderr, code := s.Command("stop", "-c", s.ConfigFile()); code != 0 {
		t.Errorf("headroom stop: exit code %d\n%s%s", code, stdout, stderr)
	}
	for name, p := range map[string]*system.Process{"scaler": scaler, "balancer": balancer, "monitor": monitor} {
		if code := p.Wait(15 * time.Second); code != 0 {
			t.Errorf("the %s ended with exit code %d", name, code)
		}
	}
	s.WaitNone(0)
	t.Logf("all stopped in %s", time.Since(stopped).Round(time.Millisecond))
}

// scale orders a number of replicas for ten minutes.
func scale(t *testing.T, s *system.System, replicas int) {
	t.Helper()
	err := s.Do(http.MethodPost, "/api/scaling/scale", headroom.ScaleOrder{Service: "shop", Replicas: replicas, For: headroom.Duration(10 * time.Minute)}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// answers is nil if an address answers with 200.
func answers(address string) error {
	response, err := http.Get("http://" + address + "/")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", response.Status)
	}
	return nil
}

// allServe is nil if exactly n backends are there and each got requests in the last second.
func allServe(s *system.System, n int) error {
	backends, err := s.Backends("shop")
	if err != nil {
		return err
	}
	serving := 0
	for _, backend := range backends {
		if backend.RequestsPerSecond != nil && *backend.RequestsPerSecond > 0 {
			serving++
		}
	}
	if serving != n || len(backends) != n {
		return fmt.Errorf("%d of %d backends got requests", serving, len(backends))
	}
	return nil
}
