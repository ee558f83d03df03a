package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestStatusHasTheFieldsThatUsersReadFirst(t *testing.T) {
	w := newWorld(t)
	got := w.expect(http.StatusOK, "GET", "/api/scaling/status", "")
	var answer struct{ Services []map[string]any }
	if err := json.Unmarshal(got.body, &answer); err != nil || len(answer.Services) != 1 {
		t.Fatalf("answered %s (%v)", got.body, err)
	}
	for name, want := range map[string]any{"name": "shop", "desiredReplicas": 2.0, "readyReplicas": 3.0, "minReplicas": 2.0, "maxReplicas": 10.0} {
		if answer.Services[0][name] != want {
			t.Errorf("%s is %v, not %v", name, answer.Services[0][name], want)
		}
	}
	if answer.Services[0]["lastDecision"] == nil {
		t.Error("there is no lastDecision")
	}
	w.expect(http.StatusOK, "GET", "/api/scaling/status?service=shop", "")
	problem := w.refuse(http.StatusNotFound, "unknown-name", "GET", "/api/scaling/status?service=shap", "")
	if problem.Detail != `there is no service "shap"; there is shop` {
		t.Errorf("detail is %q", problem.Detail)
	}
}

func TestScaleAnswersWithTheDecision(t *testing.T) {
	w := newWorld(t)
	got := w.expect(http.StatusAccepted, "POST", "/api/scaling/scale", `{"service":"shop","replicas":4,"for":"10m","reason":"sale"}`)
	decision := into[headroom.Decision](t, got)
	if decision.From != 2 || decision.To != 4 || decision.Reason != "sale" {
		t.Errorf("decided %+v", decision)
	}
	problem := w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/scaling/scale", `{"service":"shop","replicas":11}`)
	if len(problem.Errors) != 1 || problem.Errors[0].Location != "body.replicas" || problem.Errors[0].Value != "11" {
		t.Errorf("errors are %+v", problem.Errors)
	}
}

func TestPoliciesAreMadeListedAndChanged(t *testing.T) {
	w := newWorld(t)
	got := w.expect(http.StatusCreated, "POST", "/api/scaling/policies",
		`{"service":"shop","name":"cpu-scaling","metric":"cpu","threshold":70,"action":"scale-up"}`)
	if made := into[headroom.Policy](t, got); made.ID != "shop.cpu-scaling" || made.Step != 1 || made.Source != headroom.SourceAPI {
		t.Errorf("made %+v", made)
	}
	if location := got.header.Get("Location"); location != "/api/scaling/policies/shop.cpu-scaling" {
		t.Errorf("Location is %q", location)
	}
	w.refuse(http.StatusConflict, "conflict", "POST", "/api/scaling/policies",
		`{"service":"shop","name":"cpu-scaling","metric":"cpu","threshold":70,"action":"scale-up"}`)
	got = w.expect(http.StatusOK, "PUT", "/api/scaling/policies/shop.cpu-scaling", `{"metric":"cpu","threshold":80,"action":"scale-up","step":2}`)
	if changed := into[headroom.Policy](t, got); changed.Threshold != 80 || changed.Step != 2 || changed.Name != "cpu-scaling" {
		t.Errorf("changed to %+v", changed)
	}
	w.refuse(http.StatusUnprocessableEntity, "invalid-value", "PUT", "/api/scaling/policies/shop.cpu-scaling",
		`{"name":"other","metric":"cpu","threshold":80,"action":"scale-up"}`)
	w.refuse(http.StatusNotFound, "unknown-name", "PUT", "/api/scaling/policies/shop.nothing", `{"metric":"cpu","threshold":80,"action":"scale-up"}`)
	if all := into[PolicyList](t, w.expect(http.StatusOK, "GET", "/api/scaling/policies?service=shop", "")); len(all.Policies) != 2 {
		t.Errorf("there are %+v", all.Policies)
	}
}

