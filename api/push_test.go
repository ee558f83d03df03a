package api

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestValuesThatAreSentReachTheMonitor(t *testing.T) {
	w := newWorld(t)
	got := into[PushAnswer](t, w.expect(http.StatusOK, "POST", "/api/monitor/metrics",
		`{"metrics":[{"name":"orders","labels":{"shop":"berlin"},"value":4.5,"at":"2026-01-31T12:00:00Z"},{"name":"orders","value":0}]}`))
	sent := w.monitor.pushed
	if got.Accepted != 2 || len(sent) != 2 || sent[0].Name != "orders" || sent[0].Labels["shop"] != "berlin" || sent[0].Value != 4.5 || !sent[0].At.Equal(exampleTime()) {
		t.Fatalf("answered %+v, and sent on %+v", got, sent)
	}
	if age := time.Since(sent[1].At); age < 0 || age > time.Minute {
		t.Errorf("a value without a time is of %s", sent[1].At)
	}
	if records := w.audit(); len(records) != 0 {
		t.Errorf("the audit log has %d records of values that are sent all the time", len(records))
	}
	w.expect(http.StatusOK, "POST", "/api/monitor/metrics?dryRun=true", `{"metrics":[{"name":"orders","value":1}]}`)
	if len(w.monitor.pushed) != 2 {
		t.Error("a dry run sent its value on")
	}
}

func TestValuesThatCannotBeAreRefusedAndNamed(t *testing.T) {
	w := newWorld(t)
	labels := ""
	for n := range 33 {
		labels += `"l` + string(rune('a'+n%26)) + string(rune('a'+n/26)) + `":"v",`
	}
	for body, location := range map[string]string{
		`{"metrics":[]}`:                                        "body.metrics",
		`{"metrics":[{"name":"","value":1}]}`:                   "body.metrics[0].name",
		`{"metrics":[{"name":"a"}]}`:                            "body.metrics[0]",
		`{"metrics":[{"name":"a","value":-1}]}`:                 "body.metrics[0].value",
		`{"metrics":[{"name":"a","value":1},{"value":1}]}`:      "body.metrics[1]",
		`{"metrics":[{"name":"a","value":1,"labels":{"":""}}]}`: "body.metrics[0].labels",
		`{"metrics":[{"name":"a","value":1,"labels":{` + strings.TrimSuffix(labels, ",") + `}}]}`: "body.metrics[0].labels",
		`{"metrics":[{"name":"a","value":1,"at":"2999-01-01T00:00:00Z"}]}`:                        "body.metrics[0].at",
		`{"metrics":[{"name":"a","value":1,"unit":"s"}]}`:                                         "body.metrics[0].unit",
	} {
		if got := w.refuse(http.StatusUnprocessableEntity, "invalid-value", "POST", "/api/monitor/metrics", body); !strings.Contains(got.Detail, location) {
			t.Errorf("%.60s: answered %q, which does not name %s", body, got.Detail, location)
		}
	}
	if len(w.monitor.pushed) != 0 {
		t.Errorf("sent on %+v", w.monitor.pushed)
	}
}
