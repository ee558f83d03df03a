package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"headroom.dev/headroom"
)

func TestEveryFieldHasAVariable(t *testing.T) {
	loaded := mustLoad(t, `
services:
  blue-shop: {run: ./shop}
  shop: {backends: [{address: "127.0.0.1:9001"}], loadBalancing: {listen: ":8081"}}
`,
		"HEADROOM_SERVICES_BLUE_SHOP_RUN_CPU=250m",
		"HEADROOM_SERVICES_BLUE_SHOP_RUN_ENVIRONMENT_GOMAXPROCS=2",
		"HEADROOM_SERVICES_BLUE_SHOP_RUN_ENVIRONMENT={LANG: C, PORTS: 3}",
		"HEADROOM_SERVICES_BLUE_SHOP_LOAD_BALANCING_HOSTS=[a.example, b.example]",
		"HEADROOM_SERVICES_SHOP_BACKENDS=[{address: 'localhost:9009', weight: 3}]",
		"HEADROOM_SCALING_TARGET_CPU_UTILIZATION=65.5",
		"HEADROOM_SCALING_TARGET_IN_FLIGHT=4",
		"HEADROOM_SCALING_ENABLED=false",
		"HEADROOM_API_TOKEN_FILE=secrets/token",
		"HEADROOM_API_TOKEN=123456",
		"HEADROOM_MONITORING_MAX_SIZE=1GiB",
		"HEADROOM_LOAD={service: blue-shop, shape: 1s@1}",
		"HEADROOM_LOG_LEVEL=", // empty counts as not set
		"HEADROOM_CONFIG=elsewhere", "HEADROOM_TOKEN=x", "HEADROOM_API=http://127.0.0.1:7070", "HOME=/home/x",
	)
	c := loaded.Config
	run := c.Services["blue-shop"].Run
	if run.CPU != 250 || !maps.Equal(run.Environment, map[string]string{"LANG": "C", "PORTS": "3", "GOMAXPROCS": "2"}) || run.Command.String() != "./shop" {
		t.Errorf("run is %+v", run)
	}
	if !slices.Equal(c.Services["blue-shop"].LoadBalancing.Hosts, []string{"a.example", "b.example"}) {
		t.Errorf("hosts are %v", c.Services["blue-shop"].LoadBalancing.Hosts)
	}
	if !slices.Equal(c.Services["shop"].Backends, []headroom.StaticBackend{{Address: "localhost:9009", Weight: 3, DNS: headroom.DNS{Refresh: headroom.Duration(10 * time.Second)}}}) {
		t.Errorf("backends are %v", c.Services["shop"].Backends)
	}
	if c.Scaling.TargetCPUUtilization != 65.5 || c.Scaling.TargetInFlight != 4 || c.Scaling.Enabled {
		t.Errorf("scaling is %+v", c.Scaling)
	}
	if c.API.Token != "123456" || c.API.TokenFile != filepath.Join(loaded.Dir, "secrets/token") || c.Monitoring.MaxSize != 1<<30 || c.Log.Level != "info" {
		t.Errorf("api is %+v, monitoring %+v, log %+v", c.API, c.Monitoring, c.Log)
	}
	if c.Load == nil || c.Load.Service != "blue-shop" || c.Load.Path != "/" {
		t.Errorf("load is %+v", c.Load)
	}
	if len(loaded.Warnings) > 0 {
		t.Errorf("warnings: %v", loaded.Warnings)
	}
}

func TestEveryVariableNameLeadsBackToItsField(t *testing.T) {
	services := []string{"shop", "blue-shop", "shop-eu"}
	for _, name := range variableNames(configType, "", services) {
		hits := targets(configType, strings.TrimPrefix(name, prefix), nil, services)
		if len(hits) != 1 {
			t.Errorf("%s means %d fields: %v", name, len(hits), hits)
			continue
		}
		if got := VariableName(hits[0].path()); got != name {
			t.Errorf("%s means %s, whose variable is %s", name, hits[0].path(), got)
		}
	}
	if got := VariableName("services.blue-shop.scaling.targetCPUUtilization"); got != "HEADROOM_SERVICES_BLUE_SHOP_SCALING_TARGET_CPU_UTILIZATION" {
		t.Errorf("got %s", got)
	}
}