func TestBackendsAreAddedChangedAndRemoved(t *testing.T) {
	w := newWorld(t)
	got := w.expect(http.StatusCreated, "POST", "/api/balancer/backends", `{"service":"shop","address":"127.0.0.1:9001","weight":1}`)
	made := into[headroom.Backend](t, got)
	if made.ID == "" || made.Address != "127.0.0.1:9001" || made.Weight != 1 || made.Source != headroom.SourceAPI {
		t.Fatalf("made %+v", made)
	}
	path := "/api/balancer/backends/" + made.ID
	if got.header.Get("Location") != path {
		t.Errorf("Location is %q", got.header.Get("Location"))
	}
	got = w.expect(http.StatusOK, "PUT", path, `{"state":"draining"}`)
	if changed := into[headroom.Backend](t, got); changed.State != headroom.BackendDraining || changed.Weight != 1 {
		t.Errorf("changed to %+v", changed)
	}
	w.refuse(http.StatusUnprocessableEntity, "invalid-value", "PUT", path, `{}`)
	if got := w.expect(http.StatusNoContent, "DELETE", path, ""); len(got.body) != 0 {
		t.Errorf("answered %s", got.body)
	}
	w.refuse(http.StatusNotFound, "unknown-name", "DELETE", path, "")
	w.refuse(http.StatusConflict, "conflict", "DELETE", "/api/balancer/backends/shop-1", "")
	if all := into[BackendList](t, w.expect(http.StatusOK, "GET", "/api/balancer/backends", "")); len(all.Backends) != 1 {
		t.Errorf("there are %+v", all.Backends)
	}
}

func TestAWeightOfZeroIsKept(t *testing.T) {
	w := newWorld(t)
	got := w.expect(http.StatusCreated, "POST", "/api/balancer/backends", `{"service":"shop","address":"127.0.0.1:9001","weight":0}`)
	if made := into[headroom.Backend](t, got); made.Weight != 0 {
		t.Errorf("weight is %d", made.Weight)
	}
	got = w.expect(http.StatusCreated, "POST", "/api/balancer/backends", `{"service":"shop","address":"127.0.0.1:9002"}`)
	if made := into[headroom.Backend](t, got); made.Weight != 1 {
		t.Errorf("weight is %d where none is given", made.Weight)
	}
}

func TestBalancerAndMonitorAnswer(t *testing.T) {
	w := newWorld(t)
	if status := into[headroom.BalancerStatus](t, w.expect(http.StatusOK, "GET", "/api/balancer/status", "")); !status.Connected {
		t.Error("the balancer is not connected")
	}
	numbers := into[MetricsAnswer](t, w.expect(http.StatusOK, "GET", "/api/monitor/metrics", "")).Services
	if len(numbers) != 1 || *numbers[0].RequestsPerSecond != 82 || *numbers[0].CPU != 92 || numbers[0].Memory != nil {
		t.Errorf("key numbers are %+v", numbers)
	}
	health := into[HealthAnswer](t, w.expect(http.StatusOK, "GET", "/api/monitor/health", ""))
	if !health.Healthy || health.Version != "1.2.3" || len(health.Components) != 1 {
		t.Errorf("health is %+v", health)
	}
	if reports := into[SLAList](t, w.expect(http.StatusOK, "GET", "/api/monitor/sla?service=shop", "")).Reports; len(reports) != 1 {
		t.Errorf("reports are %+v", reports)
	}
	got := w.expect(http.StatusOK, "GET", "/metrics", "")
	if string(got.body) != "headroom_up 1\n" {
		t.Errorf("/metrics answered %q", got.body)
	}
}

func TestPromQLIsQueriedAtATimeAndOverARange(t *testing.T) {
	w := newWorld(t)
	answer := into[MetricsAnswer](t, w.expect(http.StatusOK, "GET", "/api/monitor/metrics?query=up&time=1769860800", ""))
	if at := answer.Result.Series[0].Points[0].At; !at.Equal(exampleTime()) {
		t.Errorf("queried at %v", at)
	}
	// 0, 15, 30, 45 and 60 seconds
	answer = into[MetricsAnswer](t, w.expect(http.StatusOK, "GET", "/api/monitor/metrics?query=up&from=2026-01-31T12:00:00Z&to=2026-01-31T12:01:00Z&step=15s", ""))
	if points := answer.Result.Series[0].Points; len(points) != 5 {
		t.Errorf("the range has %d points", len(points))
	}
	// A 250th of 500 s is 2 s: 251 points, both ends included.
	answer = into[MetricsAnswer](t, w.expect(http.StatusOK, "GET", "/api/monitor/metrics?query=up&from=1000&to=1500", ""))
	if points := answer.Result.Series[0].Points; len(points) != 251 {
		t.Errorf("the range has %d points", len(points))
	}
	for _, bad := range []string{
		"query=%28", "query=up&time=noon", "query=up&from=1000&to=900", "query=up&from=0&to=1000000&step=1s", "query=up&from=0&step=0s",
		"query=up&to=100", "query=up&step=1s", "query=up&from=1&time=1", "time=5", "query=up&service=shop", "querry=up",
	} {
		w.refuse(http.StatusUnprocessableEntity, "invalid-value", "GET", "/api/monitor/metrics?"+bad, "")
	}
}

