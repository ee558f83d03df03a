package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

func TestShowTellsWhereEachValueCameFromAndHidesSecrets(t *testing.T) {
	dir := write(t, map[string]string{"headroom.yaml": `scaling: {minReplicas: 2}
api: {token: hunter2}
services:
  shop:
    run: {command: './shop "a b"', environment: {PW: hunter2}}
    scaling: {maxReplicas: 4, policies: [{name: a, metric: cpu, threshold: 70.5, action: scale-up}]}
`})
	path := filepath.Join(dir, "headroom.yaml")
	loaded, err := Loader{Paths: []string{path}, WorkingDir: dir, Env: []string{"HEADROOM_LOG_LEVEL=debug"}}.Load()
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.ReplaceAll(loaded.Show(ShowOptions{Origins: true}), dir+"/", "")
	// Spaces before comments only align them.
	var lines []string
	for line := range strings.SplitSeq(shown, "\n") {
		value, note, found := strings.Cut(line, "  # ")
		if found {
			line = strings.TrimRight(value, " ") + " # " + note
		}
		lines = append(lines, line)
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{
		"api:\n  listen: \"127.0.0.1:7070\" # default\n  token: \"********\" # headroom.yaml:2:14\n",
		"log:\n  level: debug # env HEADROOM_LOG_LEVEL\n  format: auto # default\n",
		"\n  shop:\n    run:\n      command: [./shop, \"a b\"] # headroom.yaml:5:20\n",
		"      environment:\n        PW: \"********\" # headroom.yaml:5:54\n",
		"    scaling:\n      enabled: true # default\n      minReplicas: 2 # defaults block headroom.yaml:1\n      maxReplicas: 4 # headroom.yaml:6:28\n",
		"      policies:\n        - name: a # headroom.yaml:6:49\n          metric: cpu # headroom.yaml:6:60\n          threshold: 70.5 # headroom.yaml:6:76\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks\n%s\n--- in\n%s", want, text)
		}
	}
	if strings.Contains(shown, "hunter2") {
		t.Errorf("a secret is shown:\n%s", shown)
	}
	// The comments do not keep it from being a config.
	if again := mustLoad(t, loaded.Show(ShowOptions{Origins: true})); again.Config.Services["shop"].Scaling.MaxReplicas != 4 {
		t.Errorf("loads as %+v", again.Config)
	}
}

func TestWhatIsShownLoadsToTheSameConfig(t *testing.T) {
	for _, path := range []string{"testdata/full.yaml", "testdata/issue-both-merged.json"} {
		loaded, err := load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		again := mustLoad(t, loaded.Show(ShowOptions{Reveal: true}))
		if diff := cmp.Diff(loaded.Config, again.Config); diff != "" {
			t.Errorf("%s (-loaded +shown and loaded):\n%s", path, diff)
		}
	}
}

func TestAnyValidConfigSurvivesBeingShownAndLoaded(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "headroom.yaml")
	rapid.Check(t, func(t *rapid.T) {
		config := anyConfig(t)
		if errs := config.Validate(); errs != nil {
			t.Fatalf("the generator made an invalid config: %v", errs)
		}
		text := (&Loaded{Config: config}).Show(ShowOptions{Reveal: true})
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := Loader{Paths: []string{path}, WorkingDir: dir}.Load()
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(config, loaded.Config); diff != "" {
			t.Fatalf("(-config +loaded):\n%s\n%s", diff, text)
		}
	})
}

