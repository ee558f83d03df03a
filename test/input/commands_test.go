package input

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestEveryCommandThatShowsSomethingSaysItInJSONToo(t *testing.T) {
	t.Parallel()
	s, _ := startTwo(t)
	for _, args := range [][]string{
		{"scale", "shop", "3", "--for", "1h", "--reason", "a test", "--wait", "-o", "json"},
		{"policies", "add", "shop", "guard", "--metric", "cpu", "--threshold", "99", "-o", "json"},
		{"backends", "set", "shop-1", "--weight", "2", "-o", "json"},
	} {
		stdout, stderr, code := s.Command(args...)
		if code != 0 || !json.Valid([]byte(stdout)) {
			t.Fatalf("headroom %q: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
	for command, says := range map[string]string{
		"status":            `"desiredReplicas": 3`,
		"status shop":       `"readyReplicas": 3`,
		"explain":           `"reason":`,
		"explain shop":      "a test",
		"decisions":         `"code": "manual"`,
		"policies":          `"id": "shop.guard"`,
		"policies list":     `"threshold": 99`,
		"backends":          `"id": "shop-3"`,
		"backends list":     `"weight": 2`,
		"config show":       `"maxReplicas": 4`,
		"validate":          `"valid": true`,
		"schema":            `"$schema":`,
		"version":           `"version":`,
		"events":            `"type": "replica-ready"`,
		"events --kind all": `"kind": "operation"`,
		"logs shop":         `"replica":"shop-1"`,
	} {
		args := append(strings.Fields(command), "-o", "json")
		stdout, stderr, code := s.Command(args...)
		if code != 0 || stderr != "" {
			t.Errorf("headroom %s -o json: exit code %d, %s", command, code, stderr)
		}
		decoder, values := json.NewDecoder(strings.NewReader(stdout)), 0
		for decoder.More() {
			var value any
			if err := decoder.Decode(&value); err != nil {
				t.Errorf("headroom %s -o json: %v in\n%s", command, err, stdout)
				break
			}
			values++
		}
		if values == 0 || !strings.Contains(stdout, says) {
			t.Errorf("headroom %s -o json: %d values, and should say %s:\n%s", command, values, says, stdout)
		}
	}

	explained, _, code := s.Command("explain", "shop")
	if code != 0 {
		t.Errorf("explain: exit code %d", code)
	}
	contains(t, explained, "shop", "2", "3", "a test")
	if sentences := regexp.MustCompile(`[a-z ]+ [0-9]+ replicas?`).FindAllString(explained, -1); len(sentences) == 0 {
		t.Errorf("explain has no sentence with numbers:\n%s", explained)
	}
}

func TestTheExitCodeTellsSuccessFailureMisuseAndALateEndApart(t *testing.T) {
	t.Parallel()
	s, _ := startTwo(t)
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"status"}, 0},
		{[]string{"version"}, 0},
		{[]string{"--help"}, 0},
		{[]string{"status", "nothing"}, 1},
		{[]string{"status", "--frobnicate"}, 2},
		{[]string{"frobnicate"}, 2},
		{[]string{"scale", "shop", "4", "--wait", "--timeout", "1ms"}, 3},
	} {
		if _, stderr, code := s.Command(c.args...); code != c.code {
			t.Errorf("headroom %q: exit code %d, expected %d: %s", c.args, code, c.code, stderr)
		}
	}
	s.WaitReplicas("shop", 4, 20*time.Second) // the order stands, though nobody waited
}
