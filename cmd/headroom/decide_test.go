package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/scaling"
)

// writeQuestion writes a question of two replicas that use 184 % of a processor, and another policy.
func writeQuestion(t *testing.T, policy string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "question.yaml")
	text := "policy: " + policy + `
observation:
  service: shop
  at: 2026-01-31T12:00:00Z
  replicas: {ready: 2, starting: 0, synced: true}
  signals:
    cpu:
      fast: {total: 184, measured: 2, replicas: 2}
      stable: {total: 184, measured: 2, replicas: 2}
state: {wanted: 2}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAPolicyDecidesWithoutAnythingThatRuns(t *testing.T) {
	file := writeQuestion(t, "{targetCPUUtilization: 70}")
	r := cli{}.run(t, "decide", file)
	// 184 % / 70 % = 2.63 needs 3; the fourth replica comes beyond 3 * 70 % = 210 %.
	for _, says := range []string{"shop: from 2 to 3 replicas (scale-up)", "4 replicas with cpu above 210 % in all"} {
		if r.code != 0 || !strings.Contains(r.out, says) {
			t.Errorf("exit code %d, errors %q, output without %q:\n%s", r.code, r.errOut, says, r.out)
		}
	}
	r = cli{}.run(t, "decide", file, "-o", "json")
	var answer scaling.Answer
	if err := json.Unmarshal([]byte(r.out), &answer); err != nil || answer.Decision.To != 3 || answer.State.Wanted != 3 {
		t.Errorf("%v: answered %s", err, r.out)
	}
	if again := (cli{}).run(t, "decide", file, "-o", "json"); again.out != r.out {
		t.Errorf("the same question is answered by\n%s\nand\n%s", r.out, again.out)
	}
}

func TestAnAutoscalerOfKubernetesDecides(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"hpa.yaml": `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  minReplicas: 1
  maxReplicas: 10
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}
`,
		"case.yaml": `observation:
  {service: shop, at: "2026-01-31T12:00:00Z", replicas: {ready: 2, starting: 0, synced: true},
   signals: {cpu: {fast: {perReplica: 90, total: 180, measured: 2, replicas: 2}, stable: {perReplica: 90, total: 180, measured: 2, replicas: 2}}}}
state: {wanted: 2}
`,
		"both.yaml": "policy: {maxReplicas: 3}\nobservation: {service: shop}\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// ceil(2 * 90 / 50) = 4, as in the documentation of Kubernetes.
	r := cli{}.run(t, "decide", "--kubernetes", filepath.Join(dir, "hpa.yaml"), filepath.Join(dir, "case.yaml"))
	if r.code != 0 || !strings.HasPrefix(r.out, "shop: from 2 to 4 replicas") {
		t.Errorf("exit code %d, errors %q, output:\n%s", r.code, r.errOut, r.out)
	}
	r = cli{}.run(t, "decide", "--kubernetes", filepath.Join(dir, "hpa.yaml"), filepath.Join(dir, "both.yaml"))
	if r.code != 1 || !strings.Contains(r.errOut, "policy: there is no such field") {
		t.Errorf("a policy of its own: exit code %d, errors %q", r.code, r.errOut)
	}
}

func TestAPolicyThatIsWrongIsToldWithItsPlace(t *testing.T) {
	for policy, says := range map[string]string{
		"{maxReplica: 3}": `question.yaml:1:10: policy.maxReplica: there is no such field; did you mean "maxReplicas"?`,
		"{policies: [{name: a, rule: {when: 'true &&', replicas: '3'}}]}": "policy.policies[0].rule.when: ",
		"{minReplicas: 5, maxReplicas: 4}":                                "policy.maxReplicas: 4: must be at least minReplicas, which is 5",
	} {
		r := cli{}.run(t, "decide", writeQuestion(t, policy))
		if r.code != 1 || r.out != "" || !strings.Contains(r.errOut, says) {
			t.Errorf("%s: exit code %d, output %q, errors without %q:\n%s", policy, r.code, r.out, says, r.errOut)
		}
	}
}

func TestTimesAreReadAsPeopleSayThem(t *testing.T) {
	// It is 12:00 on May 4.
	for text, want := range map[string]string{
		"2026-05-04T10:00:00Z": "2026-05-04T10:00:00Z",
		"10m ago":              "2026-05-04T11:50:00Z",
		"10m":                  "2026-05-04T11:50:00Z",
		"2d ago":               "2026-05-02T12:00:00Z",
		"11:58":                "2026-05-04T11:58:00Z",
		"12:34":                "2026-05-03T12:34:00Z", // today's has not been yet
		"11:58:03":             "2026-05-04T11:58:03.999999999Z",
		"2026-05-01 08:00":     "2026-05-01T08:00:00Z",
		"2026-05-01 08:00:07":  "2026-05-01T08:00:07.999999999Z",
	} {
		at, err := readAt(text, testNow)
		if err != nil || at.Format(time.RFC3339Nano) != want {
			t.Errorf("%s is %v, %v; expected %s", text, at, err, want)
		}
	}
	for _, text := range []string{"noon", "ago", "25:00", "-3m", "2026-02-30 08:00"} {
		if at, err := readAt(text, testNow); err == nil {
			t.Errorf("%s is %v", text, at)
		}
	}
}

func TestWhySomethingIsAndWhyNotSomethingElse(t *testing.T) {
	api := newFakeAPI(t)
	for command, want := range map[string]string{
		"why 5":                "came to 5\n",
		"why 5 shop":           "came to 5\n",
		"why 3 shop":           "shop has 5 replicas now (headroom why-not 3 shop says why); this is the last time that it came to 3.\n\ncame to 3\n",
		"why-not 20 shop":      "not 20\n",
		"explain shop --at 5m": "in force at 2026-05-04T11:55:00Z\n",
		"explain --at 11:55":   "in force at 2026-05-04T11:55:00Z\n",
	} {
		r := cli{environment: api.environment()}.run(t, strings.Fields(command)...)
		if r.code != 0 || r.out != want {
			t.Errorf("%s: exit code %d, errors %q, output %q, expected %q", command, r.code, r.errOut, r.out, want)
		}
	}
	for command, want := range map[string]string{
		"why 4 shop":             "headroom: shop has 5 replicas, and no decision that is kept came to 4\nhint: headroom why-not 4 shop\n",
		"why 4 shpo":             "headroom: there is no service \"shpo\"; there is legacy, shop\nhint: did you mean \"shop\"?\n",
		"why-not four":           "headroom: four: expected a number of replicas, 0 to 1000\nhint: headroom why 4 shop\n",
		"explain shop --at noon": "headroom: --at noon: expected a time such as 2026-01-31T12:00:00Z, 12:34 or 10m ago\n",
	} {
		if r := (cli{environment: api.environment()}).run(t, strings.Fields(command)...); r.code == 0 || r.errOut != want {
			t.Errorf("%s: exit code %d, errors %q, expected %q", command, r.code, r.errOut, want)
		}
	}
}
