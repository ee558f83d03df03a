package health

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestAnswersAreHeldToStatusBodyAndFields(t *testing.T) {
	type check = headroom.HealthCheck
	for _, c := range []struct {
		name     string
		check    check
		status   int
		expected string // in the error; empty: healthy
	}{
		{"a status in a range", check{Statuses: []string{"204", "400-404"}}, 404, ""},
		{"a status in none", check{Statuses: []string{"204", "400-404"}}, 200, "expected a status of 204, 400-404"},
		{"text in the body", check{BodyContains: "all is well"}, 200, ""},
		{"text that is not in the body", check{BodyContains: "all is good"}, 200, `answered 200 "so far all is well"; expected "all is good" in the body`},
		{"the body of a status that is not healthy is not looked at", check{BodyContains: "all is well"}, 500, "expected 200 to 399"},
		{"a pattern", check{BodyMatches: `^so .* w(e)ll$`}, 200, ""},
		{"a pattern that does not match", check{BodyMatches: `^all`}, 200, `expected a body that matches "^all"`},
		{"a field", check{Headers: map[string]string{"x-state": "read"}}, 200, ""},
		{"any value of a field", check{Headers: map[string]string{"X-State": ""}}, 200, ""},
		{"another value", check{Headers: map[string]string{"X-State": "cold"}}, 200, `expected "cold" in the field X-State, which is "ready, warm"`},
		{"no field", check{Headers: map[string]string{"X-Other": ""}}, 200, "expected the field X-Other"},
	} {
		for _, http2 := range []bool{false, true} {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["X-State"] = []string{"ready", "warm"}
				w.WriteHeader(c.status)
				io.WriteString(w, "so far all is well")
			}))
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetHTTP1(!http2)
			server.Config.Protocols.SetUnencryptedHTTP2(http2)
			server.Start()
			c.check.Enabled, c.check.Timeout, c.check.Path = true, headroom.Duration(10*time.Second), "/"
			err := Target{Address: server.Listener.Addr().String(), Check: c.check, HTTP2: http2}.Probe(context.Background())
			server.Close()
			switch {
			case c.expected == "" && err != nil:
				t.Errorf("%s, HTTP/2 %v: %v", c.name, http2, err)
			case c.expected != "" && (err == nil || !strings.Contains(err.Error(), c.expected)):
				t.Errorf("%s, HTTP/2 %v: got %v, want %s", c.name, http2, err, c.expected)
			}
		}
	}
}

func TestACommandIsHealthyWhenItEndsWithZero(t *testing.T) {
	file := filepath.Join(t.TempDir(), "asked")
	for _, c := range []struct {
		name     string
		script   string
		timeout  time.Duration
		expected string
	}{
		{"zero", `printf '%s %s %s' "$1" "$2" "$HEADROOM_BACKEND" >` + file, time.Minute, ""},
		{"three", `echo "cannot reach the database" >&2; exit 3`, time.Minute, `sh: exit status 3 "cannot reach the database"`},
		{"too slow, with a child that holds its output", `sleep 60 & sleep 60`, 100 * time.Millisecond, "no answer within the timeout of 100ms"},
		{"much output", `yes | head -c 100000; exit 1`, time.Minute, "exit status 1"},
	} {
		check := headroom.HealthCheck{Enabled: true, Type: headroom.HealthCheckCommand, Timeout: headroom.Duration(c.timeout),
			Command: []string{"sh", "-c", c.script, "check", "{{host}}", "port={{port}}"}}
		err := Target{ID: "shop-1", Address: "[::1]:8080", Check: check}.Probe(context.Background())
		if c.expected == "" && err != nil || c.expected != "" && (err == nil || !strings.Contains(err.Error(), c.expected)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.expected)
		}
	}
	if asked, _ := os.ReadFile(file); string(asked) != "::1 port=8080 shop-1" {
		t.Errorf("the program was told %q", asked)
	}
}
