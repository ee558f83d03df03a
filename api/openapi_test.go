package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

func eachOperation(s *spec, each func(path, method string, operation map[string]any)) {
	for path, item := range s.document["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			each(path, method, operation.(map[string]any))
		}
	}
}

func TestTheDescriptionAndThePageHoldEveryEndpointOfTheAPI(t *testing.T) {
	w := newWorld(t)
	if w.spec.document["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v", w.spec.document["openapi"])
	}
	listed := listedOperations(t)
	described := map[string]bool{}
	eachOperation(w.spec, func(path, method string, _ map[string]any) { described[strings.ToUpper(method)+" "+path] = true })
	for operation := range listed {
		if !described[operation] {
			t.Errorf("docs/api.md lists %s, which is not described", operation)
		}
	}
	for operation := range described {
		if !listed[operation] {
			t.Errorf("%s is described, and the table of docs/api.md does not list it", operation)
		}
	}
}

// listedOperations is what the table of docs/api.md lists, as `GET POST /api/path` in its first column.
func listedOperations(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, quoted := range regexp.MustCompile("`([A-Z ]+) (/[^`]*)`").FindAllStringSubmatch(cells[1], -1) {
			for method := range strings.FieldsSeq(quoted[1]) {
				listed[method+" "+quoted[2]] = true
			}
		}
	}
	return listed
}

func TestEveryOperationIsDescribedWithExamplesThatAreValid(t *testing.T) {
	w := newWorld(t)
	eachOperation(w.spec, func(path, method string, operation map[string]any) {
		at := method + " " + path
		for _, field := range []string{"summary", "description", "operationId"} {
			if text, _ := operation[field].(string); text == "" {
				t.Errorf("%s has no %s", at, field)
			}
		}
		pointer := "/paths/" + escape(path) + "/" + method
		check := func(where string, content any) {
			media, _ := content.(map[string]any)
			for name, of := range media {
				of := of.(map[string]any)
				if name == problemType {
					continue
				}
				if of["example"] == nil {
					t.Errorf("%s: %s %s has no example", at, where, name)
					continue
				}
				if of["schema"] == nil || !strings.HasSuffix(name, "json") {
					continue
				}
				text, err := json.Marshal(of["example"])
				if err != nil {
					t.Fatal(err)
				}
				w.spec.validate(t, pointer+where+"/content/"+escape(name)+"/schema", text)
			}
		}
		if body := dig(operation, "requestBody", "content"); body != nil {
			check("/requestBody", body)
		} else if method == "post" && path != "/api/stop" || method == "put" {
			t.Errorf("%s takes a body that is not described", at)
		}
		for status, response := range operation["responses"].(map[string]any) {
			check("/responses/"+status, dig(response, "content"))
		}
		parameters, _ := operation["parameters"].([]any)
		for _, parameter := range parameters {
			if text, _ := dig(parameter, "description").(string); text == "" {
				t.Errorf("%s: parameter %v has no description", at, dig(parameter, "name"))
			}
		}
		if method != "get" && !ownProtocol(path) {
			text, err := json.Marshal(parameters)
			if err != nil || !strings.Contains(string(text), "Idempotency-Key") || !strings.Contains(string(text), "dryRun") {
				t.Errorf("%s does not describe Idempotency-Key and dryRun", at)
			}
		}
	})
}

func TestDurationsAreDescribedAsTextWithAPattern(t *testing.T) {
	w := newWorld(t)
	property := dig(w.spec.document, "components", "schemas", "ScaleRequest", "properties", "for")
	if dig(property, "type") != "string" || dig(property, "pattern") == nil || dig(property, "examples") == nil {
		t.Errorf("ScaleRequest.for is described as %v", property)
	}
	for _, text := range []string{`"30s"`, `"1h30m"`, `"250ms"`, `"1.5s"`, `"30d"`, `"0s"`, `"1m0.5s"`, `"100µs"`} {
		w.spec.validate(t, "/components/schemas/ScaleRequest/properties/for", []byte(text))
	}
}

func TestTheDocsPageIsSelfContained(t *testing.T) {
	w := newWorld(t)
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, httptest.NewRequest("GET", "http://localhost/docs", nil))
	page := recorder.Body.String()
	if recorder.Code != http.StatusOK || !strings.HasPrefix(recorder.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("answered %d %v", recorder.Code, recorder.Header())
	}
	for _, foreign := range []string{"<script", "<link", "<img", "@import", "url(", "src=", "https://"} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page contains %q", foreign)
		}
	}
	if policy := recorder.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("Content-Security-Policy is %q", policy)
	}
	if !strings.Contains(page, "<style>"+docsStyle+"</style>") {
		t.Error("the style is not the one that the Content-Security-Policy allows")
	}
	eachOperation(w.spec, func(path, method string, operation map[string]any) {
		if !strings.Contains(page, `<section id="`+operation["operationId"].(string)+`">`) {
			t.Errorf("%s %s is not on the page", method, path)
		}
	})
	for _, kind := range problemKinds() {
		if !strings.Contains(page, `id="problem-`+kind.code+`"`) {
			t.Errorf("problem %s is not on the page", kind.code)
		}
	}
}
