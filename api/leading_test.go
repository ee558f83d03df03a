package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

const splits = "/api/balancer/splits/shop"

func TestASplitIsChangedOnlyOnTheVersionThatTheClientSaw(t *testing.T) {
	w := newWorld(t)
	seen := w.expect(http.StatusOK, "GET", splits, "").header.Get("ETag")
	changed := w.expect(http.StatusOK, "PUT", splits+"?reason=it+is+well", `{"weights":{"shop":80,"shop-v2":20}}`, "If-Match", seen)
	if changed.header.Get("ETag") == seen || !strings.Contains(string(changed.body), `{"service":"shop-v2","weight":20}`) {
		t.Errorf("answered %s with %s", changed.body, changed.header.Get("ETag"))
	}
	refused := w.expect(http.StatusPreconditionFailed, "PUT", splits, `{"weights":{"shop":70}}`, "If-Match", seen)
	if refused.header.Get("ETag") != changed.header.Get("ETag") || !strings.Contains(string(refused.body), `"code":"changed"`) {
		t.Errorf("refused with %s, %v", refused.body, refused.header)
	}
	for _, match := range []string{"*", `"other", ` + changed.header.Get("ETag")} {
		w.expect(http.StatusOK, "PUT", splits+"?dryRun=true", `{"weights":{"shop":70}}`, "If-Match", match)
	}
	w.expect(http.StatusPreconditionFailed, "PUT", splits, `{"weights":{"shop":70}}`, "If-Match", "W/"+changed.header.Get("ETag"))
	w.expect(http.StatusUnprocessableEntity, "PUT", splits, `{"weights":{"shop":70}}`, "If-Match", "abc")
	w.expect(http.StatusUnprocessableEntity, "POST", "/api/scaling/scale", scaleToFour, "If-Match", seen) // it has no version

	records := w.audit()
	first := records[0]
	for _, record := range records {
		if record.Reason != "" {
			first = record
		}
	}
	if first.Reason != "it is well" || first.Object != "split/shop" || first.Verb != "set-split" || !strings.Contains(string(first.Before), `"weight":90`) ||
		!strings.Contains(string(first.After), `"weight":80`) || first.Actor != "local" {
		t.Errorf("the audit log has %+v", first)
	}
}

func TestASplitIsGivenAsAWholeOrByItsWeights(t *testing.T) {
	w := newWorld(t)
	whole := w.expect(http.StatusOK, "PUT", splits, `{"variants":[{"service":"shop","weight":1}]}`)
	var split headroom.ServiceSplit
	if err := json.Unmarshal(whole.body, &split); err != nil || split.By != headroom.SplitByRequest || len(split.Variants) != 1 {
		t.Errorf("answered %s, %v", whole.body, err)
	}
	for _, body := range []string{`{"by":"client","weights":{"shop":1}}`, `{"weihgts":{"shop":1}}`, `{"weights":{"shop":"x"}}`, `{"weights":{"nobody":1}}`, `[]`, `{"by":"moon"}`} {
		w.expect(http.StatusUnprocessableEntity, "PUT", splits, body)
	}
	w.expect(http.StatusNotFound, "GET", "/api/balancer/splits/shpo", "")
	w.expect(http.StatusUnprocessableEntity, "PUT", "/api/balancer/routes/shop", `{}`)
	w.expect(http.StatusOK, "PUT", "/api/balancer/routes/shop", `{"routes":[{"path":"/api/","service":"shop-v2"}]}`)
}

func TestABackendIsChangedOnlyOnTheVersionThatTheClientSaw(t *testing.T) {
	w := newWorld(t)
	const path = "/api/balancer/backends/shop-1"
	seen := w.expect(http.StatusOK, "GET", path, "").header.Get("ETag")
	w.expect(http.StatusOK, "PUT", path, `{"weight":3}`, "If-Match", seen)
	w.expect(http.StatusPreconditionFailed, "PUT", path, `{"weight":4}`, "If-Match", seen)
	w.expect(http.StatusNotFound, "GET", "/api/balancer/backends/nobody", "")
}