// anyConfig draws a valid config whose paths are absolute, as those of a loaded one are.
func anyConfig(t *rapid.T) headroom.Config {
	c := headroom.Config{
		API:        headroom.API{Listen: "127.0.0.1:7070", Token: anyText(t, "token"), TokenFile: "/t/" + anyWord(t, "tokenFile")},
		State:      headroom.State{Dir: "/" + anyWord(t, "dir"), Retention: anyDuration(t, "retention")},
		Monitoring: headroom.Monitoring{Retention: anyDuration(t, "monitoring"), MaxSize: headroom.Bytes(rapid.Int64Range(1, 1<<50).Draw(t, "maxSize"))},
		Log:        headroom.Log{Level: rapid.SampledFrom([]string{"debug", "info", "warn", "error"}).Draw(t, "level"), Format: "json"},
		Scaling:    anyScaling(t), LoadBalancing: anyBalancing(t, 9000),
		AccessLog: headroom.AccessLog{Path: "/" + anyWord(t, "log"), Sample: rapid.Float64Range(0, 1).Draw(t, "sample")},
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "alerts") {
		c.Monitoring.Alerts = append(c.Monitoring.Alerts, headroom.AlertRule{Name: fmt.Sprintf("a%d", i), Expr: "x" + anyText(t, "expr"),
			For: anyDuration(t, "for"), Severity: "info", Summary: anyText(t, "summary")})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "services") {
		if c.Services == nil {
			c.Services = map[string]headroom.Service{}
		}
		service := headroom.Service{LoadBalancing: anyBalancing(t, 9001+i), Objective: headroom.Objective{
			Availability: rapid.Float64Range(50, 99.9999).Draw(t, "availability"), Latency: anyDuration(t, "latency"),
			LatencyShare: 99, Window: anyDuration(t, "window")}}
		if rapid.Bool().Draw(t, "run") {
			service.Run, service.Scaling = anyRun(t), anyScaling(t)
		} else {
			service.Scaling = c.Scaling // the defaults, which do not apply
			for j := range rapid.IntRange(1, 3).Draw(t, "backends") {
				service.Backends = append(service.Backends, headroom.StaticBackend{Address: fmt.Sprintf("10.0.0.%d:80", j), Weight: rapid.IntRange(0, 1000).Draw(t, "weight"),
					Placement: headroom.Placement{Zone: anyWord(t, "zone"), Priority: rapid.IntRange(0, 7).Draw(t, "priority")}})
			}
		}
		c.Services[fmt.Sprintf("%s-%d", strings.ToLower(anyWord(t, "service")), i)] = service
	}
	return c
}