func TestAlertRulesAreMadeAndListed(t *testing.T) {
	w := newWorld(t)
	got := w.expect(http.StatusCreated, "POST", "/api/monitor/alerts", `{"name":"Busy","expr":"headroom_requests_in_flight > 100"}`)
	if rule := into[headroom.AlertRule](t, got); rule.Severity != "warning" || rule.For != 0 {
		t.Errorf("made %+v", rule)
	}
	if all := into[AlertList](t, w.expect(http.StatusOK, "GET", "/api/monitor/alerts", "")); len(all.Alerts) != 1 || len(all.Rules) != 1 {
		t.Errorf("there is %+v", all)
	}
}

func TestAMonitorThatIsAwayIsSaidSo(t *testing.T) {
	w := newWorld(t)
	w.monitor.down = true
	for _, path := range []string{"/api/monitor/metrics?query=up", "/api/monitor/alerts", "/api/monitor/sla"} {
		w.refuse(http.StatusServiceUnavailable, "unavailable", "GET", path, "")
	}
	w.refuse(http.StatusServiceUnavailable, "unavailable", "POST", "/api/monitor/alerts", `{"name":"Busy","expr":"up"}`)
	if got := w.do("GET", "/api/monitor/alerts", ""); got.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
}

func TestDecisionsAreListedNewestFirst(t *testing.T) {
	w := newWorld(t)
	start := exampleTime()
	for i := range 30 {
		decision := exampleDecision()
		decision.ID, decision.From, decision.To = fmt.Sprintf("d%d", i), 2, 2
		if i%10 == 0 {
			decision.To = 3
		}
		w.now = func() time.Time { return start.Add(time.Duration(i) * time.Second) }
		w.append(headroom.EntryDecision, "shop", decision.ID, decision)
	}
	ids := func(query string) (ids []string) {
		t.Helper()
		for _, decision := range into[DecisionList](t, w.expect(http.StatusOK, "GET", "/api/scaling/decisions"+query, "")).Decisions {
			ids = append(ids, decision.ID)
		}
		return ids
	}
	for query, want := range map[string][]string{
		"?limit=2":                               {"d29", "d28"},
		"?changes=true&limit=2":                  {"d20", "d10"},
		"?changes=true":                          {"d20", "d10", "d0"},
		"?since=2s":                              {"d29", "d28", "d27"},
		"?since=2026-01-31T12:00:28Z":            {"d29", "d28"},
		"?service=other":                         nil,
		"?service=shop&limit=1":                  {"d29"},
		"?changes=true&since=15s&service=shop":   {"d20"},
		"?since=2026-01-31T12%3A00%3A29%2B00:00": {"d29"},
	} {
		if got := ids(query); !slices.Equal(got, want) {
			t.Errorf("%s lists %v, not %v", query, got, want)
		}
	}
	for _, bad := range []string{"?limit=0", "?limit=1001", "?limit=x", "?since=yesterday", "?changes=perhaps"} {
		w.refuse(http.StatusUnprocessableEntity, "invalid-value", "GET", "/api/scaling/decisions"+bad, "")
	}
}

func TestADecisionIsExplainedInSentences(t *testing.T) {
	w := newWorld(t)
	decision := exampleDecision()
	w.append(headroom.EntryDecision, "shop", decision.ID, decision)
	if got := into[headroom.Decision](t, w.expect(http.StatusOK, "GET", "/api/scaling/decisions/"+decision.ID, "")); got.To != 3 {
		t.Errorf("answered %+v", got)
	}
	got := w.expect(http.StatusOK, "GET", "/api/scaling/decisions/"+decision.ID+"/explanation", "")
	if !strings.Contains(string(got.body), "shop") || !strings.Contains(string(got.body), "70") {
		t.Errorf("explained as %s", got.body)
	}
	w.refuse(http.StatusNotFound, "unknown-name", "GET", "/api/scaling/decisions/nothing", "")
	w.refuse(http.StatusNotFound, "unknown-name", "GET", "/api/scaling/decisions/nothing/explanation", "")
}

