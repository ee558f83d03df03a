package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

// bodies holds a good body for each operation that takes one.
func bodies() map[string]string {
	return map[string]string{
		"POST /api/scaling/scale":               `{"service":"shop","replicas":4}`,
		"POST /api/scaling/policies":            `{"service":"shop","name":"p","metric":"cpu","threshold":70,"action":"scale-up"}`,
		"PUT /api/scaling/policies/shop.memory": `{"metric":"memory","threshold":90,"action":"scale-up"}`,
		"POST /api/balancer/backends":           `{"service":"shop","address":"127.0.0.1:9001","weight":1}`,
		"PUT /api/balancer/backends/shop-1":     `{"weight":2}`,
		"PUT /api/balancer/splits/shop":         `{"weights":{"shop":80}}`,
		"PUT /api/balancer/routes/shop":         `{"routes":[{"path":"/api/"}]}`,
		"POST /api/monitor/alerts":              `{"name":"Busy","expr":"up > 1"}`,
		"POST /api/monitor/metrics":             `{"metrics":[{"name":"orders_open","value":1}]}`,
	}
}

func TestEveryEndpointRefusesABadBodyAndNamesTheField(t *testing.T) {
	w := newWorld(t)
	for endpoint, good := range bodies() {
		method, path, _ := strings.Cut(endpoint, " ")
		for _, bad := range []string{`{`, `[`, `nonsense`, good + good, strings.Replace(good, "{", "{,", 1), "\x00", `{"weight":1,"Weight":2,"weight":3}`} {
			w.refuse(http.StatusBadRequest, "malformed-body", method, path, bad)
		}
		w.refuse(http.StatusBadRequest, "malformed-body", method, path, "")
		for _, bad := range []string{`null`, `[]`, `"text"`, `5`} {
			w.refuse(http.StatusUnprocessableEntity, "invalid-value", method, path, bad)
		}
		unknown := w.refuse(http.StatusUnprocessableEntity, "invalid-value", method, path, strings.Replace(good, "{", `{"colour":"red",`, 1))
		if !strings.Contains(unknown.Detail, "body.colour") || !strings.Contains(unknown.Hint, "a valid body is {") {
			t.Errorf("%s: an unknown field is answered with %q, %q", endpoint, unknown.Detail, unknown.Hint)
		}
		w.refuse(http.StatusUnsupportedMediaType, "unsupported-media-type", method, path, good, "Content-Type", "text/plain")
		w.refuse(http.StatusRequestEntityTooLarge, "body-too-large", method, path, `{"service":"`+strings.Repeat("x", maxBody)+`"}`)
		w.refuse(http.StatusUnprocessableEntity, "invalid-value", method, path+"?dryrun=true", good)
		if got := w.do(method, path, good, "Content-Type", "application/json; charset=utf-8"); got.status >= 300 {
			t.Errorf("%s: a good body is answered %d %s", endpoint, got.status, got.body)
		}
	}
}

func TestWrongValuesAreNamed(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ method, path, body, location string }{
		{"POST", "/api/scaling/scale", `{"service":"shop","replicas":"four"}`, "body.replicas"},
		{"POST", "/api/scaling/scale", `{"service":"shop","replicas":-1}`, "body.replicas"},
		{"POST", "/api/scaling/scale", `{"service":"shop","replicas":1001}`, "body.replicas"},
		{"POST", "/api/scaling/scale", `{"service":"shop","replicas":2.5}`, "body.replicas"},
		{"POST", "/api/scaling/scale", `{"service":"shop","replicas":null}`, "body.replicas"},
		{"POST", "/api/scaling/scale", `{"service":7,"replicas":3}`, "body.service"},
		{"POST", "/api/scaling/scale", `{"service":"","replicas":3}`, "body.service"},
		{"POST", "/api/scaling/scale", `{"service":"shop","replicas":3,"for":"soon"}`, "body.for"},
		{"POST", "/api/scaling/scale", `{"service":"shop","replicas":3,"for":60}`, "body.for"},
		{"POST", "/api/scaling/policies", `{"service":"shop","name":"p","metric":7,"threshold":1,"action":"scale-up"}`, "body.metric"},
		{"POST", "/api/scaling/policies", `{"service":"shop","name":"p","target":{"metrik":"cpu"}}`, "body.target.metrik"},
		{"POST", "/api/scaling/policies", `{"service":"shop","name":"p","target":{"value":3}}`, "body.target.metric"},
		{"POST", "/api/scaling/policies", `{"service":"shop","name":"p","metric":"cpu","threshold":-1,"action":"scale-up"}`, "body.threshold"},
		{"POST", "/api/scaling/policies", `{"service":"shop","name":"p","metric":"cpu","threshold":1,"action":"explode"}`, "body.action"},
		{"POST", "/api/scaling/policies", `{"service":"shop","name":"p","metric":"cpu","threshold":1,"action":"scale-up","step":0}`, "body.step"},
		{"PUT", "/api/scaling/policies/shop.memory", `{"metric":"cpu","threshold":true,"action":"scale-up"}`, "body.threshold"},
		{"POST", "/api/balancer/backends", `{"service":"shop","address":"nowhere"}`, "body.address"},
		{"POST", "/api/balancer/backends", `{"service":"shop","address":"127.0.0.1:9001","weight":-1}`, "body.weight"},
		{"PUT", "/api/balancer/backends/shop-1", `{"state":"asleep"}`, "body.state"},
		{"POST", "/api/monitor/alerts", `{"name":"Busy","expr":"up","severity":"mild"}`, "body.severity"},
		{"POST", "/api/monitor/alerts", `{"name":"Busy","expr":"up","for":"-1s"}`, "body.for"},
		{"POST", "/api/stop?dryRun=yes", ``, "query.dryRun"},
		{"POST", "/api/stop?dryRun", ``, "query.dryRun"},
		{"POST", "/api/stop?dryRun=false&dryRun=true", ``, "query.dryRun"},
		{"POST", "/api/stop?dry-run=true", ``, "query.dry-run"},
		{"GET", "/api/events?after=x", ``, "query.after"},
		{"GET", "/api/events?kind=gossip", ``, "query.kind"},
	} {
		problem := w.refuse(http.StatusUnprocessableEntity, "invalid-value", c.method, c.path, c.body)
		if len(problem.Errors) == 0 || problem.Errors[0].Location != c.location || problem.Errors[0].Message == "" ||
			!strings.Contains(problem.Detail, c.location) {
			t.Errorf("%s %s %s: answered %q with %+v, not naming %s", c.method, c.path, c.body, problem.Detail, problem.Errors, c.location)
		}
	}
	if w.control.stopped || w.control.scaled > 0 {
		t.Error("a refused request changed something")
	}
}