func anyRun(t *rapid.T) *headroom.Run {
	run := &headroom.Run{
		Command: headroom.Command{"p" + anyText(t, "program")}, WorkingDirectory: "/" + anyWord(t, "cwd"), User: anyText(t, "user"),
		CPU: headroom.CPU(rapid.Int64Range(0, 64000).Draw(t, "cpu")), Memory: headroom.Bytes(rapid.Int64Range(0, 1<<40).Draw(t, "memory")),
		Ports: headroom.PortRange{First: 20000, Last: 29999}, StartTimeout: anyDuration(t, "start"), StopGracePeriod: anyDuration(t, "stop"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "words") {
		run.Command = append(run.Command, anyText(t, "word"))
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "variables") {
		if run.Environment == nil {
			run.Environment = map[string]string{}
		}
		run.Environment[fmt.Sprintf("%s%d", anyWord(t, "name"), i)] = rapid.SampledFrom([]string{"", "file:", "literal:", "Bearer file:"}).Draw(t, "prefix") + anyText(t, "value")
	}
	return run
}

func anyScaling(t *rapid.T) headroom.Scaling {
	minReplicas := rapid.IntRange(1, 1000).Draw(t, "min")
	s := headroom.Scaling{
		Enabled: rapid.Bool().Draw(t, "enabled"), MinReplicas: minReplicas, MaxReplicas: rapid.IntRange(minReplicas, 1000).Draw(t, "max"),
		TargetLatency: anyDuration(t, "targetLatency"), LatencyQuantile: rapid.Float64Range(0.5, 0.999).Draw(t, "quantile"),
		Tolerance: rapid.Float64Range(0, 1).Draw(t, "tolerance"), StableWindow: headroom.Duration(15 * time.Second),
		PanicThreshold: rapid.Float64Range(1.1, 10).Draw(t, "panic"), ScaleUpCooldown: anyDuration(t, "up"), ScaleDownCooldown: anyDuration(t, "down"),
	}
	if rapid.Bool().Draw(t, "target") {
		s.TargetCPUUtilization = rapid.Float64Range(1, 100).Draw(t, "targetCPU")
		s.TargetInFlight = rapid.Float64Range(0.01, 1e6).Draw(t, "targetInFlight")
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "policies") {
		s.Policies = append(s.Policies, headroom.ScalingPolicy{Name: fmt.Sprintf("%s%d", anyWord(t, "policy"), i), Metric: headroom.MetricInFlight,
			Threshold: rapid.Float64Range(0, 1e6).Draw(t, "threshold"), Action: headroom.ActionScaleDown, Step: 3})
	}
	return s
}

func anyBalancing(t *rapid.T, port int) headroom.LoadBalancing {
	l := headroom.LoadBalancing{
		Listen: fmt.Sprintf("127.0.0.1:%d", port), Algorithm: headroom.RoundRobin,
		Protocol: headroom.ProtocolHTTP, BackendProtocol: rapid.SampledFrom([]headroom.BackendProtocol{headroom.BackendHTTP1, headroom.BackendHTTP2}).Draw(t, "backendProtocol"),
		TLS:           headroom.TLS{MinVersion: "1.3", Clients: headroom.ClientCertificates{Mode: "none"}, ACME: headroom.ACME{Directory: "https://acme.example/dir"}},
		ProxyProtocol: headroom.ProxyProtocol{Accept: rapid.Bool().Draw(t, "accept"), Send: "v2"}, TrustedProxies: []string{"10.0.0.0/8"},
		Limits: headroom.Limits{Header: 8 << 10, HeaderFields: 50, Body: headroom.Bytes(rapid.Int64Range(0, 1<<40).Draw(t, "body")), BodyRate: 500,
			ConnectionsPerClient: 10, RequestsPerConnection: 100, StreamsPerConnection: 250},
		ServerTiming: rapid.Bool().Draw(t, "serverTiming"), TraceSampling: rapid.Float64Range(0, 1).Draw(t, "traces"),
		HealthCheck:     headroom.HealthCheck{Type: headroom.HealthCheckGRPC, Enabled: rapid.Bool().Draw(t, "check"), Interval: anyDuration(t, "interval"), Timeout: anyDuration(t, "timeout"), Path: "/" + anyWord(t, "path"), HealthyThreshold: 1, UnhealthyThreshold: 100},
		SessionAffinity: headroom.SessionAffinity{Type: "cookie", Cookie: headroom.CookieSettings{Path: "/", Secure: "auto", SameSite: "lax"}},
		CircuitBreaker:  headroom.CircuitBreaker{FailureThreshold: 7, RecoveryTimeout: anyDuration(t, "recovery"), MinimumRequests: 9, Probes: 2},
		Outliers:        headroom.OutlierDetection{LatencyFactor: 2.5, MaxEjectionPercent: rapid.IntRange(1, 100).Draw(t, "ejected")},
		SlowStart:       headroom.SlowStart{Window: headroom.Duration(time.Minute), Aggression: 1.5, MinPercent: 5},
		Retries:         headroom.Retries{Attempts: 2, On: []headroom.RetryCondition{headroom.RetryReset}, Statuses: []int{503}, PerTryTimeout: headroom.Duration(time.Second)},
		Hedging:         headroom.Hedging{Enabled: rapid.Bool().Draw(t, "hedging"), Percentile: 99, MinDelay: headroom.Duration(time.Second)},
		Overload: headroom.Overload{MaxRequests: 7, Adaptive: headroom.AdaptiveLimit{MinLimit: 3, MaxLimit: 5, Tolerance: 2},
			Priorities: headroom.RequestPriorities{Header: "X-Class", Classes: []headroom.RequestPriority{{Name: "low", Percent: 3}}}},
		Timeouts: headroom.Timeouts{Connect: anyDuration(t, "c"), Response: anyDuration(t, "r"), Header: anyDuration(t, "h"), Idle: anyDuration(t, "i"), Tunnel: anyDuration(t, "u"), Request: anyDuration(t, "q")},
		Hold:     headroom.Hold{Timeout: 1, Saturated: 2, MaxRequests: 3, MaxBytes: 4, Release: 5},
		Split:    headroom.Split{By: headroom.SplitByClient}, Mirror: headroom.Mirror{Percent: 7, MaxInFlight: 3},
		Hash:       headroom.Hash{Fallback: headroom.FallbackIP, LoadFactor: rapid.Float64Range(1.05, 100).Draw(t, "factor")},
		Geographic: headroom.GeographicSettings{Within: headroom.Adaptive}, PanicThreshold: rapid.Float64Range(0, 100).Draw(t, "ignore"),
		MaxConnections: rapid.IntRange(1, 1e6).Draw(t, "connections"), DrainTimeout: anyDuration(t, "drain"),
	}
	if rapid.Bool().Draw(t, "hosts") {
		l.Hosts = []string{"a.example", strings.ToLower(anyWord(t, "host")) + ".example.com"}
	}
	if rapid.Bool().Draw(t, "tls") {
		l.TLS.Certificates = []headroom.Certificate{{Certificate: "/" + anyWord(t, "certificate"), Key: "/" + anyWord(t, "key")}}
	}
	// Names and texts of the defaults come to every service, so that one without them cannot be loaded.
	if port != 9000 && rapid.Bool().Draw(t, "traffic") {
		l.ResponseHeaders = anyEdits(t)
		l.Compression = headroom.Compression{Enabled: true, Algorithms: []string{"br"}, MinSize: 7, Types: []string{"text/*"}}
		l.ErrorPages = map[string]string{"503": "/" + anyWord(t, "page"), "4xx": "/" + anyWord(t, "other")}
		l.Routes = []headroom.Route{
			{Path: "/" + anyWord(t, "route"), Rewrite: "/" + anyWord(t, "rewrite"), Redirect: headroom.Redirect{Status: 308}, RequestHeaders: anyEdits(t),
				Timeouts: headroom.RouteTimeouts{Response: anyDuration(t, "rr")}, MaxBody: 1},
			{Path: "/", Exact: true, Redirect: headroom.Redirect{To: "https://{host}/home{path}", Status: 301}},
			{Regexp: "/[a-z]+/" + anyWord(t, "regexp"), Redirect: headroom.Redirect{Status: 308}, Hosts: []string{"*.example"}, Methods: []string{"GET"},
				Headers: map[string]string{"X-" + anyWord(t, "h"): anyWord(t, "v")}, Query: map[string]string{anyWord(t, "p"): "*"}},
		}
	}
	return l
}

func anyEdits(t *rapid.T) headroom.HeaderEdits {
	value := strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, anyText(t, "field"))
	return headroom.HeaderEdits{Remove: []string{"X-" + anyWord(t, "removed")}, Set: map[string]string{"X-" + anyWord(t, "set"): value}}
}

func anyDuration(t *rapid.T, label string) headroom.Duration {
	return headroom.Duration(rapid.Int64Range(1, int64(90*24*time.Hour)).Draw(t, label))
}

// anyText draws text with everything that YAML, variables and quoting could trip over, but no control characters
// that no config may hold.
func anyText(t *rapid.T, label string) string {
	pieces := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "Z", "0", " ", "$", "${X}", "$$", "\"", "'", "\\", ": ", "#", "-", "{", "}", "[", "]", ",", "&", "*", "!",
		"|", ">", "%", "@", "`", "~", "\n", "\t", "\r\n", "ä", "😀", "\u2028", "\u0085", "\u00a0", "true", "null", "1e3", "{{port}}", "?", "="}), 0, 6)
	return strings.Join(pieces.Draw(t, label), "")
}

func anyWord(t *rapid.T, label string) string {
	return rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9]{0,6}`).Draw(t, label)
}
