package source

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
)

// reads checks one reading: either a value, or an error that says so.
func reads(t *testing.T, what string, r Reader, want float64, why string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	got, err := r.Read(ctx)
	switch {
	case why == "" && (err != nil || got != want):
		t.Errorf("%s: got %v, %v; want %v", what, got, err, want)
	case why != "" && (err == nil || !strings.Contains(err.Error(), why)):
		t.Errorf("%s: got %v, %v; want an error that says %q", what, got, err, why)
	}
}

// serve answers every request alike.
func serve(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestADocumentHasANumberAtItsPath(t *testing.T) {
	const body = `{"queues":[{"length":17,"age":"2.5"},{"length":null}],"a.b":3,"open":true,"big":"1e3"}`
	for path, want := range map[string]float64{"queues.0.length": 17, "queues.0.age": 2.5, `a\.b`: 3, "big": 1000} {
		reads(t, path, document{newClient(), headroom.HTTPSource{URL: serve(t, 200, body), Path: path}}, want, "")
	}
	for path, why := range map[string]string{
		"queues.2.length": `queues is a list of 2: there is no "2" in it`,
		"queues.-1":       `there is no "-1" in it`,
		"queues.x":        `there is no "x" in it`,
		"queues.0.size":   `there is no "size" in queues.0, which has age, length`,
		"queues.1.length": "queues.1.length is not a number but null",
		"queues.0":        "queues.0 is not a number but an object",
		"open":            "open is not a number but true or false",
		"big.x":           "big is neither an object nor a list",
		"":                "the document is not a number but an object",
	} {
		reads(t, path, document{newClient(), headroom.HTTPSource{URL: serve(t, 200, body), Path: path}}, 0, why)
	}
	reads(t, "a number alone", document{newClient(), headroom.HTTPSource{URL: serve(t, 200, " 42\n")}}, 42, "")
}

func TestADocumentThatCannotBeReadSaysWhy(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, c := range map[string]struct{ url, why string }{
		"an error":     {serve(t, 503, "42"), "503 Service Unavailable"},
		"not JSON":     {serve(t, 200, "<html>"), "not JSON"},
		"nothing":      {serve(t, 200, ""), "not JSON"},
		"too much":     {serve(t, 200, strings.Repeat(" ", mostBytes+1)), "more than 4 MiB"},
		"nobody there": {gone.URL, "connection refused"},
	} {
		reads(t, name, document{newClient(), headroom.HTTPSource{URL: c.url}}, 0, c.why)
	}
}

func TestHeadersAreSent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Token") != "abc" || r.Host != "stats.example" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte("7"))
	}))
	defer server.Close()
	with := headroom.HTTPSource{URL: server.URL, Headers: map[string]string{"X-Token": "abc", "Host": "stats.example"}}
	reads(t, "with headers", document{newClient(), with}, 7, "")
	reads(t, "without", document{newClient(), headroom.HTTPSource{URL: server.URL}}, 0, "401")
}

