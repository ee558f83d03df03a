package input

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/system"
)

// awaitEvent waits for an event of a type that was recorded after an entry and whose message has each text, and returns
// its number in the journal.
func awaitEvent(t *testing.T, s *system.System, after uint64, kind string, texts ...string) uint64 {
	t.Helper()
	var found uint64
	s.Eventually(10*time.Second, fmt.Sprintf("there is an event %s with %q", kind, texts), func() error {
		events := eventsAfter(t, s, after)
		for _, one := range events {
			if one.event.Type == kind && hasAll(one.event.Message, texts) {
				found = one.seq
				return nil
			}
		}
		return fmt.Errorf("there are %+v", events)
	})
	return found
}

func hasAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

type numberedEvent struct {
	seq   uint64
	event headroom.Event
}

func eventsAfter(t *testing.T, s *system.System, after uint64) []numberedEvent {
	t.Helper()
	a := send(t, s, http.MethodGet, fmt.Sprintf("/api/events?limit=1000&after=%d", after), "", "Accept", "application/json")
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var all []numberedEvent
	for _, entry := range decoded[struct{ Events []headroom.Entry }](t, string(a.body)).Events {
		all = append(all, numberedEvent{entry.Seq, decoded[headroom.Event](t, string(entry.Data))})
	}
	return all
}

// with is twoReplicas with one text in place of another.
func with(old, new string) string { return strings.Replace(twoReplicas, old, new, 1) }

func maxReplicas(s *system.System, want int) func() error {
	return func() error {
		status, err := s.Status("shop")
		if err == nil && status.MaxReplicas != want {
			err = fmt.Errorf("maxReplicas is %d", status.MaxReplicas)
		}
		return err
	}
}

func TestAWrongConfigIsRefusedAtAReloadAndTheOldOneStaysUntilItIsRight(t *testing.T) {
	t.Parallel()
	s, p := startTwo(t)
	undisturbed(t, s, func() {
		seen := uint64(0)
		for name, c := range wrongConfigs {
			s.Configure(strings.Replace(twoReplicas, c.old, c.new, 1))
			says := []string{"the old configuration stays in force", c.says}
			seen = awaitEvent(t, s, seen, "config-refused", says...)
			// Asked again it says so again.
			p.Signal(syscall.SIGHUP)
			seen = awaitEvent(t, s, seen, "config-refused", says...)
			if err := maxReplicas(s, 4)(); err != nil {
				t.Errorf("after %s: %v", name, err)
			}
		}
		if err := os.Remove(s.ConfigFile()); err != nil {
			t.Fatal(err)
		}
		seen = awaitEvent(t, s, seen, "config-refused", "no such file")
		s.Configure("\x00\xff")
		seen = awaitEvent(t, s, seen, "config-refused")
		s.Configure(twoReplicas)
		seen = awaitEvent(t, s, seen, "config-unchanged")
		s.Configure(with("maxReplicas: 4", "maxReplicas: 6"))
		awaitEvent(t, s, seen, "config-reloaded", "in force")
		s.Eventually(5*time.Second, "maxReplicas is 6", maxReplicas(s, 6))
	})
}

func TestAChangeOfTheConfigIsAppliedWhileTrafficFlows(t *testing.T) {
	t.Parallel()
	s, p := startTwo(t)
	second := system.FreeAddress(t)
	withSecond := twoReplicas + `  blog:
    run:
      command: SHOP --port {{port}}
      ports: PORTS
    scaling: {minReplicas: 1, maxReplicas: 2}
    loadBalancing: {listen: ` + second + `}
`
	client := &http.Client{Timeout: 5 * time.Second}
	undisturbed(t, s, func() {
		s.Configure(with("targetRequestsPerSecond: 100000", "targetRequestsPerSecond: 90000"))
		seen := awaitEvent(t, s, 0, "config-reloaded")
		s.Eventually(5*time.Second, "the new target is in force", func() error {
			status, err := s.Status("shop")
			if err == nil && status.Scaling.TargetRequestsPerSecond != 90000 {
				err = fmt.Errorf("it is %g", status.Scaling.TargetRequestsPerSecond)
			}
			return err
		})

		s.Configure(with("listen: API", "listen: 127.0.0.1:1"))
		seen = awaitEvent(t, s, seen, "config-reloaded", "needs a restart: api.listen changed")
		s.Configure(twoReplicas)
		p.Signal(syscall.SIGHUP)
		awaitEvent(t, s, seen, "config-reloaded", "in force")
	})

	s.Configure(withSecond)
	blog := s.WaitReplicas("blog", 1, 20*time.Second)
	s.Eventually(5*time.Second, "the new service answers", func() error { return ask(client, second) })

	client.CloseIdleConnections()
	s.Configure(twoReplicas)
	s.Eventually(20*time.Second, "the replica of the removed service is gone", func() error {
		for name, pid := range blog {
			if syscall.Kill(pid, 0) == nil {
				return fmt.Errorf("%s, process %d, is there", name, pid)
			}
		}
		return nil
	})
	s.Eventually(5*time.Second, "nobody listens for the removed service", func() error {
		if ask(client, second) == nil {
			return fmt.Errorf("%s answers", second)
		}
		return nil
	})
	send(t, s, http.MethodGet, "/api/scaling/status?service=blog", "").refused(t, "the status of the removed service", `"blog"`)
	undisturbed(t, s, func() {})
}

func TestARemovedServiceFinishesTheRequestsThatItHas(t *testing.T) {
	t.Parallel()
	second := system.FreeAddress(t)
	s := system.New(t, twoReplicas+`  blog:
    run:
      command: SHOP --port {{port}}
      ports: PORTS
    scaling: {minReplicas: 1, maxReplicas: 2}
    loadBalancing: {listen: `+second+`}
`)
	s.Run()
	s.WaitReplicas("blog", 1, 20*time.Second)
	answered := make(chan error, 1)
	go func() { answered <- askPath(second, "/slow?for=1500ms") }()
	s.Eventually(5*time.Second, "the slow request is under way", func() error {
		backends := decoded[struct{ Backends []headroom.BackendStatus }](t, string(send(t, s, "GET", "/api/balancer/backends?service=blog", "").body))
		for _, backend := range backends.Backends {
			if backend.InFlight != nil && *backend.InFlight > 0 {
				return nil
			}
		}
		return fmt.Errorf("%+v", backends.Backends)
	})
	s.Configure(twoReplicas)
	if err := <-answered; err != nil {
		t.Errorf("the request that was under way: %v", err)
	}
}

func TestAPortInUseAtAReloadIsRefusedAndTheConfigIsAppliedOnceItIsFree(t *testing.T) {
	t.Parallel()
	s, p := startTwo(t)
	second := system.FreeAddress(t)
	listener := occupy(t, second)
	undisturbed(t, s, func() {
		s.Configure(with("maxReplicas: 4", "maxReplicas: 6") + `  blog:
    backends: [{address: 127.0.0.1:1}]
    loadBalancing: {listen: ` + second + `}
`)
		awaitEvent(t, s, 0, "config-refused", "cannot be applied", second, "address already in use")
		if err := maxReplicas(s, 4)(); err != nil {
			t.Errorf("a part of the refused configuration is in force: %v", err)
		}
		listener.Close()
		p.Signal(syscall.SIGHUP)
		s.Eventually(5*time.Second, "the whole configuration is in force", maxReplicas(s, 6))
	})
}
