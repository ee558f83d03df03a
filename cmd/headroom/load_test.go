package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/simulate/load"
)

// answering is a server that answers every request with 200.
func answering(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	t.Cleanup(server.Close)
	return server.URL
}

func TestLoadSendsWhatWasAskedForAndEndsWithATable(t *testing.T) {
	histogram := filepath.Join(t.TempDir(), "latency.hgrm")
	// 0.2 s at 100 requests per second are 20.
	r := cli{}.run(t, "load", "--url", answering(t), "--rate", "100", "--duration", "200ms", "--hdr", histogram)
	if r.code != 0 || r.errOut != "" {
		t.Fatalf("exit code %d, errors %q", r.code, r.errOut)
	}
	if !strings.Contains(r.out, "scheduled           20") || !strings.Contains(r.out, "answered            20") {
		t.Errorf("the table does not say 20 scheduled and answered:\n%s", r.out)
	}
	written, err := os.ReadFile(histogram)
	if err != nil || !strings.Contains(string(written), "Percentile") {
		t.Errorf("the histogram is %q, %v", written, err)
	}
}

func TestLoadReadsATraceFasterAndScaled(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace.csv")
	// Two rows of 10 s at 10/s; at 100 times the speed 0.1 s each, and at 5 times the rate 50/s: 10 requests in all.
	if err := os.WriteFile(trace, []byte("unix_seconds,value\n0,10\n10,10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := cli{}.run(t, "load", "--url", answering(t), "--trace", trace, "--speed", "100", "--scale", "5", "-o", "json")
	var report struct {
		Counts struct{ Scheduled, Answered int }
	}
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v: %q, errors %q", err, r.out, r.errOut)
	}
	if report.Counts.Scheduled != 10 || report.Counts.Answered != 10 {
		t.Errorf("scheduled and answered %+v, want 10 and 10", report.Counts)
	}
}

func TestLoadShowsProgressOnATerminalOnly(t *testing.T) {
	url := answering(t)
	args := []string{"load", "--url", url, "--sine", "50,10,1s", "--duration", "100ms"}
	if r := (cli{}).run(t, args...); r.errOut != "" {
		t.Errorf("without a terminal there is progress: %q", r.errOut)
	}
	r := cli{terminal: true}.run(t, args...)
	if !strings.Contains(r.errOut, "in flight") || !strings.HasSuffix(r.errOut, "\r\x1b[K") {
		t.Errorf("progress on a terminal is %q, want a line that is cleared at the end", r.errOut)
	}
}

func TestTheLoadLineCountsDroppedRequestsWhereThereAreAny(t *testing.T) {
	p := load.Progress{Elapsed: 12 * time.Second, Total: time.Minute, Target: 40, InFlight: 3,
		Counts: load.Counts{Sent: 41, Failed: 1}, Latency: load.Latency{P50: 1234 * time.Microsecond, P99: 56 * time.Millisecond}}
	want := "12s of 1m0s  40/s wanted  41 sent  1 failed  3 in flight  p50 1.23ms  p99 56ms"
	if got := loadLine(p); got != want {
		t.Errorf("line is %q, want %q", got, want)
	}
	p.Counts.Dropped = 7
	if got := loadLine(p); got != want+"  7 dropped" {
		t.Errorf("line is %q, want it to end in 7 dropped", got)
	}
}

func TestSinesAreReadAsMeanAmplitudePeriod(t *testing.T) {
	sine, err := parseSine("100,50.5,60s")
	if want := (load.Sine{Mean: 100, Amplitude: 50.5, Period: time.Minute}); err != nil || sine != want {
		t.Errorf("sine is %+v, %v; want %+v", sine, err, want)
	}
	for text, want := range map[string]string{
		"100": "expected mean,amplitude,period", "100,50,soon": "expected a duration such as 60s",
		"100,150,60s": "amplitude is 150", "a,b,c": "expected mean,amplitude,period",
	} {
		if _, err := parseSine(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("sine %q: %v, want %q", text, err, want)
		}
	}
}