func TestMissingFieldsAreNamed(t *testing.T) {
	w := newWorld(t)
	problem := w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/scaling/scale", `{}`)
	text := ""
	for _, value := range problem.Errors {
		text += value.Location + " " + value.Message + "\n"
	}
	for _, field := range []string{"service", "replicas"} {
		if !strings.Contains(text, "body."+field+" is missing\n") {
			t.Errorf("%s is not named in %q", field, text)
		}
	}
	policy := w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/scaling/policies", `{}`)
	if len(policy.Errors) != 2 || policy.Detail != "body.service: must be given (and 1 more)" || policy.Errors[1].Location != "body.name" {
		t.Errorf("a policy without service and name is answered with %q, %+v", policy.Detail, policy.Errors)
	}
	misspelled := w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/scaling/scale", `{"service":"shop","replica":3}`)
	if misspelled.Detail != "body.replica: there is no such field (and 1 more)" {
		t.Errorf("a misspelled field is answered with %q", misspelled.Detail)
	}
}

func TestAFieldThatComesTwiceIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{
		`{"service":"shop","replicas":3,"replicas":4}`,
		`{"service":"shop","replicas":3,"Replicas":-4}`,
	} {
		problem := w.refuse(http.StatusBadRequest, "malformed-body", "POST", "/api/scaling/scale", body)
		if !strings.Contains(strings.ToLower(problem.Detail), `"replicas" comes twice`) {
			t.Errorf("detail is %q", problem.Detail)
		}
	}
}

func TestMalformedJSONSaysWhere(t *testing.T) {
	w := newWorld(t)
	problem := w.refuse(http.StatusBadRequest, "malformed-body", "POST", "/api/scaling/scale", "{\n  \"service\": shop\n}")
	if !strings.Contains(problem.Detail, "line 2, column 14") {
		t.Errorf("detail is %q", problem.Detail)
	}
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	w := newWorld(t)
	w.refuse(http.StatusNotFound, "unknown-route", "GET", "/api/nothing", "")
	w.refuse(http.StatusNotFound, "unknown-route", "GET", "/", "")
	w.refuse(http.StatusNotFound, "unknown-route", "POST", "/api/scaling", "{}")
	got := w.do("DELETE", "/api/scaling/policies", "")
	if problem := into[Problem](t, got); got.status != http.StatusMethodNotAllowed || problem.Code != "method-not-allowed" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	if allow := got.header.Get("Allow"); allow != "GET, HEAD, POST" {
		t.Errorf("Allow is %q", allow)
	}
}

func TestAnUnexpectedErrorIsLoggedAndNotTold(t *testing.T) {
	w := newWorld(t)
	w.control.fail = errors.New("secret detail")
	problem := w.refuse(http.StatusInternalServerError, "internal", "POST", "/api/scaling/scale", `{"service":"shop","replicas":4}`, "X-Request-Id", "call-7")
	if strings.Contains(problem.Detail, "secret") || !strings.Contains(problem.Detail, "call-7") {
		t.Errorf("detail is %q", problem.Detail)
	}
}

func TestAPanicIsAnsweredAndSurvived(t *testing.T) {
	w := newWorld(t)
	control := &panickingControl{Control: w.control}
	w.handler = New(Options{Control: control, Monitor: w.monitor, Store: w.store, Events: w.feed})
	w.refuse(http.StatusInternalServerError, "internal", "GET", "/api/scaling/status", "")
	w.expect(http.StatusOK, "GET", "/livez", "")
}

type panickingControl struct{ Control }

func (panickingControl) Status(string) ([]headroom.ServiceStatus, error) {
	panic("the scaler has a bug")
}
