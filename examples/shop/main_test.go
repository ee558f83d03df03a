package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestMain lets the test binary be the shop itself, so that signals and exit codes are tested on a real process.
func TestMain(m *testing.M) {
	if os.Getenv("SHOP_TEST_PROCESS") == "1" {
		main()
	}
	os.Exit(m.Run())
}

// process starts the shop as a process and returns it with its address, once it listens.
func process(t *testing.T, args ...string) (*exec.Cmd, string, *bufio.Reader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "SHOP_TEST_PROCESS=1", "PORT=0", "REPLICA_ID=shop-7")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatalf("no first line: %v", err)
	}
	var address string
	var pid int
	if _, err := fmt.Sscanf(line, "shop: listening on %s (pid %d)", &address, &pid); err != nil || pid != cmd.Process.Pid {
		t.Fatalf("first line %q: %v", line, err)
	}
	return cmd, address, out
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestTerminationFinishesRequestsInFlightAndExitsZero(t *testing.T) {
	cmd, address, out := process(t)
	answered := make(chan answer, 1)
	request, _ := http.NewRequest(http.MethodGet, address+"/slow?for=700ms", nil)
	go func() {
		var a answer
		defer func() { answered <- a }()
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return
		}
		defer response.Body.Close()
		_ = json.NewDecoder(response.Body).Decode(&a)
	}()
	// The slow request has arrived as soon as an answer's number is above the count of our own requests.
	deadline := time.Now().Add(10 * time.Second)
	for ours := int64(1); ; ours++ {
		var a answer
		if _, body := get(t, address); json.Unmarshal([]byte(body), &a) != nil {
			t.Fatalf("answer %q", body)
		}
		if a.Request > ours {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the slow request never arrived")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	got := <-answered
	if got.Replica != "shop-7" || got.PID != cmd.Process.Pid || got.Path != "/slow" {
		t.Errorf("the request in flight was answered %+v", got)
	}
	rest, _ := io.ReadAll(out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if !strings.Contains(string(rest), "shop: stopped after") {
		t.Errorf("last words: %q", rest)
	}
}

func TestCrashAfterEndsTheProcessWithCodeOne(t *testing.T) {
	cmd, _, _ := process(t, "--crash-after", "50ms")
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != exitFailure {
		t.Errorf("exit: %v", err)
	}
}

func TestWrongFlagsAreNamedAndExitTwo(t *testing.T) {
	cases := map[string]struct {
		args []string
		env  string
		want string
	}{
		"no port":              {nil, "", "no port: give --port 8081, or set PORT"},
		"port not a number":    {[]string{"--port", "http"}, "", `--port (or PORT) is "http": expected a number from 0 to 65535`},
		"port too large":       {nil, "65536", `"65536": expected a number from 0 to 65535`},
		"unknown flag":         {[]string{"--prot", "1"}, "", "flag provided but not defined: -prot"},
		"not a duration":       {[]string{"--cpu", "5"}, "1", `invalid value "5" for flag -cpu`},
		"negative duration":    {[]string{"--latency", "-1s"}, "1", "--latency is -1s: expected a duration of 0 or more"},
		"unknown distribution": {[]string{"--latency-distribution", "normal"}, "1", `is "normal": expected fixed or exponential`},
		"negative workers":     {[]string{"--workers", "-1"}, "1", "--workers is -1: expected 0 (unlimited) or more"},
		"rate above one":       {[]string{"--fail-rate", "1.5"}, "1", "--fail-rate is 1.5: expected a number from 0 to 1"},
		"rate not a number":    {[]string{"--fail-rate", "NaN"}, "1", "--fail-rate is NaN"},
		"unknown unit":         {[]string{"--memory", "64GM"}, "1", `--memory: "64GM": unknown unit`},
		"memory too large":     {[]string{"--memory", "1025GiB"}, "1", "expected a size from 0 to 1024GiB"},
		"argument":             {[]string{"serve"}, "1", `unexpected argument "serve"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			getenv := func(key string) string {
				if key == "PORT" {
					return c.env
				}
				return ""
			}
			if code := run(c.args, getenv, io.Discard, &stderr); code != exitUsage {
				t.Errorf("exit code %d", code)
			}
			if !strings.Contains(stderr.String(), c.want) {
				t.Errorf("said %q, want %q", stderr.String(), c.want)
			}
		})
	}
}

func TestPortInUseIsSaid(t *testing.T) {
	_, address, _ := process(t)
	port := address[strings.LastIndex(address, ":")+1:]
	var stderr bytes.Buffer
	if code := run([]string{"--port", port}, func(string) string { return "" }, io.Discard, &stderr); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("said %q", stderr.String())
	}
}

func TestWorkersServeOneAtATimeInOrderSoCapacityIsWorkersOverLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(options{workers: 2, latency: 20 * time.Millisecond, distribution: "fixed"}, time.Now())
		start := time.Now()
		var mu sync.Mutex
		var finished []time.Duration
		var requests sync.WaitGroup
		for range 10 {
			requests.Go(func() {
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
				mu.Lock()
				defer mu.Unlock()
				finished = append(finished, time.Since(start))
			})
		}
		requests.Wait()
		// Two at once, 20 ms each: 2/0.02 = 100 a second, so ten take 100 ms, in pairs.
		for i, at := range finished {
			if want := time.Duration(i/2+1) * 20 * time.Millisecond; at != want {
				t.Errorf("request %d finished after %v, want %v", i, at, want)
			}
		}
	})
}

func TestReadyDelayRefusesWorkUntilHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(options{readyDelay: 3 * time.Second, distribution: "fixed"}, time.Now())
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 503}, {2999 * time.Millisecond, 503}, {time.Millisecond, 200}} {
			time.Sleep(step.after) // virtual time
			for _, path := range []string{"/health", "/"} {
				w := httptest.NewRecorder()
				s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
				if w.Code != step.want {
					t.Errorf("%s at +%v: %d, want %d", path, step.after, w.Code, step.want)
				}
			}
		}
	})
}

func TestEndpointsAnswer(t *testing.T) {
	ask := func(o options, method, target, body string) *httptest.ResponseRecorder {
		o.distribution = "fixed"
		w := httptest.NewRecorder()
		newService(o, time.Now()).ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
		return w
	}
	cases := map[string]struct {
		options              options
		method, target, body string
		code                 int
		want                 string
	}{
		"echo":            {options{}, "POST", "/echo", "hello", 200, "hello"},
		"big":             {options{}, "GET", "/big?bytes=28", "", 200, "abcdefghijklmnopqrstuvwxyzab"},
		"big nothing":     {options{}, "GET", "/big?bytes=0", "", 200, ""},
		"big wrong":       {options{}, "GET", "/big?bytes=-1", "", 400, "bytes is \"-1\": expected a whole number, such as /big?bytes=1000000\n"},
		"slow wrong":      {options{}, "GET", "/slow?for=2", "", 400, "for is \"2\": expected a duration, such as /slow?for=2s\n"},
		"always fails":    {options{failRate: 1}, "GET", "/", "", 500, "failing on purpose: --fail-rate\n"},
		"fail not health": {options{failRate: 1}, "GET", "/health", "", 200, "ok\n"},
		"never healthy":   {options{neverHealthy: true}, "GET", "/health", "", 503, "never healthy: --never-healthy\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if w := ask(c.options, c.method, c.target, c.body); w.Code != c.code || w.Body.String() != c.want {
				t.Errorf("answered %d %q, want %d %q", w.Code, w.Body.String(), c.code, c.want)
			}
		})
	}
	// A body of several blocks has exactly the length it was asked for.
	if w := ask(options{}, "GET", "/big?bytes=100001", ""); w.Body.Len() != 100001 {
		t.Errorf("/big?bytes=100001 answered %d bytes", w.Body.Len())
	}
}

func TestBurnUsesCPUTimeAndNotMerelyWallTime(t *testing.T) {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	newFurnace().burn(100 * time.Millisecond)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	// The kernel's own account may move in ticks of 4 ms or 10 ms.
	if used < 85*time.Millisecond {
		t.Errorf("burn(100ms) used %v of CPU", used)
	}
}
