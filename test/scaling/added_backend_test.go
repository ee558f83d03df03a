package scaling_test

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

// A backend that someone else runs gets traffic beside the replicas, over a restart too, until it is drained and removed.
func TestABackendAddedThroughTheAPIServesUntilItIsRemoved(t *testing.T) {
	t.Parallel()
	s := system.New(t, steadyConfig)
	p := s.Run()
	replicas := s.WaitReplicas("shop", 3, 10*time.Second)
	address := startShop(t, s)

	l := s.Send("80")
	var added headroom.Backend
	body := map[string]any{"service": "shop", "address": address, "weight": 1}
	if err := s.Do(http.MethodPost, "/api/balancer/backends", body, &added); err != nil {
		t.Fatal(err)
	}
	if added.ID == "" || added.Address != address || added.Source != headroom.SourceAPI {
		t.Errorf("added %+v", added)
	}
	s.Eventually(5*time.Second, "it takes traffic beside the replicas", func() error { return allServe(s, 4) })
	system.NoneFailed(t, l.End())
	// It is nobody's replica: the number of those does not change.
	samePIDs(t, replicas, s.WaitReplicas("shop", 3, 5*time.Second))

	p.Signal(syscall.SIGTERM)
	p.Wait(10 * time.Second)
	p = s.Run()
	l = s.Send("80")
	s.Eventually(5*time.Second, "it takes traffic after a restart", func() error { return allServe(s, 4) })

	path := "/api/balancer/backends/" + added.ID
	if err := s.Do(http.MethodPut, path, map[string]any{"state": "draining"}, nil); err != nil {
		t.Fatal(err)
	}
	s.Eventually(5*time.Second, "it drains", func() error {
		backends, err := s.Backends("shop")
		if err != nil {
			return err
		}
		for _, backend := range backends {
			if backend.ID != added.ID {
				continue
			}
			if backend.State != headroom.BackendDraining || backend.RequestsPerSecond == nil || *backend.RequestsPerSecond > 0 {
				return fmt.Errorf("it is %s and gets %v requests/s", backend.State, backend.RequestsPerSecond)
			}
			return nil
		}
		return fmt.Errorf("%s is not listed", added.ID)
	})
	if err := s.Do(http.MethodDelete, path, nil, nil); err != nil {
		t.Fatal(err)
	}
	s.Eventually(5*time.Second, "the replicas serve alone", func() error { return allServe(s, 3) })
	system.NoneFailed(t, l.End())

	p.Signal(syscall.SIGINT)
	if code := p.Wait(15 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if err := answers(address); err != nil {
		t.Errorf("headroom stopped a backend that is not its own: %v", err)
	}
}

// startShop runs a sample service that headroom knows nothing of, and returns its address.
func startShop(t *testing.T, s *system.System) string {
	t.Helper()
	address := system.FreeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	shop := exec.Command(s.Shop, "--port", port, "--latency", "20ms")
	if err := shop.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = shop.Process.Kill()
		_ = shop.Wait()
	})
	s.Eventually(5*time.Second, "the shop answers", func() error { return answers(address) })
	return address
}