func TestAPrometheusIsAskedAndItsSeriesAreAdded(t *testing.T) {
	const success = `{"status":"success","data":{"resultType":`
	for name, c := range map[string]struct {
		status int
		body   string
		want   float64
		why    string
	}{
		"a vector":     {200, success + `"vector","result":[{"metric":{"a":"1"},"value":[1435781451.781,"1.5"]},{"metric":{},"value":[1435781451,"2"]}]}}`, 3.5, ""},
		"a scalar":     {200, success + `"scalar","result":[1435781451.781,"4e2"]}}`, 400, ""},
		"no series":    {200, success + `"vector","result":[]}}`, 0, "no series"},
		"a matrix":     {200, success + `"matrix","result":[]}}`, 0, `"matrix"`},
		"a mistake":    {400, `{"status":"error","errorType":"bad_data","error":"parse error at char 4"}`, 0, "400: parse error at char 4"},
		"another page": {404, "404 page not found", 0, "not Prometheus' JSON"},
		"no value":     {200, success + `"scalar","result":[1]}}`, 0, "has no value"},
		"a word":       {200, success + `"scalar","result":[1,"one"]}}`, 0, "not a number"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/prefix/api/v1/query" || r.URL.Query().Get("query") != `sum(up{a="b"}) + 1` || r.Header.Get("Authorization") != "Bearer x" {
				t.Errorf("asked %s", r.URL)
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		source := headroom.PromQLSource{URL: server.URL + "/prefix/", Query: `sum(up{a="b"}) + 1`, Headers: map[string]string{"Authorization": "Bearer x"}}
		reads(t, name, prometheus{newClient(), source}, c.want, c.why)
		server.Close()
	}
}

func TestTheOwnMonitorIsAsked(t *testing.T) {
	point := func(v *float64, text string) headroom.Series {
		return headroom.Series{Points: []headroom.Point{{Value: v, Text: text}}}
	}
	for name, c := range map[string]struct {
		result headroom.QueryResult
		err    error
		want   float64
		why    string
	}{
		"a vector":  {headroom.QueryResult{Type: "vector", Series: []headroom.Series{point(new(1.0), ""), point(new(2.5), "")}}, nil, 3.5, ""},
		"no series": {headroom.QueryResult{Type: "vector"}, nil, 0, "no series"},
		"no number": {headroom.QueryResult{Type: "scalar", Series: []headroom.Series{point(nil, "NaN")}}, nil, 0, "NaN"},
		"a matrix":  {headroom.QueryResult{Type: "matrix"}, nil, 0, "matrix"},
		"away":      {headroom.QueryResult{}, errors.New("the monitor is away"), 0, "the monitor is away"},
	} {
		query := func(_ context.Context, expr string, _ time.Time) (headroom.QueryResult, error) {
			if expr != "sum(x)" {
				t.Errorf("asked %q", expr)
			}
			return c.result, c.err
		}
		reads(t, name, ownMetrics{query, "sum(x)"}, c.want, c.why)
	}
}

func TestAProgramPrintsANumber(t *testing.T) {
	run := func(script string) command { return command{run: headroom.Command{"sh", "-c", script}} }
	reads(t, "a number", run("echo ' 12.5 '"), 12.5, "")
	reads(t, "a word", run("echo twelve"), 0, `printed "twelve"`)
	reads(t, "nothing", run(":"), 0, `printed ""`)
	reads(t, "a failure", run("echo no queue >&2; exit 3"), 0, "exit status 3: no queue")
	reads(t, "much", run("yes | head -c 100000"), 0, "more than 64 KiB")
	reads(t, "no such program", command{run: headroom.Command{"./no-such-program"}}, 0, "no-such-program")
	reads(t, "left behind", run("sleep 60 & echo 3"), 0, "left a program behind")

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "queue"), []byte("#!/bin/sh\nls | wc -l\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	reads(t, "in a directory", command{run: headroom.Command{"./queue"}, dir: dir}, 1, "")
	t.Setenv("HEADROOM_API_TOKEN", "secret")
	reads(t, "without our settings", run("echo ${HEADROOM_API_TOKEN:-0}"), 0, "")
}

func TestAProgramThatHangsIsKilledWithWhatItStarted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "child")
	hangs := command{run: headroom.Command{"sh", "-c", `sleep 300 & echo $! > "$0"; wait`, file}}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := hangs.Read(ctx); err == nil || !strings.Contains(err.Error(), "did not end before its timeout and was killed") {
		t.Fatalf("got %v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); alive(child); {
		if time.Now().After(deadline) {
			t.Fatalf("its child %d lives", child)
		}
		time.Sleep(time.Millisecond)
	}
}

// alive is false for a zombie too: the machine's init reaps it when it likes.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && syscall.Kill(pid, 0) == nil && !strings.Contains(string(stat), ") Z ")
}

func TestAClockHasItsValueWhileTheWindowHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which begins on 2000-01-01 at midnight UTC: 1 o'clock in Berlin
		source := headroom.CronSource{Window: headroom.Window{From: "30 1 * * *", Until: "0 3 * * *"}, Value: 5}
		berlin := clock{headroom.Scaling{TimeZone: "Europe/Berlin"}, source}
		reads(t, "at 1:00", berlin, 0, "")
		time.Sleep(31 * time.Minute)
		reads(t, "at 1:31", berlin, 5, "")
		reads(t, "at 0:31 UTC", clock{headroom.Scaling{}, source}, 0, "")
		time.Sleep(90 * time.Minute)
		reads(t, "at 3:01", berlin, 0, "")
	})
}

func FuzzFind(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"2"}]}`), "a.1.b")
	f.Add([]byte(`[[[]]]`), "0.0.0")
	f.Fuzz(func(_ *testing.T, body []byte, path string) {
		_, _ = find(body, path)
		_, _ = queried(body, 200)
	})
}
