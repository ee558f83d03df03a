package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"headroom.dev/headroom"
)

var configType = reflect.TypeFor[headroom.Config]()

// load reads one config file.
func load(path string, env []string) (*Loaded, error) {
	return Loader{Paths: []string{path}, Env: env}.Load()
}

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
				Policies: []headroom.ScalingPolicy{{Name: "cpu-scaling", Metric: "cpu", Threshold: 70, Action: "scale-up", Step: 1}},
				// The rest is the defaults.
				LatencyQuantile: 0.95, Tolerance: 0.1, StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5, ScaleToZeroAfter: headroom.Duration(5 * time.Minute),
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
				Type: headroom.HealthCheckAuto, Path: "/health", HealthyThreshold: 2, UnhealthyThreshold: 3, Jitter: 10}
			if diff := cmp.Diff(wantCheck, balancing.HealthCheck); diff != "" {
				t.Errorf("health check (-want +got):\n%s", diff)
			}
			if want := (headroom.SessionAffinity{Type: "cookie", Cookie: headroom.CookieSettings{Path: "/", Secure: "auto", SameSite: "lax"}}); balancing.SessionAffinity != want {
				t.Errorf("session affinity is %+v", balancing.SessionAffinity)
			}
			wantBreaker := headroom.CircuitBreaker{Enabled: true, FailureThreshold: 5, RecoveryTimeout: headroom.Duration(30 * time.Second),
				ErrorPercent: 50, MinimumRequests: 20, Probes: 1}
			if balancing.CircuitBreaker != wantBreaker {
				t.Errorf("circuit breaker is %+v", balancing.CircuitBreaker)
			}
		})
	}
}

func TestTheTwoJSONDocumentsLoadAlone(t *testing.T) {
	for _, path := range []string{"testdata/issue-scaling.json", "testdata/issue-balancing.json", "testdata/issue-both-after-each-other.json"} {
		if _, err := load(path, nil); err != nil {
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

// Every name that the reference and the suggestions offer is understood, and means the field it is made from.
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

func TestFilesOfTheDataPlaneAreRelativeToTheFileInWhichTheyStand(t *testing.T) {
	dir := write(t, map[string]string{
		"a/headroom.yaml": shop + "loadBalancing: {backendTLS: {enabled: true, ca: ca.pem, certificate: c.pem, key: c.key}, errorPages: {503: busy.html}}\naccessLog: {path: log}\n",
		"b/more.yaml": `services: {shop: {scaling: {signals: {lag: {external: {address: "scaler:9090", caFile: scaler.pem}}}}, loadBalancing: {hosts: [shop.example.com], errorPages: {4xx: /srv/wrong.html},
  tls: {certificates: [{certificate: s.pem, key: ../s.key}], clients: {mode: required, ca: clients.pem}, acme: {enabled: true, rootCA: root.pem}}}}}`,
	})
	loaded, err := Loader{Paths: []string{filepath.Join(dir, "a/headroom.yaml"), filepath.Join(dir, "b/more.yaml")}, WorkingDir: dir}.Load()
	if err != nil {
		t.Fatal(err)
	}
	l := loaded.Config.Services["shop"].LoadBalancing
	for what, paths := range map[string][2]string{
		"accessLog.path":              {loaded.Config.AccessLog.Path, filepath.Join(dir, "a/log")},
		"the default of all":          {loaded.Config.LoadBalancing.BackendTLS.CA, filepath.Join(dir, "a/ca.pem")},
		"backendTLS.ca":               {l.BackendTLS.CA, filepath.Join(dir, "a/ca.pem")},
		"backendTLS.certificate":      {l.BackendTLS.Certificate, filepath.Join(dir, "a/c.pem")},
		"backendTLS.key":              {l.BackendTLS.Key, filepath.Join(dir, "a/c.key")},
		"an external scaler's caFile": {loaded.Config.Services["shop"].Scaling.Signals["lag"].External.CAFile, filepath.Join(dir, "b/scaler.pem")},
		"tls.certificates":            {l.TLS.Certificates[0].Certificate, filepath.Join(dir, "b/s.pem")},
		"their keys":                  {l.TLS.Certificates[0].Key, filepath.Join(dir, "s.key")},
		"tls.clients.ca":              {l.TLS.Clients.CA, filepath.Join(dir, "b/clients.pem")},
		"tls.acme.rootCA":             {l.TLS.ACME.RootCA, filepath.Join(dir, "b/root.pem")},
		"errorPages of the defaults":  {l.ErrorPages["503"], filepath.Join(dir, "a/busy.html")},
		"errorPages, absolute":        {l.ErrorPages["4xx"], "/srv/wrong.html"},
		"what is not given":           {loaded.Config.LoadBalancing.TLS.Clients.CA, ""},
	} {
		if paths[0] != paths[1] {
			t.Errorf("%s is %q, want %q", what, paths[0], paths[1])
		}
	}
	if got := loaded.Origins["services.shop.loadBalancing.tls.clients.ca"].Value; got != filepath.Join(dir, "b/clients.pem") {
		t.Errorf("config show would say %q", got)
	}
}

func TestTheAccessLogMayGoToStandardOutput(t *testing.T) {
	if got := mustLoad(t, shop+"accessLog: {path: stdout}\n").Config.AccessLog.Path; got != "stdout" {
		t.Errorf("got %q", got)
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
