package input

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"headroom.dev/headroom/test/system"
)

// endpoint is one operation of /openapi.json that takes a body.
type endpoint struct {
	method, path string
	fields       map[string]string // the type of each field that the body may have
	required     []string
	example      map[string]any // a body that is right
}

// mutations reads from the API's own description every operation that takes a body, so that none is forgotten.
func mutations(t *testing.T, s *system.System) []endpoint {
	t.Helper()
	type schema struct {
		Ref        string `json:"$ref"`
		Type       any
		Properties map[string]struct{ Type any }
		Required   []string
	}
	var description struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]schema }
	}
	if err := s.Get("/openapi.json", &description); err != nil {
		t.Fatal(err)
	}
	var all []endpoint
	for _, path := range slices.Sorted(maps.Keys(description.Paths)) {
		for method, raw := range description.Paths[path] {
			if method != "post" && method != "put" && method != "patch" {
				continue
			}
			var operation struct {
				RequestBody *struct {
					Content map[string]struct {
						Schema  schema
						Example any // of other protocols than ours also a text
					}
				}
			}
			if err := json.Unmarshal(raw, &operation); err != nil {
				t.Fatal(err)
			}
			if operation.RequestBody == nil {
				continue
			}
			content := operation.RequestBody.Content["application/json"]
			of := content.Schema
			if name, isRef := strings.CutPrefix(of.Ref, "#/components/schemas/"); isRef {
				of = description.Components.Schemas[name]
			}
			example, ours := content.Example.(map[string]any)
			if !ours || len(of.Properties) == 0 {
				continue // OTLP and remote write: their bodies are described elsewhere
			}
			one := endpoint{method: strings.ToUpper(method), path: path, fields: map[string]string{}, required: of.Required, example: example}
			for name, property := range of.Properties {
				one.fields[name] = fmt.Sprint(property.Type)
			}
			all = append(all, one)
		}
	}
	return all
}

// wrongBodies are bodies that an endpoint must refuse, by what is wrong with them.
func (e endpoint) wrongBodies() map[string]string {
	right, _ := json.Marshal(e.example)
	wrong := map[string]string{
		"nothing":           "",
		"not JSON":          "replicas=3",
		"cut off":           string(right[:len(right)-1]),
		"two values":        string(right) + string(right),
		"a list":            "[" + string(right) + "]",
		"null":              "null",
		"a text":            `"shop"`,
		"a number":          "1e999",
		"a zero byte":       string(right) + "\x00",
		"invalid UTF-8":     "{\"\xff\xfe\":1}",
		"deep nesting":      strings.Repeat(`{"a":`, 20_000),
		"a field twice":     strings.TrimSuffix(string(right), "}") + "," + strings.TrimPrefix(string(right), "{"),
		"an unknown field":  e.with("frobnicate", 1),
		"more than 1 MiB":   strings.Repeat(" ", 1<<20) + string(right),
		"a name in capital": strings.ToUpper(string(right)),
	}
	for name, kind := range e.fields {
		if strings.Contains(kind, "string") {
			wrong[name+" as a number"] = e.with(name, 7)
		} else {
			wrong[name+" as a text"] = e.with(name, "seven")
		}
		wrong[name+" as an object"] = e.with(name, map[string]any{"a": []int{1}})
		if kind == "integer" {
			wrong[name+" below zero"] = e.with(name, -1)
			wrong[name+" as a fraction"] = e.with(name, 2.5)
			wrong[name+" too large"] = e.with(name, 1e18)
		}
	}
	for _, name := range e.required {
		wrong[name+" missing"] = e.with(name, nil)
	}
	return wrong
}

// with is the right body with another value in one field; nil leaves the field out.
func (e endpoint) with(field string, value any) string {
	body := maps.Clone(e.example)
	body[field] = value
	if value == nil {
		delete(body, field)
	}
	text, _ := json.Marshal(body)
	return string(text)
}

func TestEveryEndpointRefusesEveryInvalidBodyWithAProblemAndAHint(t *testing.T) {
	t.Parallel()
	s, _ := startTwo(t)
	all := mutations(t, s)
	if len(all) < 6 {
		t.Fatalf("the description has %d operations with a body, there are at least 6: %v", len(all), all)
	}
	policies, backends := send(t, s, http.MethodGet, "/api/scaling/policies", ""), send(t, s, http.MethodGet, "/api/balancer/backends", "")
	undisturbed(t, s, func() {
		for _, e := range all {
			if len(e.example) == 0 || len(e.fields) == 0 {
				t.Errorf("%s %s has no example or no fields in the description", e.method, e.path)
				continue
			}
			path := strings.NewReplacer("{id}", "shop-1", "{service}", "shop").Replace(e.path)
			bodies := e.wrongBodies()
			for _, name := range slices.Sorted(maps.Keys(bodies)) {
				send(t, s, e.method, path, bodies[name]).refused(t, fmt.Sprintf("%s %s with %s", e.method, path, name))
			}
			right, _ := json.Marshal(e.example)
			a := send(t, s, e.method, path, string(right), "Content-Type", "text/plain")
			a.refused(t, e.method+" "+path+" as text/plain", "text/plain")
			send(t, s, e.method, path+"?dryRun=perhaps", string(right)).refused(t, e.method+" "+path+"?dryRun=perhaps", "dryRun")
			send(t, s, e.method, path, string(right), "Idempotency-Key", "two words").refused(t, e.method+" "+path+" with a key of two words", "Idempotency-Key")
			send(t, s, e.method, path, string(right), "Origin", "http://elsewhere.example").refused(t, e.method+" "+path+" from another site")
		}
	})
	if after := send(t, s, http.MethodGet, "/api/scaling/policies", ""); string(after.body) != string(policies.body) {
		t.Errorf("the policies were %s and are %s", policies.body, after.body)
	}
	if after := send(t, s, http.MethodGet, "/api/balancer/backends", ""); len(after.body) == 0 || after.status != backends.status {
		t.Errorf("the backends are %s", after.body)
	}
}
