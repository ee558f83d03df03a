package input

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/api"
	"headroom.dev/headroom/test/system"
)

// gated is a shop whose rules can only have fewer replicas than its target asks for, so that a rule can be too cheap.
const gated = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --latency 5ms", ports: PORTS}
    scaling: {minReplicas: 1, maxReplicas: 20, targetRequestsPerSecond: 50, combine: min}
    loadBalancing: {listen: TRAFFIC}
`

// shadowRow is a shadow that wants 6 where 1 is there, and did for some seconds.
var shadowRow = regexp.MustCompile(`(?m)^ahead +6 +1 +\d+s +[1-9]\d*s +[1-9]\d*s +\+\d\.\d\d -0\.00`)

// swinging is two hours between 100 and 500 requests/s, a point a minute.
func swinging() string {
	var b strings.Builder
	b.WriteString("time,value\n")
	for minute := 0; minute <= 120; minute++ {
		fmt.Fprintf(&b, "%d,%.1f\n", 1767225600+60*minute, 300-200*math.Cos(float64(minute)*math.Pi/30))
	}
	return b.String()
}

func TestAGateForCIRefusesWhatWouldBeWorseAndLetsTheRestThrough(t *testing.T) {
	t.Parallel()
	s := system.New(t, gated)
	s.Run()
	s.WaitReplicas("shop", 1, 20*time.Second)
	write := func(name, text string) string {
		path := filepath.Join(s.Dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	load := write("load.csv", swinging())
	cheap := write("cheap.yaml", "name: ceiling\nrule: {when: 'true', replicas: '3'}\n")
	plenty := write("plenty.yaml", "name: ceiling\nrule: {when: 'true', replicas: '15'}\n")

	// 3 replicas answer 3 * 50 / 0.7 = 214 requests/s, where up to 500 come.
	out, errOut, code := s.Command("policies", "apply", "shop", cheap, "--gate-load", load)
	if code != 4 || !strings.Contains(errOut, "requests would be outside the objective") || !strings.Contains(out, "in force") || !strings.Contains(out, "proposed") {
		t.Errorf("exit code %d, want 4\n%s\n%s", code, out, errOut)
	}
	expectPolicies(t, s)
	out, errOut, code = s.Command("policies", "apply", "shop", plenty, "--gate-load", load, "--dry-run")
	if code != 0 || !strings.HasPrefix(out, "dry run, nothing changed: shop.ceiling: ") {
		t.Errorf("exit code %d\n%s\n%s", code, out, errOut)
	}
	expectPolicies(t, s)
	if out, errOut, code = s.Command("policies", "apply", "shop", plenty, "--gate-load", load); code != 0 || !strings.Contains(out, "proposed") {
		t.Errorf("exit code %d\n%s\n%s", code, out, errOut)
	}
	expectPolicies(t, s, "shop.ceiling")
	shadow := write("shadow.yaml", "name: ahead\nshadow: true\nrule: {when: 'true', replicas: '6'}\n")
	if out, errOut, code = s.Command("policies", "apply", "shop", shadow); code != 0 {
		t.Errorf("exit code %d\n%s\n%s", code, out, errOut)
	}
	s.Eventually(20*time.Second, "the shadow is compared", func() error {
		out, _, _ := s.Command("status", "shop")
		if !shadowRow.MatchString(out) {
			return fmt.Errorf("status shows\n%s", out)
		}
		return nil
	})
	// The file replaces what there is, and saves what the ceiling of 3 would: what it may cost in requests is said.
	if out, errOut, code = s.Command("policies", "apply", "shop", cheap, "--gate-load", load, "--more-outside", "100", "-o", "json"); code != 0 {
		t.Errorf("exit code %d\n%s\n%s", code, out, errOut)
	}
	answer := decoded[api.PolicyAnswer](t, out)
	if answer.Rule == nil || answer.Rule.Replicas != "3" || answer.Gate == nil || answer.Gate.Proposed.ReplicaHours >= answer.Gate.Current.ReplicaHours {
		t.Errorf("the answer is %s", out)
	}
}

// What is asked of a gate with wrong input is refused, and the loop decides on meanwhile.
func TestWrongGatesAreRefusedAndLongOnesDelayNothing(t *testing.T) {
	t.Parallel()
	s := system.New(t, gated)
	s.Run()
	s.WaitReplicas("shop", 1, 20*time.Second)
	put := func(gate string) answer {
		return send(t, s, http.MethodPost, "/api/scaling/policies", `{"service": "shop", "name": "p", "rule": {"when": "true", "replicas": "15"}, "gate": `+gate+`}`)
	}
	undisturbed(t, s, func() {
		for gate, says := range map[string]string{
			`{}`:                       "exactly one of history",
			`"7d"`:                     "body.gate",
			`{"history": "1s"}`:        "1m to 31d",
			`{"history": "9999d"}`:     "1m to 31d",
			`{"history": "7d"}`:        "body.gate.history", // headroom has only begun
			`{"load": "no numbers"}`:   "load",
			`{"load": "0,1\n1e9,1"}`:   "31d",
			`{"load": "0,5\n100,-1"}`:  "0 or more",
			`{"load": "0,5\n100,NaN"}`: "0 or more",
			`{"load": "0,5\n100,5", "capacity": 1e-300, "serviceTime": "9h"}`: "service time",
			`{"load": "` + strings.Repeat("9", 1_000_000) + `"}`:              "load",
		} {
			put(gate).refused(t, "gate "+gate[:min(len(gate), 60)], says)
		}
		if a := put(`{"load": "` + strings.Repeat("0,1 ", 1<<18) + `"}`); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("a load of more than 1 MiB: %d", a.status)
		}
		// The longest loads that there may be take many seconds of a core, while a decision is made each second. Once their clients have gone, the next has its turn.
		ctx, leave := context.WithCancel(t.Context())
		gone := make(chan error, 3)
		for i := range cap(gone) {
			long := fmt.Sprintf(`{"service": "shop", "name": "long%d", "rule": {"when": "true", "replicas": "15"}, "gate": {"load": "0,500\n%d,500"}}`, i, 31*24*3600)
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.API+"/api/scaling/policies?dryRun=true", strings.NewReader(long))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			go func() {
				_, err := http.DefaultClient.Do(request)
				gone <- err
			}()
		}
		awaitDecisions(t, s, 3)
		leave()
		left := 0
		for range cap(gone) {
			if errors.Is(<-gone, context.Canceled) {
				left++
			}
		}
		if left == 0 {
			t.Error("three backtests of a month were answered within three decisions")
		}
		if a := put(`{"load": "0,100\n600,100"}`); a.status != http.StatusCreated {
			t.Errorf("the next: %d %s", a.status, a.body)
		}
		expectPolicies(t, s, "shop.p")
	})
}

func expectPolicies(t *testing.T, s *system.System, want ...string) {
	t.Helper()
	var list api.PolicyList
	if err := s.Get("/api/scaling/policies", &list); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, policy := range list.Policies {
		ids = append(ids, policy.ID)
	}
	if strings.Join(ids, " ") != strings.Join(want, " ") {
		t.Errorf("the policies are %v, want %v", ids, want)
	}
}
