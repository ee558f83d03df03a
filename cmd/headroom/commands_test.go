package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTablesAndSentences holds what commands print, and what they ask the API to change.
func TestTablesAndSentences(t *testing.T) {
	for _, c := range []struct {
		args    []string
		out     string
		request string // the one that changes something
	}{
		{
			args: []string{"decisions"},
			out: `TIME                  ID       SERVICE  FROM  TO  CODE           REASON
11:56:00 to 11:56:17  shop-d1  shop        2   2  18 × scale-up  cpu is at 91 % of the 70 % aimed at
11:56:00              shop-d2  shop        2   5  scale-up       cpu is at 91 % of the 70 % aimed at
`,
		},
		{
			args: []string{"policies"},
			out: `ID                SERVICE  KIND       SOURCE  WHAT IT DOES
shop.cpu-scaling  shop     threshold  api     add 2 replicas while cpu is above 70%
`,
		},
		{
			args: []string{"backends", "list", "--service", "shop"},
			out: `ID      SERVICE  ADDRESS          WEIGHT  STATE   SOURCE   HEALTH   BREAKER  REQUESTS/S  IN FLIGHT    P95  LAST FAILURE
shop-1  shop     127.0.0.1:20001       1  active  replica  healthy  closed         41.0          3  250ms  -
shop-2  shop     127.0.0.1:20001       1  active  replica  unknown  closed            ?          ?      -  -
`,
		},
		{
			args:    []string{"policies", "add", "shop", "cpu-scaling", "--metric", "cpu", "--threshold", "70", "--step", "2"},
			out:     "shop.cpu-scaling: add 2 replicas while cpu is above 70%\n",
			request: `POST /api/scaling/policies {"service":"shop","name":"cpu-scaling","metric":"cpu","threshold":70,"action":"scale-up","step":2}`,
		},
		{
			args:    []string{"policies", "set", "shop.cpu-scaling", "--threshold", "60", "--dry-run"},
			out:     "dry run, nothing changed: shop.cpu-scaling: add 2 replicas while cpu is above 70%\n",
			request: `PUT /api/scaling/policies/shop.cpu-scaling?dryRun=true {"name":"cpu-scaling","metric":"cpu","threshold":60,"action":"scale-up","step":2}`,
		},
		{
			args:    []string{"backends", "add", "shop", "127.0.0.1:9001", "--weight", "2"},
			out:     "shop-api-1 of shop at 127.0.0.1:20001: active, weight 1\n",
			request: `POST /api/balancer/backends {"service":"shop","address":"127.0.0.1:9001","weight":2}`,
		},
		{
			args:    []string{"backends", "set", "shop-1", "--weight", "0"},
			out:     "shop-1 of shop at 127.0.0.1:20001: active, weight 1\n",
			request: `PUT /api/balancer/backends/shop-1 {"weight":0}`,
		},
		{
			args:    []string{"backends", "drain", "shop-1"},
			out:     "shop-1 of shop at 127.0.0.1:20001: active, weight 1\n",
			request: `PUT /api/balancer/backends/shop-1 {"state":"draining"}`,
		},
		{
			args:    []string{"backends", "undrain", "shop-1", "--why", "repaired"},
			out:     "shop-1 of shop at 127.0.0.1:20001: active, weight 1\n",
			request: `PUT /api/balancer/backends/shop-1?reason=repaired {"state":"active"}`,
		},
		{
			args: []string{"split", "shop"},
			out: `VARIANT  WEIGHT  SHARE  REQUESTS/S  ALSO GETS
shop         90    90%       362.0  -
shop-v2      10    10%           ?  X-Beta: *

by cookie, changed through the API, version 8c7dd922ad47494f
`,
		},
		{
			args:    []string{"split", "shop", "shop=90", "shop-v2=10", "--why", "it is well", "--dry-run"},
			out:     "dry run, nothing changed: shop: by cookie: shop 90, shop-v2 10\n",
			request: `PUT /api/balancer/splits/shop?dryRun=true&reason=it+is+well {"weights":{"shop":90,"shop-v2":10}}`,
		},
		{
			args:    []string{"split", "shop", "--reset"},
			out:     "shop is as in the config file again\n",
			request: `DELETE /api/balancer/splits/shop`,
		},
		{
			args: []string{"routes", "shop"},
			out: `PATH            ONLY FOR  SERVICE  THEN
/api/           GET       -        rewrite to /v2/
=/docs          -         -        redirect 301 to /docs/
~/users/[0-9]+  ?full=1   users    -

3 routes of shop, of the config file, version 0b1cb44b3ab1d2f5
`,
		},
		{
			args:    []string{"backends", "remove", "shop-1"},
			out:     "shop-1 is drained and then removed\n",
			request: `DELETE /api/balancer/backends/shop-1`,
		},
		{
			args:    []string{"scale", "shop", "5", "--for", "10m", "--reason", "sale"},
			out:     "shop: 5 replicas wanted, from 2\n",
			request: `POST /api/scaling/scale {"service":"shop","replicas":5,"for":"10m","reason":"sale"}`,
		},
		{args: []string{"explain"}, out: "Decision shop-d2: shop goes from 2 to 5.\n"},
		{args: []string{"explain", "shop"}, out: "Decision shop-d2: shop goes from 2 to 5.\n"},
		{args: []string{"explain", "shop-d1"}, out: "Decision shop-d1: shop goes from 2 to 5.\n"},
		{
			args: []string{"events", "--kind", "event,decision,operation"},
			out: `12:00:00   shop has 5 ready replicas.
12:00:00 ! shop-6 exited.
12:00:00 x shop: grow of shop-3 failed: no such file
`,
		},
		{args: []string{"logs", "shop/shop-1"}, out: "listening as shop-1\n"},
		{args: []string{"logs", "shop"}, out: "shop-1 | listening as shop-1\nshop-2 | listening as shop-2\n"},
		{
			args: []string{"alerts"},
			out: `ALERT           STATE   SEVERITY  SINCE  VALUE  LABELS                      SUMMARY
HighErrorShare  firing  critical     3m   0.05  code="503", service="shop"  too many requests fail
`,
		},
		{
			args: []string{"alerts", "--rules"},
			out: `RULE            SEVERITY  FOR  EXPRESSION
HighErrorShare  critical   1m  headroom_failed_share > 0.01
`,
		},
		{
			args: []string{"sla"},
			out: `SERVICE  MET  OBJECTIVE  AVAILABILITY  BUDGET LEFT  BURN 1H  REQUESTS  FAILED  COVERED
legacy   ?          99%             ?            ?        ?         0       0       0%
shop     yes      99.9%        99.94%          40%     2.0x    100000      60      50%

legacy: nothing is known yet
shop: 99.94 % of 100000 requests did not fail
`,
		},
		{args: []string{"stop"}, out: "headroom has stopped\n", request: "POST /api/stop"},
		{args: []string{"stop", "--dry-run"}, out: "dry run, nothing changed: headroom and its replicas would stop\n", request: "POST /api/stop?dryRun=true"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			api := newFakeAPI(t)
			r := cli{environment: api.environment()}.run(t, c.args...)
			if r.code != 0 || r.out != c.out {
				t.Errorf("exit code %d, errors %q, output\n%s\nwant\n%s", r.code, r.errOut, r.out, c.out)
			}
			if got := strings.Join(api.changes(), "\n"); got != c.request {
				t.Errorf("it asked for\n%s\nwant\n%s", got, c.request)
			}
		})
	}
}

