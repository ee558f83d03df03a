package process

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// TestMain lets the test binary play a replica, its descendants, and a supervisor that is killed.
func TestMain(m *testing.M) {
	RunShimIfAsked(os.Args)
	if play := os.Getenv("TEST_PLAY"); play != "" {
		playReplica(play)
	}
	if dir := os.Getenv("TEST_SUPERVISE"); dir != "" {
		supervise(dir)
	}
	if dir := os.Getenv("TEST_SUPERVISE_BRIEFLY"); dir != "" {
		superviseBriefly(dir)
	}
	os.Exit(m.Run())
}

// playReplica does what the name says; every play but "crash" and "sleep" serves /health as well.
func playReplica(play string) {
	fmt.Printf("%s on port %s as %s of %s revision %s\n", play, os.Getenv("PORT"), os.Getenv("REPLICA_ID"), os.Getenv("SERVICE"), os.Getenv("REVISION"))
	switch play {
	case "crash":
		fmt.Fprintln(os.Stderr, "cannot go on")
		os.Exit(3)
	case "sleep":
		signal.Ignore(syscall.SIGTERM)
		time.Sleep(time.Minute)
		os.Exit(0)
	case "ignore-term":
		signal.Ignore(syscall.SIGTERM)
	case "family":
		// A child in our group, and one that leaves it, both holding our output open and ignoring SIGTERM.
		for _, leave := range []bool{false, true} {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), "TEST_PLAY=sleep")
			child.Stdout, child.Stderr = os.Stdout, os.Stderr
			child.SysProcAttr = &syscall.SysProcAttr{Setsid: leave}
			if err := child.Start(); err != nil {
				panic(err)
			}
			fmt.Println("child", child.Process.Pid)
		}
	case "burn":
		for range 4 {
			go func() {
				for n := 0; n >= 0; n = (n + 1) % 1000 {
				}
			}()
		}
	case "slow":
		time.Sleep(300 * time.Millisecond)
	}
	var hoard [][]byte
	http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	http.HandleFunc("/eat", func(http.ResponseWriter, *http.Request) {
		for range 200 {
			chunk := make([]byte, 1<<20)
			for i := range chunk {
				chunk[i] = 1
			}
			hoard = append(hoard, chunk)
		}
	})
	http.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		for _, variable := range os.Environ() {
			fmt.Fprintln(w, variable)
		}
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// superviseBriefly orders six replicas one by one, and says so before it does.
func superviseBriefly(dir string) {
	fmt.Println("begin")
	p, err := New(Options{Dir: dir, Probe: probeHTTP})
	for _, name := range six {
		if err == nil {
			err = p.Grow(context.Background(), growth("serve", name))
		}
	}
	fmt.Println("done", err)
	select {}
}

var six = []string{"shop-1", "shop-2", "shop-3", "shop-4", "shop-5", "shop-6"}

// supervise starts two replicas, prints their process ids and waits to be killed.
func supervise(dir string) {
	p, err := New(Options{Dir: dir, Probe: probeHTTP})
	if err == nil {
		err = p.Grow(context.Background(), growth("serve", "shop-1", "shop-2"))
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	for range p.Changes() {
		inventory, err := p.Inventory(context.Background(), "shop")
		if err != nil || len(inventory.Replicas) != 2 {
			fmt.Println("error:", inventory, err)
			os.Exit(1)
		}
		if a, b := inventory.Replicas[0], inventory.Replicas[1]; a.State == headroom.ReplicaReady && b.State == headroom.ReplicaReady {
			fmt.Println("ready", a.PID, b.PID)
			select {}
		}
	}
}

// probeHTTP is a health check like the balancer's.
func probeHTTP(ctx context.Context, check Check) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(check.HealthCheck.Timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+check.Address+check.HealthCheck.Path, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// testPorts are away from the default range, which other tests may use at the same time.
var testPorts = headroom.PortRange{First: 24100, Last: 24899}

func growth(play string, names ...string) headroom.Growth {
	return headroom.Growth{Operation: "op", Service: "shop", Names: names, To: len(names), Workload: headroom.Workload{
		Revision: "r1",
		Run: headroom.Run{
			Command: headroom.Command{os.Args[0], "-port={{port}}"}, WorkingDirectory: filepath.Dir(os.Args[0]), Ports: testPorts,
			Environment: map[string]string{"TEST_PLAY": play, "URL": "http://127.0.0.1:{{port}}/"}, StopGracePeriod: headroom.Duration(5 * time.Second),
		},
		HealthCheck: headroom.HealthCheck{Enabled: true, Timeout: headroom.Duration(time.Second), Path: "/health"},
	}}
}

func newPlatform(t *testing.T, dir string) *Platform {
	t.Helper()
	p, err := New(Options{Dir: dir, Probe: probeHTTP})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopEverything(t, p) })
	return p
}

// stopEverything leaves no process behind, also where a test failed after it had closed its platform.
func stopEverything(t *testing.T, p *Platform) {
	t.Helper()
	_ = p.Close()
	p, err := New(Options{Dir: p.dir, Probe: probeHTTP, LockTimeout: time.Millisecond})
	if err != nil {
		return // another platform of the test has the directory, and stops everything itself
	}
	defer p.Close()
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.StopAll(now); err != nil {
		t.Error(err)
	}
}

func grow(t *testing.T, p *Platform, order headroom.Growth) {
	t.Helper()
	if err := p.Grow(t.Context(), order); err != nil {
		t.Fatal(err)
	}
}

func shrink(t *testing.T, p *Platform, grace time.Duration, names ...string) {
	t.Helper()
	if err := p.Shrink(t.Context(), headroom.Removal{Service: "shop", Names: names, Grace: headroom.Duration(grace)}); err != nil {
		t.Fatal(err)
	}
}

// await reads the inventory of shop at each change until it is as wanted.
func await(t *testing.T, p *Platform, what string, wanted func([]headroom.Replica) bool) []headroom.Replica {
	t.Helper()
	deadline := time.NewTimer(15 * time.Second)
	defer deadline.Stop()
	for {
		inventory, err := p.Inventory(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		if wanted(inventory.Replicas) {
			return inventory.Replicas
		}
		select {
		case <-p.Changes():
		case <-deadline.C:
			t.Fatalf("waited in vain for %s: %+v", what, inventory.Replicas)
		}
	}
}

func awaitReady(t *testing.T, p *Platform, count int) []headroom.Replica {
	t.Helper()
	return await(t, p, "all ready", func(replicas []headroom.Replica) bool {
		for _, r := range replicas {
			if r.State != headroom.ReplicaReady {
				return false
			}
		}
		return len(replicas) == count
	})
}

func awaitExit(t *testing.T, p *Platform) headroom.Replica {
	t.Helper()
	return await(t, p, "an exit", func(replicas []headroom.Replica) bool {
		return len(replicas) > 0 && replicas[0].State == headroom.ReplicaExited
	})[0]
}

func awaitNone(t *testing.T, p *Platform) {
	t.Helper()
	await(t, p, "none left", func(replicas []headroom.Replica) bool { return len(replicas) == 0 })
}

func alive(pid int) bool {
	s, err := readStat(pid)
	return err == nil && !s.zombie
}

// poll waits for what no event tells.
func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(15 * time.Second)
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func get(t *testing.T, url string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func portOf(t *testing.T, r headroom.Replica) int {
	t.Helper()
	_, port, err := net.SplitHostPort(r.Address)
	n, convErr := strconv.Atoi(port)
	if err != nil || convErr != nil {
		t.Fatal(r.Address)
	}
	return n
}
