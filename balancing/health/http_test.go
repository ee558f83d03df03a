package health

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// testCheck waits for as long as a busy machine may need: whoever expects it to be in vain sets a shorter timeout.
func testCheck() headroom.HealthCheck {
	return headroom.HealthCheck{
		Enabled: true, Interval: headroom.Duration(5 * time.Second), Timeout: headroom.Duration(time.Minute), Path: "/health",
		HealthyThreshold: 2, UnhealthyThreshold: 3, Jitter: 10,
	}
}

func TestProbeTakesTwoAndThreeHundredsAsHealthyAndSaysWhatElseCame(t *testing.T) {
	long := strings.Repeat("x", 255) + "é and more" // the é begins with the 256th byte
	mux := http.NewServeMux()
	reply := func(path string, status int, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
	reply("/ok", 200, "fine")
	reply("/empty", 204, "")
	reply("/broken", 500, "database is down\n")
	reply("/long", 503, long)
	reply("/binary", 404, "\xff\xfe")
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/broken", http.StatusFound) })
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); w.WriteHeader(200) })
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Method+" "+r.Host+" "+r.UserAgent(), http.StatusTeapot)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	address := server.Listener.Addr().String()

	cases := map[string]string{
		"/ok": "", "/empty": "", "/moved": "", "/hints": "", "/ok?deep=1": "",
		"/broken": `GET http://` + address + `/broken answered 500 "database is down"; expected 200 to 399`,
		"/long":   `answered 503 "` + strings.Repeat("x", 255) + `"; expected`,
		"/binary": "answered 404 \"\uFFFD\"",
		"/none":   `answered 404 "404 page not found"`,
		"/who":    `answered 418 "GET ` + address + ` headroom-health-check"`,
	}
	for path, want := range cases {
		check := testCheck()
		check.Path = path
		err := (Target{Address: address, Check: check}).Probe(t.Context())
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		var status *AnswerError
		if !errors.As(err, &status) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

// listen accepts connections and hands each to serve.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return listener.Addr().String()
}

func TestProbeSaysWhyThereWasNoAnswer(t *testing.T) {
	silent := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	garbage := listen(t, func(c net.Conn) { c.Read(make([]byte, 1)); io.WriteString(c, "220 mail ESMTP\r\n\r\n") })
	informational := listen(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 10))
		io.Copy(io.Discard, c)
	})
	nobody := listen(t, func(net.Conn) {})
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()

	for name, c := range map[string]struct{ address, want string }{
		"silent":        {silent, "no answer within the timeout of 50ms"},
		"not http":      {garbage, "malformed HTTP"},
		"informational": {informational, "no final answer"},
		"closed":        {nobody, "GET http://" + nobody + "/health: "},
		"refused":       {refused.Addr().String(), "connection refused"},
		"no address":    {"nowhere", "missing port"},
		"bad path":      {"127.0.0.1:1", "invalid URL escape"},
	} {
		t.Run(name, func(t *testing.T) {
			check := testCheck()
			switch name {
			case "silent":
				check.Timeout = headroom.Duration(50 * time.Millisecond)
			case "bad path":
				check.Path = "/%zz"
			}
			if err := (Target{Address: c.address, Check: check}).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestProbeReadsNoHeadWithoutEnd(t *testing.T) {
	endless := listen(t, func(c net.Conn) {
		line := "X: " + strings.Repeat("x", 1000) + "\r\n"
		io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for {
			if _, err := io.WriteString(c, line); err != nil {
				return
			}
		}
	})
	if err := (Target{Address: endless, Check: testCheck()}).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("got %v", err)
	}
}

func TestProbeOfADisabledCheckAsksOnlyForAConnection(t *testing.T) {
	check := testCheck()
	check.Enabled = false
	address := listen(t, func(net.Conn) {})
	if err := (Target{Address: address, Check: check}).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Target{Address: address, Check: check}).Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
