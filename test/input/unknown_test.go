package input

import (
	"fmt"
	"testing"
)

func TestAWrongOrderIsRefusedOnTheCommandLineAndByTheAPI(t *testing.T) {
	t.Parallel()
	s, _ := startTwo(t)
	undisturbed(t, s, func() {
		for _, c := range []struct {
			args []string
			code int
			says []string
		}{
			{[]string{"scale", "shpo", "3"}, 1, []string{`there is no service "shpo"`, `"shop"`}},
			{[]string{"scale", "shop", "9"}, 1, []string{"replicas", "9", "between minReplicas 2 and maxReplicas 4"}},
			{[]string{"scale", "shop", "1"}, 1, []string{"between minReplicas 2 and maxReplicas 4"}},
			{[]string{"scale", "shop", "many"}, 2, []string{`"many" is not a number of replicas`}},
			{[]string{"scale", "shop"}, 2, []string{"needs more"}},
			{[]string{"status", "shpo"}, 1, []string{`"shpo"`, `"shop"`}},
			{[]string{"explain", "shpo"}, 1, []string{`"shpo"`, "shop"}},
			{[]string{"logs", "shpo"}, 1, []string{`"shpo"`, `"shop"`}},
			{[]string{"logs", "shop/shop-99"}, 1, []string{`there is no replica "shop-99"`, "did you mean"}},
			{[]string{"decisions", "--service", "shpo"}, 1, []string{`"shpo"`, `"shop"`}},
			{[]string{"events", "--kind", "evnet"}, 2, []string{"evnet", `"event"`}},
			{[]string{"backends", "add", "shpo", "127.0.0.1:9001"}, 1, []string{`"shpo"`, `"shop"`}},
			{[]string{"backends", "add", "shop", "nowhere"}, 1, []string{"address", "nowhere"}},
			{[]string{"backends", "remove", "shop-1"}, 1, []string{"is a replica of shop"}},
			{[]string{"backends", "remove", "shop-99"}, 1, []string{"shop-99"}},
			{[]string{"backends", "list", "--service", "shpo"}, 1, []string{`"shpo"`, `"shop"`}},
			{[]string{"policies", "list", "--service", "shpo"}, 1, []string{`"shpo"`, `"shop"`}},
			{[]string{"policies", "add", "shop", "p", "--metric", "cpuu", "--threshold", "70"}, 2, []string{"cpuu", `"cpu"`}},
			{[]string{"policies", "add", "shop", "p", "--metric", "cpu"}, 2, []string{"threshold"}},
			{[]string{"policies", "add", "shpo", "p", "--metric", "cpu", "--threshold", "70"}, 1, []string{`"shpo"`, `"shop"`}},
			{[]string{"policies", "set", "shop.nothing", "--threshold", "70"}, 1, []string{"shop.nothing"}},
			{[]string{"statsu"}, 2, []string{`there is no command "statsu"`, `"status"`}},
			{[]string{"status", "--ouptut", "json"}, 2, []string{"--output"}},
			{[]string{"status", "-o", "xml"}, 2, []string{"expected table, json or yaml"}},
			{[]string{"status", "--api", "127.0.0.1:1"}, 1, []string{"127.0.0.1:1"}},
			{[]string{"scale", "shop", "3", "--dry-run", "--for", "ages"}, 2, []string{"--for", "ages"}},
		} {
			stdout, stderr, code := s.Command(c.args...)
			if code != c.code {
				t.Errorf("headroom %q: exit code %d, expected %d", c.args, code, c.code)
			}
			if stdout != "" {
				t.Errorf("headroom %q: writes an error to standard output: %s", c.args, stdout)
			}
			t.Run(fmt.Sprint(c.args), func(t *testing.T) { contains(t, stderr, c.says...) })
		}

		for _, c := range []struct {
			method, path, body string
			status             int
			says               []string
		}{
			{"POST", "/api/scaling/scale", `{"service":"shpo","replicas":3}`, 404, []string{`there is no service "shpo"`, "shop"}},
			{"POST", "/api/scaling/scale", `{"service":"shop","replicas":9}`, 422, []string{"between minReplicas 2 and maxReplicas 4"}},
			{"GET", "/api/scaling/status?service=shpo", "", 404, []string{`"shpo"`}},
			{"GET", "/api/scaling/policies?service=shpo", "", 404, []string{`"shpo"`}},
			{"GET", "/api/balancer/backends?service=shpo", "", 404, []string{`"shpo"`}},
			{"GET", "/api/monitor/metrics?service=shpo", "", 404, []string{`"shpo"`}},
			{"GET", "/api/monitor/sla?service=shpo", "", 404, []string{`"shpo"`}},
			{"GET", "/api/monitor/metrics?query=sum(", "", 422, []string{"query"}},
			{"GET", "/api/scaling/decisions/shop-d0", "", 404, []string{"shop-d0"}},
			{"POST", "/api/scaling/policies", `{"service":"shop","name":"p","metric":"cpuu","threshold":70,"action":"scale-up"}`, 422, []string{"metric", "cpu"}},
			{"POST", "/api/scaling/policies", `{"service":"shpo","name":"p","metric":"cpu","threshold":70,"action":"scale-up"}`, 404, []string{`"shpo"`}},
			{"PUT", "/api/scaling/policies/shop.p", `{"metric":"cpu","threshold":70,"action":"scale-up"}`, 404, []string{"shop.p"}},
			{"POST", "/api/balancer/backends", `{"service":"shpo","address":"127.0.0.1:9001"}`, 404, []string{`"shpo"`}},
			{"PUT", "/api/balancer/backends/shop-99", `{"weight":1}`, 404, []string{"shop-99"}},
			{"DELETE", "/api/balancer/backends/shop-99", "", 404, []string{"shop-99"}},
			{"DELETE", "/api/balancer/backends/shop-1", "", 409, []string{"is a replica of shop"}},
			{"POST", "/api/monitor/alerts", `{"name":"x","expr":"sum("}`, 422, []string{"expr"}},
			{"GET", "/api/scaling", "", 404, nil},
			{"PATCH", "/api/scaling/status", "", 405, []string{"GET"}},
		} {
			a := send(t, s, c.method, c.path, c.body)
			what := c.method + " " + c.path + " " + c.body
			a.refused(t, what, c.says...)
			if a.status != c.status {
				t.Errorf("%s: status %d, expected %d", what, a.status, c.status)
			}
		}
	})
}