func TestNamesThatThereAreNotGetTheNearest(t *testing.T) {
	for _, c := range []struct{ args, message, hint string }{
		{"status shpo", `there is no service "shpo"`, `did you mean "shop"?`},
		{"scale shpo 3", `there is no service "shpo"`, `did you mean "shop"?`},
		{"policies list --service shpo", `there is no service "shpo"`, `did you mean "shop"?`},
		{"decisions --service shpo", `there is no service "shpo"`, `did you mean "shop"?`},
		{"backends add shpo 127.0.0.1:9001", `there is no service "shpo"`, `did you mean "shop"?`},
		{"backends drain shop-11", `there is no backend "shop-11"`, `did you mean "shop-1"?`},
		{"policies set shop.cpu-scalin --step 2", `there is no policy "shop.cpu-scalin"`, `did you mean "shop.cpu-scaling"?`},
		{"logs shop/shop-11", `there is no replica "shop-11"`, `did you mean "shop-1"?`},
		{"logs nothing-alike", `there is no service "nothing-alike"`, "there is legacy, shop"},
		{"explain shpo", `there is no decision "shpo"`, `did you mean "shop"?`},
	} {
		t.Run(c.args, func(t *testing.T) {
			api := newFakeAPI(t)
			r := cli{environment: api.environment()}.run(t, strings.Fields(c.args)...)
			if r.code != 1 || !strings.HasPrefix(r.errOut, "headroom: "+c.message) || !strings.HasSuffix(r.errOut, "\nhint: "+c.hint+"\n") {
				t.Errorf("exit code %d, errors\n%s\nwant 1, %s, hint %s", r.code, r.errOut, c.message, c.hint)
			}
		})
	}
}

func TestEventsFollowUntilCtrlC(t *testing.T) {
	api := newFakeAPI(t)
	ctx, cancel := context.WithCancel(t.Context())
	// Ctrl-C comes when the last of four entries has been written.
	out := &cancelAfter{lines: 4, cancel: cancel}
	a := newApp(nil, out, io.Discard, api.environment())
	a.isTerminal = func(io.Writer) bool { return false }
	if code := a.execute(ctx, []string{"events", "--follow", "-o", "json"}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var entry struct{ Seq int }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Seq != i+1 {
			t.Errorf("line %d is %q, %v", i+1, line, err)
		}
	}
}

