package input

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
	"headroom.dev/headroom/test/system"
)

// succeeded runs a command line that must succeed.
func succeeded(t *testing.T, s *system.System, args ...string) string {
	t.Helper()
	stdout, stderr, code := s.Command(args...)
	if code != 0 {
		t.Fatalf("headroom %q: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

// A decision of a running headroom is a question that the command line and the API answer the same.
func TestADecisionIsMadeAgainFromWhatItShows(t *testing.T) {
	t.Parallel()
	s, _ := startTwo(t)
	succeeded(t, s, "scale", "shop", "4", "--for", "1h", "--reason", "a test", "--wait")
	made := decoded[headroom.Decision](t, succeeded(t, s, "explain", "shop", "-o", "json"))
	question, err := json.Marshal(scaling.Question{Policy: made.Policy, Observation: made.Observation, State: made.State})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.Dir, "question.json")
	if err := os.WriteFile(file, question, 0o600); err != nil {
		t.Fatal(err)
	}
	here := decoded[scaling.Answer](t, succeeded(t, s, "decide", file, "-o", "json"))
	there := decoded[scaling.Answer](t, string(send(t, s, "POST", "/api/scaling/decide", string(question)).body))
	for where, answer := range map[string]scaling.Answer{"on the command line": here, "through the API": there} {
		if d := answer.Decision; d.To != 4 || d.Code != headroom.CodeManual || d.Reason != made.Reason || answer.State.Wanted != 4 {
			t.Errorf("%s: to %d, %s, %s; it was made to %d, %s, %s", where, d.To, d.Code, d.Reason, made.To, made.Code, made.Reason)
		}
	}
}

func TestWhyAndWhyNotLookBackOverARestart(t *testing.T) {
	t.Parallel()
	s, first := startTwo(t)
	succeeded(t, s, "scale", "shop", "4", "--for", "1h", "--reason", "a test", "--wait")
	first.Kill()
	s.Run()
	awaitDecisions(t, s, 1)
	for command, says := range map[string]string{
		"why 4":                 "shop: from 2 to 4 replicas (manual)",
		"why 4 shop":            `for "a test"`,
		"why-not 2 shop":        "4 replicas rather than 2",
		"why-not 20":            "what it would take",
		"explain shop --at 1ms": "shop: ",
		"explain --at 0s":       "Result",
		"explain shop --at 2s":  "shop",
		"why 4 --at 1s shop":    "from 2 to 4",
	} {
		if out := succeeded(t, s, strings.Fields(command)...); !strings.Contains(out, says) {
			t.Errorf("headroom %s does not say %q:\n%s", command, says, out)
		}
	}
	_, stderr, code := s.Command("explain", "shop", "--at", "2020-01-01 00:00")
	if code != 1 || !strings.Contains(stderr, "there is no decision of shop until") {
		t.Errorf("before there was anything: exit code %d, %s", code, stderr)
	}
}

func TestAShadowIsKeptOverARestartAndDecidesNothingUntilItIsNone(t *testing.T) {
	t.Parallel()
	s, first := startTwo(t)
	file := filepath.Join(s.Dir, "ahead.yaml")
	if err := os.WriteFile(file, []byte("shadow: true\nrule: {when: 'true', replicas: '4'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	succeeded(t, s, "policies", "add", "shop", "ahead", "--file", file)
	first.Kill()
	s.Run()
	awaitDecisions(t, s, 2)
	status, err := s.Status("shop")
	if err != nil || status.DesiredReplicas != 2 {
		t.Fatalf("with a shadow that asks for 4: %+v, %v", status, err)
	}
	if out := succeeded(t, s, "explain", "shop", "--at", "0s"); !strings.Contains(out, "4 replicas (shadow: it decides nothing)") {
		t.Errorf("the explanation does not show what the shadow asks for:\n%s", out)
	}
	succeeded(t, s, "policies", "set", "shop.ahead", "--shadow=false")
	s.WaitReplicas("shop", 4, 10*time.Second)
	succeeded(t, s, "policies", "remove", "shop.ahead")
	if out := succeeded(t, s, "policies", "list"); !strings.Contains(out, "no policies") {
		t.Errorf("after its removal: %s", out)
	}
}