func TestOperationsAreListedOnceInTheirNewestState(t *testing.T) {
	w := newWorld(t)
	for _, step := range []struct {
		id    string
		state headroom.OperationState
	}{{"a", headroom.OperationPlanned}, {"b", headroom.OperationPlanned}, {"a", headroom.OperationSent}, {"a", headroom.OperationConfirmed}} {
		operation := exampleOperation()
		operation.ID, operation.State = step.id, step.state
		w.append(headroom.EntryOperation, "shop", step.id, operation)
	}
	all := into[OperationList](t, w.expect(http.StatusOK, "GET", "/api/operations", "")).Operations
	if len(all) != 2 || all[0].ID != "a" || all[0].State != headroom.OperationConfirmed || all[1].ID != "b" {
		t.Errorf("listed %+v", all)
	}
	open := into[OperationList](t, w.expect(http.StatusOK, "GET", "/api/operations?open=true", "")).Operations
	if len(open) != 1 || open[0].ID != "b" {
		t.Errorf("open are %+v", open)
	}
}

func TestLogsAreTheLastLines(t *testing.T) {
	w := newWorld(t)
	got := into[LogLines](t, w.expect(http.StatusOK, "GET", "/api/services/shop/replicas/shop-1/logs?lines=2", ""))
	if !slices.Equal(got.Lines, []string{"two", "three"}) {
		t.Errorf("lines are %q", got.Lines)
	}
	w.refuse(http.StatusNotFound, "unknown-name", "GET", "/api/services/shop/replicas/shop-9/logs", "")
	w.refuse(http.StatusUnprocessableEntity, "invalid-value", "GET", "/api/services/shop/replicas/shop-1/logs?lines=0", "")
}

func TestStopStopsUnlessItIsADryRun(t *testing.T) {
	w := newWorld(t)
	if answer := into[StopAnswer](t, w.expect(http.StatusAccepted, "POST", "/api/stop?dryRun=true", "")); answer.Stopping || w.control.stopped {
		t.Errorf("a dry run answered %+v, stopped is %v", answer, w.control.stopped)
	}
	if answer := into[StopAnswer](t, w.expect(http.StatusAccepted, "POST", "/api/stop", "")); !answer.Stopping || !w.control.stopped {
		t.Errorf("answered %+v, stopped is %v", answer, w.control.stopped)
	}
}

func TestReadinessNamesWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	w.expect(http.StatusOK, "GET", "/livez", "")
	w.expect(http.StatusOK, "GET", "/readyz", "")
	w.control.health = append(w.control.health, headroom.ComponentHealth{Name: "monitor", Detail: "has not answered yet"})
	problem := w.refuse(http.StatusServiceUnavailable, "not-ready", "GET", "/readyz", "")
	if problem.Detail != "monitor: has not answered yet" || len(problem.Errors) != 1 {
		t.Errorf("answered %+v", problem)
	}
	w.expect(http.StatusOK, "GET", "/livez", "")
	if into[HealthAnswer](t, w.expect(http.StatusOK, "GET", "/api/monitor/health", "")).Healthy {
		t.Error("health does not show it")
	}
}

func TestPoliciesOfEveryKindHaveTheDefaultsOfTheConfig(t *testing.T) {
	w := newWorld(t)
	made := into[headroom.Policy](t, w.expect(http.StatusCreated, "POST", "/api/scaling/policies",
		`{"service":"shop","name":"kn","shadow":true,"concurrency":{"target":10}}`))
	if made.Kind() != headroom.KindConcurrency || !made.Shadow || made.Concurrency.TargetUtilization != 70 ||
		made.Concurrency.StableWindow != headroom.Duration(time.Minute) {
		t.Errorf("made %+v", made)
	}
	changed := into[headroom.Policy](t, w.expect(http.StatusOK, "PUT", "/api/scaling/policies/shop.kn", `{"rule":{"when":"true","replicas":"3"}}`))
	if changed.Kind() != headroom.KindRule || changed.Shadow || changed.Name != "kn" {
		t.Errorf("changed to %+v", changed)
	}
	w.expect(http.StatusNoContent, "DELETE", "/api/scaling/policies/shop.kn?dryRun=true", "")
	w.expect(http.StatusNoContent, "DELETE", "/api/scaling/policies/shop.kn", "")
	w.refuse(http.StatusNotFound, "unknown-name", "DELETE", "/api/scaling/policies/shop.kn", "")
	if records := w.audit(); records[1].Verb != "remove-policy" || !strings.Contains(string(records[1].Before), `"rule"`) {
		t.Errorf("the audit log says %+v", records)
	}
}