// cancelAfter cancels when so many lines have been written.
type cancelAfter struct {
	strings.Builder
	lines  int
	cancel context.CancelFunc
}

func (c *cancelAfter) Write(data []byte) (int, error) {
	n, err := c.Builder.Write(data)
	if strings.Count(c.String(), "\n") >= c.lines {
		c.cancel()
	}
	return n, err
}

func TestLogsFollowWithNewLinesOnly(t *testing.T) {
	api := newFakeAPI(t)
	all := []string{"one", "two", "three", "four"}
	api.logs = func(_ string, nth int) []string { return all[:nth+1] }
	r := cli{environment: api.environment(), onTick: func(nth int) bool { return nth < 3 }}.run(t, "logs", "shop/shop-1", "-n", "1", "--follow")
	if want := "two\nthree\nfour\n"; r.code != 0 || r.out != want {
		t.Errorf("exit code %d, errors %q, output %q, want %q", r.code, r.errOut, r.out, want)
	}
}

func TestWhatTheAPIRefusesIsToldWithItsHint(t *testing.T) {
	api := newFakeAPI(t)
	api.token = "right"
	r := cli{environment: api.environment()}.run(t, "status", "--token", "wrong")
	want := "headroom: the token is missing or wrong\nhint: send the header Authorization: Bearer TOKEN\n"
	if r.code != 1 || r.errOut != want {
		t.Errorf("exit code %d, errors %q, want %q", r.code, r.errOut, want)
	}
	if r := (cli{environment: append(api.environment(), "HEADROOM_TOKEN=right")}).run(t, "status"); r.code != 0 {
		t.Errorf("with the right token: exit code %d, errors %q", r.code, r.errOut)
	}
}

func TestAHeadroomThatDoesNotRunIsSaidSo(t *testing.T) {
	api := newFakeAPI(t)
	environment := api.environment()
	api.Close()
	r := cli{environment: environment}.run(t, "status")
	if r.code != 1 || !strings.Contains(r.errOut, "headroom does not run at "+api.URL) || !strings.Contains(r.errOut, "\nhint: ") {
		t.Errorf("exit code %d, errors %q", r.code, r.errOut)
	}
}

func TestJSONAndYAMLAreWhatTheAPIAnswers(t *testing.T) {
	api := newFakeAPI(t)
	for command, want := range map[string]any{
		"policies":               map[string]any{"policies": testPolicies()},
		"backends":               map[string]any{"backends": testBalancer().Services[0].Backends},
		"alerts":                 map[string]any{"alerts": testAlerts(), "rules": []any{testAlertRule()}},
		"sla":                    map[string]any{"reports": testReports()},
		"explain":                testDecision("shop-d2", 2, 5),
		"events":                 map[string]any{"events": testEntries()},
		"logs shop/shop-1":       map[string]any{"service": "shop", "replica": "shop-1", "lines": []string{"listening as shop-1"}},
		"scale shop 5 --dry-run": testDecision("shop-d2", 2, 5),
		"backends drain shop-1":  testBackend("shop-1"),
	} {
		var expected, got any
		text, err := json.Marshal(want)
		if err == nil {
			err = json.Unmarshal(text, &expected)
		}
		if err != nil {
			t.Fatal(err)
		}
		r := cli{environment: api.environment()}.run(t, append(strings.Fields(command), "-o", "json")...)
		if err := json.Unmarshal([]byte(r.out), &got); err != nil {
			t.Fatalf("%s: %v: %q, errors %q", command, err, r.out, r.errOut)
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("%s -o json is not the API's answer (- want, + got):\n%s", command, diff)
		}
		if r := (cli{environment: api.environment()}).run(t, append(strings.Fields(command), "-o", "yaml")...); r.code != 0 || strings.HasPrefix(strings.TrimPrefix(r.out, "---\n"), "{") {
			t.Errorf("%s -o yaml: exit code %d, output %.100q", command, r.code, r.out)
		}
	}
}

func TestShortTextsOfTimesAndNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{ageText(testNow, testNow.Add(-119*time.Second)), "119s"},
		{ageText(testNow, testNow.Add(-2*time.Minute)), "2m"},
		{ageText(testNow, testNow.Add(-3*time.Hour)), "3h"},
		{ageText(testNow, testNow.Add(-72*time.Hour)), "3d"},
		{ageText(testNow, testNow.Add(time.Second)), "0s"}, // clocks differ
		{ageText(testNow, time.Time{}), ""},
		{clockText(testNow, testNow.Add(-13*time.Hour)), "2026-05-03 23:00:00"},
		{rateText(12345.6), "12346"},
		{plural(1, "replica"), "1 replica"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
