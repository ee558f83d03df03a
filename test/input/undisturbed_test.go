package input

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// twoReplicas is a service that has two replicas all the time: its load is far below what one of them carries.
const twoReplicas = `api:
  listen: API
services:
  shop:
    run:
      command: SHOP --port {{port}} --latency 2ms
      ports: PORTS
    scaling:
      minReplicas: 2
      maxReplicas: 4
      targetRequestsPerSecond: 100000
    loadBalancing:
      listen: TRAFFIC
`

// startTwo starts headroom with twoReplicas and waits until both are ready.
func startTwo(t *testing.T) (*system.System, *system.Process) {
	t.Helper()
	s := system.New(t, twoReplicas)
	p := s.Run()
	s.WaitReplicas("shop", 2, 20*time.Second)
	return s, p
}

// undisturbed does something while requests flow. The test fails if one of them fails, or if a replica that was there
// before is not there afterwards as the same process.
func undisturbed(t *testing.T, s *system.System, do func()) {
	t.Helper()
	before := replicaProcesses(t, s)
	requests := request(s.Traffic)
	do()
	if sent, failure := requests.end(); failure != "" {
		t.Errorf("of %d requests one failed: %s", sent, failure)
	} else if sent == 0 {
		t.Error("no request was sent")
	}
	after := replicaProcesses(t, s)
	for name, pid := range before {
		if after[name] != pid {
			t.Errorf("%s was process %d and is %d now: %v became %v", name, pid, after[name], before, after)
		}
	}
	if listed, running := slices.Sorted(maps.Values(after)), slices.Sorted(slices.Values(s.ShopProcesses())); !slices.Equal(listed, running) {
		t.Errorf("headroom lists the replicas %v, and there run %v", listed, running)
	}
}

func replicaProcesses(t *testing.T, s *system.System) map[string]int {
	t.Helper()
	status, err := s.Status("shop")
	if err != nil {
		t.Fatal(err)
	}
	pids := map[string]int{}
	for _, replica := range status.Replicas {
		pids[replica.Name] = replica.PID
	}
	return pids
}

// requests is one client that asks a service again and again.
type requests struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	// Written by the client until it is done.
	sent    int
	failure string
}

// request sends a request every 10 ms to an address until end: one client, so that a test costs little of the machine.
func request(address string) *requests {
	ctx, cancel := context.WithCancel(context.Background())
	r := &requests{cancel: cancel}
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	r.done.Go(func() {
		defer client.CloseIdleConnections()
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			r.sent++
			if err := ask(client, address); err != nil && r.failure == "" {
				r.failure = err.Error()
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return r
}

// end stops asking, and says how often it was asked and how the first failure was, empty for none.
func (r *requests) end() (sent int, failure string) {
	r.cancel()
	r.done.Wait()
	return r.sent, r.failure
}

// ask sends one request and reads the answer to its end; target is host:port with a path or without.
func ask(client *http.Client, target string) error {
	response, err := client.Get("http://" + target)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	return nil
}

// contains fails the test for each text that is not in what was said.
func contains(t *testing.T, said string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("this should say %q:\n%s", text, said)
		}
	}
}

// refuses starts headroom, which must end by itself with exit code 1, say each text on standard error, and leave no
// replica running.
func refuses(t *testing.T, s *system.System, args []string, texts ...string) {
	t.Helper()
	p := s.Start(args...)
	if code := p.Wait(20 * time.Second); code != 1 {
		t.Errorf("exit code %d, expected 1", code)
	}
	contains(t, p.Errors(), texts...)
	if strings.Contains(p.Errors(), "goroutine ") {
		t.Error("it panicked")
	}
	if running := s.ShopProcesses(); len(running) > 0 {
		t.Errorf("replicas %v run", running)
	}
}

// askPath sends one request for a path on a connection of its own.
func askPath(address, path string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	return ask(client, address+path)
}
