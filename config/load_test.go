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

// write puts files into a fresh directory and returns the directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loadText loads one YAML text with an environment.
func loadText(t *testing.T, text string, env ...string) (*Loaded, error) {
	t.Helper()
	dir := write(t, map[string]string{"headroom.yaml": text})
	return Loader{Paths: []string{filepath.Join(dir, "headroom.yaml")}, Env: env, WorkingDir: dir}.Load()
}

func mustLoad(t *testing.T, text string, env ...string) *Loaded {
	t.Helper()
	loaded, err := loadText(t, text, env...)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

const shop = "services: {shop: {run: './shop --port {{port}}'}}\n"

// The two documents of the issue, word for word, with a service in a third file that takes them as defaults.
func TestTheTwoJSONDocumentsAreDefaultsForEveryServiceHoweverTheyAreGiven(t *testing.T) {
	dir := write(t, map[string]string{"services.yaml": shop})
	services := filepath.Join(dir, "services.yaml")
	ways := map[string][]string{
		"apart":                 {"testdata/issue-scaling.json", "testdata/issue-balancing.json", services},
		"apart, services first": {services, "testdata/issue-balancing.json", "testdata/issue-scaling.json"},
		"one after the other":   {"testdata/issue-both-after-each-other.json", services},
		"merged":                {"testdata/issue-both-merged.json", services},
	}
	for name, paths := range ways {
		t.Run(name, func(t *testing.T) {
			loaded, err := Loader{Paths: paths, WorkingDir: dir}.Load()
			if err != nil {
				t.Fatal(err)
			}
			service := loaded.Config.Services["shop"]
			wantScaling := headroom.Scaling{
				Enabled: true, MinReplicas: 2, MaxReplicas: 10, TargetCPUUtilization: 70, TargetMemoryUtilization: 80,
				ScaleUpCooldown: headroom.Duration(3 * time.Minute), ScaleDownCooldown: headroom.Duration(5 * time.Minute),
				Policies: []headroom.ThresholdPolicy{{Name: "cpu-scaling", Metric: "cpu", Threshold: 70, Action: "scale-up", Step: 1}},
				// The rest is the defaults.
				LatencyQuantile: 0.95, Tolerance: 0.1, StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5,
			}
			if diff := cmp.Diff(wantScaling, service.Scaling); diff != "" {
				t.Errorf("scaling of shop (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(wantScaling, loaded.Config.Scaling); diff != "" {
				t.Errorf("default scaling (-want +got):\n%s", diff)
			}
			balancing := service.LoadBalancing
			if balancing.Algorithm != headroom.LeastConnections {
				t.Errorf("algorithm is %q", balancing.Algorithm)
			}
			wantCheck := headroom.HealthCheck{Enabled: true, Interval: headroom.Duration(30 * time.Second), Timeout: headroom.Duration(5 * time.Second),
				Path: "/health", HealthyThreshold: 2, UnhealthyThreshold: 3}
			if diff := cmp.Diff(wantCheck, balancing.HealthCheck); diff != "" {
				t.Errorf("health check (-want +got):\n%s", diff)
			}
			if want := (headroom.SessionAffinity{Type: "cookie"}); balancing.SessionAffinity != want {
				t.Errorf("session affinity is %+v", balancing.SessionAffinity)
			}
			if want := (headroom.CircuitBreaker{Enabled: true, FailureThreshold: 5, RecoveryTimeout: headroom.Duration(30 * time.Second)}); balancing.CircuitBreaker != want {
				t.Errorf("circuit breaker is %+v", balancing.CircuitBreaker)
			}
		})
	}
}

func TestTheTwoJSONDocumentsLoadAlone(t *testing.T) {
	for _, path := range []string{"testdata/issue-scaling.json", "testdata/issue-balancing.json", "testdata/issue-both-after-each-other.json"} {
		if _, err := Load(path, nil); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestJSONMayBeIndentedWithTabsAndHaveEscapes(t *testing.T) {
	loaded := mustLoad(t, "{\n\t\"log\": {\n\t\t\"level\":\t\"debug\"\n\t},\n\t\"services\": {\"shop\": {\"run\": \".\\/shop \\u0041\\ud83d\\ude00\"}}\n}\n")
	if got := loaded.Config.Log.Level; got != "debug" {
		t.Errorf("level is %q", got)
	}
	if got := loaded.Config.Services["shop"].Run.Command.String(); got != "./shop A😀" {
		t.Errorf("command is %q", got)
	}
}

func TestALaterDocumentWinsAndMapsMergeDeeplyAndListsReplace(t *testing.T) {
	loaded := mustLoad(t, `
scaling:
  minReplicas: 2
  policies: [{name: a, metric: cpu, threshold: 1, action: scale-up}, {name: b, metric: cpu, threshold: 1, action: scale-up}]
services: {shop: {run: ./shop}}
---
scaling:
  maxReplicas: 7
  policies: [{name: c, metric: cpu, threshold: 1, action: scale-up}]
services: {shop: {run: {memory: 64MiB}}}
---
log:
`)
	scaling := loaded.Config.Services["shop"].Scaling
	if scaling.MinReplicas != 2 || scaling.MaxReplicas != 7 {
		t.Errorf("replicas are %d to %d, want 2 to 7", scaling.MinReplicas, scaling.MaxReplicas)
	}
	if len(scaling.Policies) != 1 || scaling.Policies[0].Name != "c" {
		t.Errorf("policies are %v", scaling.Policies)
	}
	run := loaded.Config.Services["shop"].Run
	if run.Command.String() != "./shop" || run.Memory != 64<<20 {
		t.Errorf("run is %+v: the bare command of the first document must survive the block of the second", run)
	}
}

func TestAServiceOverridesTheDefaultsEvenWithFalseAndZero(t *testing.T) {
	loaded := mustLoad(t, `
scaling: {enabled: true, targetCPUUtilization: 70, scaleDownCooldown: 10m}
loadBalancing: {circuitBreaker: {enabled: true, failureThreshold: 9}}
services:
  shop:
    run: ./shop
    scaling: {enabled: false, targetCPUUtilization: 0, scaleDownCooldown: 0s}
    loadBalancing: {circuitBreaker: {enabled: false}}
`)
	service := loaded.Config.Services["shop"]
	if service.Scaling.Enabled || service.Scaling.TargetCPUUtilization != 0 || service.Scaling.ScaleDownCooldown != 0 {
		t.Errorf("scaling is %+v", service.Scaling)
	}
	if breaker := service.LoadBalancing.CircuitBreaker; breaker.Enabled || breaker.FailureThreshold != 9 {
		t.Errorf("circuit breaker is %+v", breaker)
	}
	if !loaded.Config.Scaling.Enabled {
		t.Error("the defaults themselves must not change")
	}
}

func TestPrecedenceIsDefaultsThenFilesThenDotEnvThenEnvironment(t *testing.T) {
	dir := write(t, map[string]string{
		"conf/a.yaml": "scaling: {minReplicas: 2, maxReplicas: 20, tolerance: 0.2}\n" + shop,
		"conf/b.json": `{"scaling": {"maxReplicas": 30, "tolerance": 0.3}}`,
		"conf/.env":   "HEADROOM_SCALING_MAX_REPLICAS=40\nHEADROOM_LOG_LEVEL=warn\nHEADROOM_SERVICES_SHOP_SCALING_STABLE_WINDOW=30s # half a minute\n",
		"work/.env":   "export HEADROOM_LOG_LEVEL='error'\n",
	})
	a, b := filepath.Join(dir, "conf/a.yaml"), filepath.Join(dir, "conf/b.json")
	loaded, err := Loader{Paths: []string{a, b}, WorkingDir: filepath.Join(dir, "work"),
		Env: []string{"HEADROOM_SCALING_MAX_REPLICAS=50", "HEADROOM_SERVICES_SHOP_SCALING_PANIC_THRESHOLD=3"}}.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Origin{
		"scaling.enabled":                      {Value: "true", Source: "default"},
		"scaling.minReplicas":                  {Value: "2", Source: a + ":1:24"},
		"scaling.tolerance":                    {Value: "0.3", Source: b + ":1:46"},
		"scaling.maxReplicas":                  {Value: "50", Source: "env HEADROOM_SCALING_MAX_REPLICAS"},
		"log.level":                            {Value: "error", Source: ".env HEADROOM_LOG_LEVEL"},
		"services.shop.scaling.enabled":        {Value: "true", Source: "default"},
		"services.shop.scaling.minReplicas":    {Value: "2", Source: "defaults block " + a + ":1"},
		"services.shop.scaling.maxReplicas":    {Value: "50", Source: "defaults block env HEADROOM_SCALING_MAX_REPLICAS"},
		"services.shop.scaling.stableWindow":   {Value: "30s", Source: ".env HEADROOM_SERVICES_SHOP_SCALING_STABLE_WINDOW"},
		"services.shop.scaling.panicThreshold": {Value: "3", Source: "env HEADROOM_SERVICES_SHOP_SCALING_PANIC_THRESHOLD"},
		"services.shop.run.command":            {Value: "./shop --port {{port}}", Source: a + ":2:24"},
	}
	for path, origin := range want {
		if got := loaded.Origins[path]; got != origin {
			t.Errorf("%s comes from %+v, want %+v", path, got, origin)
		}
	}
	if got := loaded.Config.Services["shop"].Scaling.PanicThreshold; got != 3 {
		t.Errorf("panic threshold is %v, want 3", got)
	}
}

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
	if !slices.Equal(c.Services["shop"].Backends, []headroom.StaticBackend{{Address: "localhost:9009", Weight: 3}}) {
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

// Every name that the reference and the suggestions offer is understood, and means the field it is made from.
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
		"headroom.yaml": "api: {token: 'file:token'}\nservices: {shop: {run: {command: ./shop, environment: {PASSWORD: 'file:sub/password', URL: 'literal:file:test.db', PLAIN: x}}}}\n",
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
	want := map[string]string{"PASSWORD": "pass word", "URL": "file:test.db", "PLAIN": "x"}
	if got := loaded.Config.Services["shop"].Run.Environment; !maps.Equal(got, want) {
		t.Errorf("environment is %q, want %q", got, want)
	}
	if got, want := loaded.Origins["api.token"].Source, path+":1:14, from file "+filepath.Join(dir, "token"); got != want {
		t.Errorf("token comes from %q, want %q", got, want)
	}
	if !slices.Contains(loaded.Files, filepath.Join(dir, "sub/password")) {
		t.Errorf("files to watch lack the secret: %v", loaded.Files)
	}
	shown := loaded.Show(ShowOptions{Origins: true})
	for _, secret := range []string{"t0ken", "pass word", "test.db"} {
		if strings.Contains(shown, secret) {
			t.Errorf("the secret %q is shown:\n%s", secret, shown)
		}
	}
}

func TestPathsAreRelativeToTheFileInWhichTheyStand(t *testing.T) {
	dir := write(t, map[string]string{
		"a/headroom.yaml": shop,
		"b/more.yaml":     "state: {dir: ../data}\nservices: {api: {run: {command: ./api, workingDirectory: here}, loadBalancing: {listen: ':9000'}}}\n",
	})
	loaded, err := Loader{Paths: []string{filepath.Join(dir, "a/headroom.yaml"), filepath.Join(dir, "b/more.yaml")}, WorkingDir: dir}.Load()
	if err != nil {
		t.Fatal(err)
	}
	c := loaded.Config
	for what, paths := range map[string][2]string{
		"state.dir":                         {c.State.Dir, filepath.Join(dir, "data")},
		"api.tokenFile":                     {c.API.TokenFile, filepath.Join(dir, "data/api-token")},
		"shop's directory, by default":      {c.Services["shop"].Run.WorkingDirectory, filepath.Join(dir, "a")},
		"api's directory":                   {c.Services["api"].Run.WorkingDirectory, filepath.Join(dir, "b/here")},
		"the directory of the first config": {loaded.Dir, filepath.Join(dir, "a")},
	} {
		if paths[0] != paths[1] {
			t.Errorf("%s is %s, want %s", what, paths[0], paths[1])
		}
	}
}

func TestAliasesAndMergeKeysWork(t *testing.T) {
	loaded := mustLoad(t, `
services:
  one: &base
    run: ./one
    scaling: &sizes {minReplicas: 3, maxReplicas: 5}
    loadBalancing: {listen: ":8001"}
  two:
    <<: *base
    run: ./two
    loadBalancing: {listen: ":8002"}
  three: {run: ./three, scaling: *sizes, loadBalancing: {listen: ":8003"}}
`)
	two := loaded.Config.Services["two"]
	if two.Run.Command.String() != "./two" || two.Scaling.MinReplicas != 3 || two.LoadBalancing.Listen != ":8002" {
		t.Errorf("two is %+v", two)
	}
	if loaded.Config.Services["three"].Scaling.MaxReplicas != 5 {
		t.Errorf("three is %+v", loaded.Config.Services["three"])
	}
}

func TestFindTakesTheFirstFileAndSaysWhereItLooked(t *testing.T) {
	dir := t.TempDir()
	_, err := findIn(filepath.Join(dir, "w"), filepath.Join(dir, "etc"))
	want := `there is no config file: looked for "<w>/headroom.yaml", "<w>/headroom.yml", "<w>/headroom.json", "<etc>/headroom.yaml"; name one with -c FILE`
	want = strings.NewReplacer("<w>", filepath.Join(dir, "w"), "<etc>", filepath.Join(dir, "etc")).Replace(want)
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	for _, name := range []string{"etc/headroom.yaml", "w/headroom.json", "w/headroom.yml", "w/headroom.yaml"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := findIn(filepath.Join(dir, "w"), filepath.Join(dir, "etc")); got != path || err != nil {
			t.Errorf("found %q, %v; want %s", got, err, path)
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