func TestAVariableThatSetsNothingIsAWarningWithTheNearestName(t *testing.T) {
	loaded := mustLoad(t, shop, "HEADROOM_SCALING_MIN_REPLICA=3", "HEADROOM_SERVICES_SHOPP_SCALING_ENABLED=false",
		"HEADROOM_SERVICES_ZZZZZZZZZZ_RUN=x", "HEADROOM_WHATEVER_ELSE=1",
		// What Kubernetes makes for a service called headroom, and Docker for a link: nobody's mistake.
		"HEADROOM_SERVICE_HOST=10.0.0.1", "HEADROOM_SERVICE_PORT_HTTP=80", "HEADROOM_PORT=tcp://10.0.0.1:80",
		"HEADROOM_PORT_80_TCP_ADDR=10.0.0.1", "HEADROOM_API_SERVICE_HOST=10.0.0.1")
	want := []string{
		"environment variable HEADROOM_WHATEVER_ELSE sets nothing: there is no such field",
		"environment variable HEADROOM_SCALING_MIN_REPLICA sets nothing: there is no such field; did you mean HEADROOM_SCALING_MIN_REPLICAS?",
		"environment variable HEADROOM_SERVICES_ZZZZZZZZZZ_RUN sets nothing: there is no such service or field; services are shop",
		"environment variable HEADROOM_SERVICES_SHOPP_SCALING_ENABLED sets nothing: there is no such field; did you mean HEADROOM_SERVICES_SHOP_SCALING_ENABLED?",
	}
	if diff := cmp.Diff(want, loaded.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestVariablesExpandInFiles(t *testing.T) {
	loaded := mustLoad(t, `
log: {level: "${LEVEL}"}
scaling:
  minReplicas: ${MIN}
  maxReplicas: "${MAX:-12}"
  enabled: ${ON:-false}
  stableWindow: ${UNSET:-20}s
services:
  shop:
    run:
      command: ["./shop", "--name=${NAME}", "$$HOME", "$1", "{{port}}", "a$"]
      environment: {A: "x${EMPTY:-y}z", B: "${EMPTY}"}
monitoring: {alerts: [{name: x, expr: up, summary: '{{ $labels.x }}'}]}
`, "LEVEL=debug", "MIN=3", "NAME=a b", "EMPTY=")
	c := loaded.Config
	if c.Log.Level != "debug" || c.Scaling.MinReplicas != 3 || c.Scaling.MaxReplicas != 12 || c.Scaling.Enabled || c.Scaling.StableWindow.String() != "20s" {
		t.Errorf("log %+v, scaling %+v", c.Log, c.Scaling)
	}
	run := c.Services["shop"].Run
	if want := (headroom.Command{"./shop", "--name=a b", "$HOME", "$1", "{{port}}", "a$"}); !slices.Equal(run.Command, want) {
		t.Errorf("command is %q, want %q", run.Command, want)
	}
	if run.Environment["A"] != "xyz" || run.Environment["B"] != "" {
		t.Errorf("environment is %q", run.Environment)
	}
	if got := c.Monitoring.Alerts[0].Summary; got != "{{ $labels.x }}" {
		t.Errorf("summary is %q", got)
	}
}

func TestSecretsMayBeInFiles(t *testing.T) {
	dir := write(t, map[string]string{
		"headroom.yaml": "api: {token: 'file:token'}\nservices: {shop: {run: {command: ./shop, environment: {PASSWORD: 'file:sub/password', URL: 'literal:file:test.db', PLAIN: x, BEARER: 'Bearer file:token', KEPT: 'literal:Bearer file:token', OTHER: 'my file:token'}}}}\n",
		"token":         "t0ken\r\n", "sub/password": "pass word\n",
	})
	path := filepath.Join(dir, "headroom.yaml")
	loaded, err := Loader{Paths: []string{path}, WorkingDir: dir}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Config.API.Token != "t0ken" {
		t.Errorf("token is %q", loaded.Config.API.Token)
	}
	want := map[string]string{"PASSWORD": "pass word", "URL": "file:test.db", "PLAIN": "x", "BEARER": "Bearer t0ken", "KEPT": "Bearer file:token", "OTHER": "my file:token"}
	if got := loaded.Config.Services["shop"].Run.Environment; !maps.Equal(got, want) {
		t.Errorf("environment is %q, want %q", got, want)
	}
	if got, want := loaded.Origins["api.token"].Source, path+":1:14, from file "+filepath.Join(dir, "token"); got != want {
		t.Errorf("token comes from %q, want %q", got, want)
	}
	if !slices.Contains(loaded.Files, filepath.Join(dir, "sub/password")) {
		t.Errorf("files to watch lack the secret: %v", loaded.Files)
	}
	if again := mustLoad(t, loaded.Show(ShowOptions{Reveal: true})); !maps.Equal(again.Config.Services["shop"].Run.Environment, want) {
		t.Errorf("what is shown loads to %q, want %q", again.Config.Services["shop"].Run.Environment, want)
	}
	shown := loaded.Show(ShowOptions{Origins: true})
	for _, secret := range []string{"t0ken", "pass word", "test.db"} {
		if strings.Contains(shown, secret) {
			t.Errorf("the secret %q is shown:\n%s", secret, shown)
		}
	}
}

func TestTheExampleEnvironmentIsUnderstood(t *testing.T) {
	content, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	// Every variable is there as a comment, ready to be uncommented.
	text := strings.ReplaceAll(string(content), "#HEADROOM_", "HEADROOM_")
	dir := write(t, map[string]string{"headroom.yaml": shop, ".env": text})
	loaded, err := Loader{Paths: []string{filepath.Join(dir, "headroom.yaml")}, WorkingDir: dir}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Warnings) > 0 {
		t.Errorf("warnings: %v", loaded.Warnings)
	}
}
