package input

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/test/system"
)

// The two documents that users bring along. They must load exactly as they stand.
const (
	scalingDocument = `{"scaling":{"enabled":true,"minReplicas":2,"maxReplicas":10,"targetCPUUtilization":70,"targetMemoryUtilization":80,
  "scaleUpCooldown":"3m","scaleDownCooldown":"5m",
  "policies":[{"name":"cpu-scaling","metric":"cpu","threshold":70,"action":"scale-up"}]}}
`
	balancingDocument = `{"loadBalancing":{"algorithm":"least-connections",
  "healthCheck":{"enabled":true,"interval":"30s","timeout":"5s","path":"/health"},
  "sessionAffinity":{"enabled":false,"type":"cookie"},
  "circuitBreaker":{"enabled":true,"failureThreshold":5,"recoveryTimeout":"30s"}}}
`
)

// document writes a file beside the config file and returns its path.
func document(t *testing.T, s *system.System, name, content string) string {
	t.Helper()
	path := filepath.Join(s.Dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheTwoDocumentsAreValidAloneTogetherAndMergedIntoOne(t *testing.T) {
	t.Parallel()
	s := system.New(t, twoReplicas)
	scaling, balancing := document(t, s, "scaling.json", scalingDocument), document(t, s, "balancing.json", balancingDocument)
	merged := document(t, s, "merged.json", strings.TrimSuffix(scalingDocument, "}\n")+","+strings.TrimPrefix(balancingDocument, "{"))
	following := document(t, s, "following.json", scalingDocument+balancingDocument)
	for _, files := range [][]string{{scaling}, {balancing}, {scaling, balancing}, {balancing, scaling}, {merged}, {following}} {
		args := []string{"validate"}
		for _, file := range files {
			args = append(args, "-c", file)
		}
		stdout, stderr, code := s.Command(args...)
		if code != 0 || !strings.HasPrefix(stdout, "OK: ") {
			t.Errorf("headroom %q: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

func TestConfigShowSaysInWhichFileEachValueStands(t *testing.T) {
	t.Parallel()
	s := system.New(t, twoReplicas)
	stdout, stderr, code := s.Command("config", "show", "--origin", "-o", "json", "-c", document(t, s, "scaling.json", scalingDocument),
		"-c", document(t, s, "balancing.json", balancingDocument), "-c", s.ConfigFile())
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var origins map[string]struct{ Value, Source string }
	if err := json.Unmarshal([]byte(stdout), &origins); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	for path, want := range map[string]struct{ value, source string }{
		"services.shop.scaling.targetCPUUtilization":         {"70", "scaling.json:1"},
		"services.shop.scaling.scaleDownCooldown":            {"5m", "scaling.json:2"},
		"services.shop.scaling.policies[0].metric":           {"cpu", "scaling.json:3"},
		"services.shop.scaling.maxReplicas":                  {"4", "headroom.yaml:10"}, // the service's own
		"services.shop.loadBalancing.healthCheck.interval":   {"30s", "balancing.json:2"},
		"services.shop.loadBalancing.sessionAffinity.type":   {"cookie", "balancing.json:3"},
		"services.shop.loadBalancing.circuitBreaker.enabled": {"true", "balancing.json:4"},
		"services.shop.scaling.tolerance":                    {"0.1", "default"},
	} {
		got, there := origins[path]
		if !there || got.Value != want.value || !strings.Contains(got.Source, want.source) {
			t.Errorf("%s is %+v, expected %+v", path, got, want)
		}
	}
}

func TestAServiceRunsWithTheTwoDocumentsApartAsItsDefaults(t *testing.T) {
	t.Parallel()
	s := system.New(t, "api: {listen: API}\nservices:\n  shop:\n    run:\n      command: SHOP --port {{port}}\n      ports: PORTS\n    loadBalancing: {listen: TRAFFIC}\n")
	p := s.Start("run", "-c", document(t, s, "scaling.json", scalingDocument), "-c", document(t, s, "balancing.json", balancingDocument))
	s.WaitReady(p)
	s.WaitReplicas("shop", 2, 20*time.Second)
	status, err := s.Status("shop")
	if err != nil {
		t.Fatal(err)
	}
	if status.MinReplicas != 2 || status.MaxReplicas != 10 || status.Scaling.TargetCPUUtilization != 70 || status.Scaling.TargetMemoryUtilization != 80 ||
		status.Scaling.ScaleUpCooldown.String() != "3m" || status.Scaling.ScaleDownCooldown.String() != "5m" {
		t.Errorf("the service is scaled by %+v", status.Scaling)
	}
	var answer struct {
		Policies []struct{ ID, Metric string }
	}
	if err := s.Get("/api/scaling/policies", &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Policies) != 1 || answer.Policies[0].ID != "shop.cpu-scaling" || answer.Policies[0].Metric != "cpu" {
		t.Errorf("policies %+v", answer.Policies)
	}
	undisturbed(t, s, func() {})
}
