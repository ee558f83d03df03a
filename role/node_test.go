package role

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func nodeConfig(t *testing.T) headroom.Config {
	t.Helper()
	config := staticConfig(t, t.TempDir(), freeAddress(t), named(t, "static"))
	config.API.Listen = freeAddress(t)
	config.Monitoring = headroom.Monitoring{Retention: headroom.Duration(time.Hour), MaxSize: 1 << 28}
	return config
}

// A start that fails must leave nothing: no replica, no lock, no socket, no port, no goroutine of its own.
func TestAStartThatFailsLeavesNothingBehind(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, spoil := range map[string]func(*headroom.Config){
		"balancer's port": func(c *headroom.Config) {
			shop := c.Services["shop"]
			shop.LoadBalancing.Listen = taken.Addr().String()
			c.Services["shop"] = shop
		},
		"API's port":   func(c *headroom.Config) { c.API.Listen = taken.Addr().String() },
		"scaler state": func(c *headroom.Config) { _ = os.Mkdir(filepath.Join(c.State.Dir, stateFile), 0o700) },
		"monitor state": func(c *headroom.Config) {
			_ = os.Mkdir(filepath.Join(c.State.Dir, "monitor.db"), 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := nodeConfig(t)
			marker := filepath.Join(config.State.Dir, "started")
			config.Services["worker"] = headroom.Service{
				Run:           &headroom.Run{Command: headroom.Command{"/bin/sh", "-c", "touch " + marker + "; sleep 60"}, Ports: headroom.PortRange{First: 20000, Last: 29999}},
				Scaling:       headroom.Scaling{Enabled: true, MinReplicas: 1, MaxReplicas: 1},
				LoadBalancing: balancing(freeAddress(t)),
			}
			good := config.Services["shop"]
			spoil(&config)
			before := runtime.NumGoroutine()
			if _, err := Start(Options{Config: config, Roles: All, Logger: quiet()}); err == nil {
				t.Fatal("it started")
			}
			if _, err := os.Stat(marker); !errors.Is(err, os.ErrNotExist) {
				t.Error("a replica was started")
			}
			if records, _ := os.ReadDir(filepath.Join(config.State.Dir, "replicas", "records")); len(records) != 0 {
				t.Errorf("replicas are left: %v", records)
			}
			for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
				runtime.Gosched()
			}
			if after := runtime.NumGoroutine(); after > before {
				stack := make([]byte, 1<<20)
				t.Errorf("%d goroutines before and %d after:\n%s", before, after, stack[:runtime.Stack(stack, true)])
			}

			for _, file := range []string{stateFile, "monitor.db"} {
				_ = os.Remove(filepath.Join(config.State.Dir, file))
			}
			delete(config.Services, "worker")
			config.Services["shop"] = good
			config.API.Listen = freeAddress(t)
			node, err := Start(Options{Config: config, Roles: All, Logger: quiet()})
			if err != nil {
				t.Fatalf("what the failed start held is still held: %v", err)
			}
			if err := node.Stop(t.Context(), true); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestASecondNodeOnTheSameStateIsRefusedBeforeItTouchesAnything(t *testing.T) {
	config := nodeConfig(t)
	node, err := Start(Options{Config: config, Roles: All, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = node.Stop(t.Context(), true) }()
	for name, roles := range map[string]Roles{"run": All, "balancer": {Balancer: true}, "monitor": {Monitor: true}, "scaler": {Scaler: true}} {
		if _, err := Start(Options{Config: config, Roles: roles, Logger: quiet()}); err == nil || !strings.Contains(err.Error(), "pid") {
			t.Errorf("a second %s was answered %v", name, err)
		}
	}
	if got := get(t, config.Services["shop"].LoadBalancing.Listen); got != "static" {
		t.Errorf("the first one answers %q", got)
	}
}

func TestRolesApartFindEachOtherAndEndTogether(t *testing.T) {
	config := nodeConfig(t)
	var nodes []*Node
	for _, roles := range []Roles{{Balancer: true}, {Monitor: true}, {Scaler: true}} {
		node, err := Start(Options{Config: config, Roles: roles, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, node)
	}
	scaler := nodes[2].Control()
	deadline := time.After(10 * time.Second)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for status := scaler.Balancer(); !status.Connected || status.TableVersion != status.EndpointsVersion || status.TableVersion == 0; status = scaler.Balancer() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("after 10 s the scaler knows of the balancer only %+v", status)
		}
	}
	remote := monitorClient(config.State.Dir)
	var invalid *headroom.InvalidError
	if _, err := remote.Query(t.Context(), "up{", time.Now()); !errors.As(err, &invalid) || invalid.Field != "query" {
		t.Errorf("a wrong query to a monitor in another process: %v", err)
	}
	var unknown *headroom.UnknownNameError
	if _, err := remote.SLA(t.Context(), "shoop"); !errors.As(err, &unknown) {
		t.Errorf("a service that does not exist: %v", err)
	}
	if err := nodes[2].Stop(t.Context(), true); err != nil {
		t.Error(err)
	}
	for _, node := range nodes[:2] {
		select {
		case <-node.Ordered():
		case <-time.After(10 * time.Second):
			t.Fatal("the other roles were not told that everything stops")
		}
		if err := node.Stop(t.Context(), true); err != nil {
			t.Error(err)
		}
	}
}
