package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"headroom.dev/headroom"
	"headroom.dev/headroom/config"
	"headroom.dev/headroom/store/bolt"
)

// world is an API on a real store with a fake scaler and monitor behind it.
type world struct {
	t       testing.TB
	store   headroom.Store
	control *fakeControl
	monitor *fakeMonitor
	feed    *fakeFeed
	token   string
	now     func() time.Time
	try     Try
	handler http.Handler
	spec    *spec
}

func newWorld(t testing.TB) *world {
	store, err := bolt.Open(filepath.Join(t.TempDir(), "state.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, store: store, control: newFakeControl(store), monitor: &fakeMonitor{}, feed: &fakeFeed{}, now: time.Now}
	w.restart()
	return w
}

// restart makes a new handler on the same store, as after a restart of headroom.
func (w *world) restart() {
	w.handler = New(Options{
		Control: w.control, Monitor: w.monitor, Store: w.store, Events: w.feed, Read: config.Read, Try: w.try, Token: w.token, Version: "1.2.3",
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now() }, Heartbeat: 20 * time.Millisecond,
	})
	w.spec = served(w.t)
}

func (w *world) append(kind headroom.EntryKind, service, id string, value any) headroom.Entry {
	data, err := json.Marshal(value)
	if err != nil {
		w.t.Fatal(err)
	}
	entries, err := w.store.Commit(headroom.Write{Append: &headroom.Entry{At: w.now(), Kind: kind, Service: service, ID: id, Data: data}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.feed.publish(entries)
	return entries[0]
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and checks that the answer is as /openapi.json says. Headers are given as name, value.
func (w *world) do(method, target, body string, headers ...string) reply {
	w.t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:7070"+target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	return w.send(r)
}

func (w *world) send(r *http.Request) reply {
	w.t.Helper()
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	got := reply{recorder.Code, recorder.Header(), recorder.Body.Bytes()}
	method, target := r.Method, r.URL.Path
	if got.header.Get("X-Request-Id") == "" {
		w.t.Errorf("%s %s: answered without X-Request-Id", method, target)
	}
	w.spec.check(w.t, method, r.URL.Path, got)
	return got
}

func (w *world) expect(status int, method, target, body string, headers ...string) reply {
	w.t.Helper()
	got := w.do(method, target, body, headers...)
	if got.status != status {
		w.t.Fatalf("%s %s %s: answered %d %s, not %d", method, target, body, got.status, got.body, status)
	}
	return got
}

func (w *world) refuse(status int, code, method, target, body string, headers ...string) Problem {
	w.t.Helper()
	got := w.expect(status, method, target, body, headers...)
	problem := into[Problem](w.t, got)
	if problem.Code != code || problem.Status != status || problem.Hint == "" || problem.Title == "" || problem.Detail == "" ||
		problem.RequestID != got.header.Get("X-Request-Id") {
		w.t.Fatalf("%s %s %s: answered %s, not a full problem with code %s", method, target, body, got.body, code)
	}
	return problem
}

func into[T any](t testing.TB, got reply) T {
	t.Helper()
	var value T
	decoder := json.NewDecoder(bytes.NewReader(got.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("answer %s: %v", got.body, err)
	}
	return value
}

func (w *world) audit() []AuditEntry {
	w.t.Helper()
	return into[AuditList](w.t, w.expect(http.StatusOK, "GET", "/api/audit", "")).Records
}

// spec is the served OpenAPI description.
type spec struct {
	document map[string]any
	compiler *jsonschema.Compiler
	lock     sync.Mutex
	schemas  map[string]*jsonschema.Schema
}

func served(t testing.TB) *spec {
	t.Helper()
	description, err := readOnce()
	if err != nil {
		t.Fatalf("/openapi.json: %v", err)
	}
	return description
}

// readOnce reads the description once for all tests: compiling its schemas takes most of a test's time.
var readOnce = sync.OnceValues(func() (*spec, error) {
	recorder := httptest.NewRecorder()
	New(Options{}).ServeHTTP(recorder, httptest.NewRequest("GET", "http://localhost/openapi.json", nil))
	document, err := jsonschema.UnmarshalJSON(recorder.Body)
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", document); err != nil {
		return nil, err
	}
	return &spec{document: document.(map[string]any), compiler: compiler, schemas: map[string]*jsonschema.Schema{}}, nil
})

// validate checks a JSON text against the schema at a JSON pointer of the description.
func (s *spec) validate(t testing.TB, pointer string, text []byte) {
	t.Helper()
	s.lock.Lock()
	defer s.lock.Unlock()
	schema := s.schemas[pointer]
	if schema == nil {
		var err error
		if schema, err = s.compiler.Compile("openapi.json#" + pointer); err != nil {
			t.Fatalf("schema at %s: %v", pointer, err)
		}
		s.schemas[pointer] = schema
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Errorf("%s\nis not as the schema at %s says: %v", text, pointer, err)
	}
}

// check finds the operation of a path and validates an answer against it.
func (s *spec) check(t testing.TB, method, path string, got reply) {
	t.Helper()
	media, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	for pattern, item := range s.document["paths"].(map[string]any) {
		operation, ok := item.(map[string]any)[strings.ToLower(method)]
		if !ok || !pathMatches(pattern, path) {
			continue
		}
		response, ok := dig(operation, "responses", strconv.Itoa(got.status)).(map[string]any)
		if !ok {
			t.Errorf("%s %s: answered %d, which /openapi.json does not know: %s", method, path, got.status, got.body)
			return
		}
		if len(got.body) == 0 && response["content"] == nil {
			return
		}
		content, ok := dig(response, "content", media).(map[string]any)
		if !ok {
			t.Errorf("%s %s: answered %d with %q, which /openapi.json does not know", method, path, got.status, media)
			return
		}
		if content["schema"] != nil && strings.HasSuffix(media, "json") {
			s.validate(t, "/paths/"+escape(pattern)+"/"+strings.ToLower(method)+"/responses/"+strconv.Itoa(got.status)+"/content/"+escape(media)+"/schema", got.body)
		}
		return
	}
	if media == problemType {
		s.validate(t, "/components/schemas/Problem", got.body)
	}
}

func dig(value any, names ...string) any {
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func escape(name string) string {
	name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	return strings.NewReplacer("{", "%7B", "}", "%7D", "+", "%2B").Replace(name)
}

func pathMatches(pattern, path string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

// serve starts a real server, for streams.
func (w *world) serve() *httptest.Server {
	server := httptest.NewServer(w.handler)
	w.t.Cleanup(server.Close)
	return server
}

// until waits for a condition, looking each millisecond for at most five seconds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited 5 s in vain: %s", what)
		}
	}
}
