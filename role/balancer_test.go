package role

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// freeAddress is one that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// named is a server that answers with a name.
func named(t *testing.T, name string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func balancing(listen string) headroom.LoadBalancing {
	return headroom.LoadBalancing{Listen: listen, Algorithm: headroom.RoundRobin, DrainTimeout: headroom.Duration(time.Second),
		HealthCheck: headroom.HealthCheck{Interval: headroom.Duration(time.Second), Timeout: headroom.Duration(time.Second),
			HealthyThreshold: 2, UnhealthyThreshold: 3}}
}

func staticConfig(t *testing.T, dir, listen, backend string) headroom.Config {
	t.Helper()
	return headroom.Config{State: headroom.State{Dir: dir}, Services: map[string]headroom.Service{"shop": {
		LoadBalancing: balancing(listen), Backends: []headroom.StaticBackend{{Address: backend, Weight: 1}}}}}
}

func newBalancer(t *testing.T, config headroom.Config) *Balancer {
	t.Helper()
	b, err := NewBalancer(config, nil, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.close(time.Second) })
	if err := b.Apply(config); err != nil {
		t.Fatal(err)
	}
	return b
}

func get(t *testing.T, address string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	response, err := client.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func endpoint(id, address string) headroom.Backend {
	return headroom.Backend{ID: id, Service: "shop", Address: address, Weight: 1, State: headroom.BackendActive, Source: headroom.SourceReplica}
}

func TestABalancerServesWithoutAScalerAndWithWhatTheLastOneSaid(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	config := staticConfig(t, dir, listen, named(t, "static"))
	b := newBalancer(t, config)
	if got := get(t, listen); got != "static" {
		t.Fatalf("without a scaler it answered %q", got)
	}
	b.Told(headroom.Endpoints{Version: 7, Backends: []headroom.Backend{endpoint("shop-1", named(t, "replica"))}})
	if got := get(t, listen); got != "replica" {
		t.Fatalf("after the scaler spoke it answered %q", got)
	}
	b.close(time.Second)

	again := newBalancer(t, config)
	if got := get(t, listen); got != "replica" {
		t.Errorf("after a restart without a scaler it answered %q", got)
	}
	if got := again.server.Measure(time.Now()).TableVersion; got != 7 {
		t.Errorf("after a restart it has version %d, want 7", got)
	}
}

func TestABalancerServesBySplitsOfTheAPIAlsoAfterARestartWithoutAScaler(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	config := staticConfig(t, dir, listen, named(t, "old"))
	second := config.Services["shop"]
	second.LoadBalancing.Listen, second.Backends = "none", []headroom.StaticBackend{{Address: named(t, "new"), Weight: 1}}
	config.Services["shop-v2"] = second
	b := newBalancer(t, config)
	backends := []headroom.Backend{config.Services["shop"].Backends[0].Backend("shop"), second.Backends[0].Backend("shop-v2")}
	to := func(service string) headroom.Overrides {
		return headroom.Overrides{Splits: map[string]headroom.Split{"shop": {By: headroom.SplitByRequest, Variants: []headroom.Variant{{Service: service, Weight: 1}}}}}
	}
	for i, test := range []struct {
		overrides headroom.Overrides
		want      string
	}{{to("shop-v2"), "new"}, {to("shop"), "old"}, {to("gone"), "old"}, {headroom.Overrides{}, "old"}, {to("shop-v2"), "new"}} {
		b.Told(headroom.Endpoints{Version: uint64(i + 1), Backends: backends, Overrides: test.overrides})
		if got := get(t, listen); got != test.want {
			t.Errorf("with %+v it answered %q, want %q", test.overrides, got, test.want)
		}
	}
	b.close(time.Second)
	newBalancer(t, config)
	if got := get(t, listen); got != "new" {
		t.Errorf("after a restart without a scaler it answered %q", got)
	}
}

func TestATornListOfBackendsIsNoReasonNotToServe(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	if err := os.WriteFile(filepath.Join(dir, endpointsFile), []byte(`{"version":7,"backends":[{"id":"sho`), 0o600); err != nil {
		t.Fatal(err)
	}
	newBalancer(t, staticConfig(t, dir, listen, named(t, "static")))
	if got := get(t, listen); got != "static" {
		t.Errorf("it answered %q", got)
	}
}

func TestAConfigurationWhosePortIsInUseLeavesTheOldOneInForce(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	b := newBalancer(t, staticConfig(t, dir, listen, named(t, "old")))
	if err := b.Apply(staticConfig(t, dir, taken.Addr().String(), named(t, "new"))); err == nil {
		t.Fatal("a port in use was accepted")
	}
	b.Told(headroom.Endpoints{Version: 1, Backends: []headroom.Backend{endpoint("shop-1", named(t, "replica"))}})
	if got := get(t, listen); got != "replica" {
		t.Errorf("it answered %q", got)
	}
}

func TestTheRoutingTableJoinsTheConfigurationAndWhatTheScalerNamed(t *testing.T) {
	config := headroom.Config{Services: map[string]headroom.Service{
		"shop": {Run: &headroom.Run{}, LoadBalancing: balancing("127.0.0.1:1")},
		"api":  {Backends: []headroom.StaticBackend{{Address: "127.0.0.1:9001", Weight: 2}}, LoadBalancing: balancing("127.0.0.1:2")},
	}}
	ids := func(table headroom.RoutingTable) []string {
		var all []string
		for _, service := range table.Services {
			for _, backend := range service.Backends {
				all = append(all, service.Service+" "+backend.ID)
			}
		}
		return all
	}
	static := headroom.StaticBackendID("api", "127.0.0.1:9001")
	if got := ids(routingTable(config, headroom.Endpoints{}, false)); !slices.Equal(got, []string{"api " + static}) {
		t.Errorf("before a scaler has spoken it has %v", got)
	}
	said := headroom.Endpoints{Version: 3, Backends: []headroom.Backend{endpoint("shop-1", "127.0.0.1:20001"), {ID: "gone", Service: "removed"}}}
	table := routingTable(config, said, true)
	if got := ids(table); !slices.Equal(got, []string{"shop shop-1"}) || table.Version != 3 {
		t.Errorf("of what a scaler said it has %v, version %d", got, table.Version)
	}
}
