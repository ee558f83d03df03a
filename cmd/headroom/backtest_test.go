package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
	"headroom.dev/headroom/simulate/backtest"
)

// trial is a config file and a load: one minute at 140 requests/s, then two at 280.
func trial(t *testing.T) (config, load string) {
	t.Helper()
	config, load = filepath.Join(t.TempDir(), "headroom.yaml"), filepath.Join(t.TempDir(), "load.csv")
	for path, text := range map[string]string{
		config: "services:\n  shop:\n    run: ./shop --port {{port}}\n    loadBalancing: {listen: 127.0.0.1:8080}\n" +
			"    scaling: {minReplicas: 2, targetRequestsPerSecond: 70, replicaHour: 0.042 USD}\n    objective: {latency: 250ms}\n",
		load: "time,value\n2026-03-02T00:00:00Z,140\n2026-03-02T00:00:59.999Z,140\n2026-03-02T00:01:00Z,280\n2026-03-02T00:03:00Z,280\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config, load
}

func TestABacktestPrintsATableThatCanBeWorkedOutByHand(t *testing.T) {
	config, load := trial(t)
	r := cli{}.run(t, "backtest", "-c", config, "--load", load, "--noise=false", "--compare", "static-peak,oracle", "--service-time", "40ms")
	// Two replicas of 100/s lack 80/s for 6 s, the one in which it is seen and 5 of booting, and the 480 that wait are gone 4 s later. Two more replicas
	// run for 119 of the 180 s: 598 replica-seconds. 280/s all the time need 4: 720. The oracle has the other two from 5 s before the surge on: 610.
	want := `shop from 2026-03-02 00:00 to 2026-03-02 00:03: 233.3 requests/s on average, 280 in the busiest second.

POLICY       REPLICA-HOURS       COST  OUTSIDE  REQUESTS OUTSIDE  SHORTAGE  EVENTS  WORST RECOVERY     P95     P99
headroom             0.166  0.007 USD       1m     2401 (5.716%)       480       1             10s   0.32s    1.8s
static-peak          0.200  0.008 USD       0m        0 (0.000%)         0       0              0s  0.048s  0.057s
oracle               0.169  0.007 USD       0m        0 (0.000%)         0       1              0s  0.057s  0.074s

A replica answers 100 requests/s at most and takes 40ms for one; it is ready 5s after its start, which comes 0s after the order.
The objective is that 99.9 % of the requests do not fail and 99 % of those answered take at most 250ms, minute by minute.
A replica's capacity is taken to be 100 requests/s: targetRequestsPerSecond 70 / 0.7. --capacity says what it is.
`
	if r.code != 0 || r.errOut != "" || r.out != want {
		t.Errorf("exit code %d, errors %q, output:\n%s", r.code, r.errOut, r.out)
	}
}

func TestABacktestWritesDecisionsPictureAndPage(t *testing.T) {
	config, load := trial(t)
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	r := cli{}.run(t, "backtest", "-c", config, "--load", load, "--compare", "", "-o", "json", "--decisions", in("d"), "--plot", in("p.svg"), "--html", in("p.html"))
	var report backtest.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || r.code != 0 || len(report.Results) != 1 || report.Results[0].ScaleEvents == 0 {
		t.Fatalf("exit code %d, errors %q, %v, output %s", r.code, r.errOut, err, r.out)
	}
	file, err := os.Open(in("d"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	count := 0
	for ; lines.Scan(); count++ {
		var d headroom.Decision
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if _, same := scaling.Replay(d); !same || d.Reason == "" {
			t.Errorf("decision %s comes out otherwise when made again from its record", d.ID)
		}
	}
	if count != report.Results[0].ScaleEvents {
		t.Errorf("%d decisions are written of %d changes", count, report.Results[0].ScaleEvents)
	}
	for name, want := range map[string]string{"p.svg": "<svg ", "p.html": "<!doctype html>"} {
		if written, err := os.ReadFile(in(name)); err != nil || !strings.HasPrefix(string(written), want) {
			t.Errorf("%s: %v, begins with %.20q", name, err, written)
		}
	}
}

func TestABacktestAsksAPrometheusForTheLoad(t *testing.T) {
	config, _ := trial(t)
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.FormValue("query")
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[{"values":[[0,"100"],[60,"100"]]}]}}`))
	}))
	defer server.Close()
	query := "sum(rate(http_requests_total[1m]))"
	r := cli{}.run(t, "backtest", "-c", config, "--noise=false", "--compare", "", "--prometheus", server.URL, "--query", query)
	if r.code != 0 || asked != query || !strings.Contains(r.out, "100 requests/s on average, 100 in the busiest second") {
		t.Errorf("exit code %d, errors %q, asked %q, output %s", r.code, r.errOut, asked, r.out)
	}
}

// monitored is a headroom that has measured a service since a minute ago: each second 100 requests of 40 ms, by two replicas.
func monitored(t *testing.T) *httptest.Server {
	began := testNow.Add(-time.Minute).Truncate(time.Second)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/operations") {
			_ = json.NewEncoder(w).Encode(map[string]any{"operations": []headroom.Operation{{Kind: headroom.OperationGrow, State: headroom.OperationConfirmed,
				PlannedAt: began, SentAt: began.Add(time.Second), FinishedAt: began.Add(4 * time.Second)}}})
			return
		}
		of := map[string]func(second float64) float64{
			"headroom_request_arrivals_total":          func(s float64) float64 { return 100 * s },
			"headroom_request_duration_seconds_count":  func(s float64) float64 { return 100 * s },
			"headroom_request_duration_seconds_sum":    func(s float64) float64 { return 4 * s },
			"headroom_request_duration_seconds_bucket": func(s float64) float64 { return 100 * s },
			"headroom_requests_in_flight":              func(float64) float64 { return 4 },
			"headroom_backend_requests_total":          func(s float64) float64 { return 50 * s },
			"headroom_backend_requests_in_flight":      func(float64) float64 { return 2 },
			"replicas":                                 func(float64) float64 { return 2 },
		}
		name := regexp.MustCompile("headroom_(request|backend)[a-z_]+").FindString(r.FormValue("query"))
		if name == "" {
			name = "replicas"
		}
		series := headroom.Series{Labels: map[string]string{"backend": "shop-1", "le": "0.05"}}
		from, _ := time.Parse(time.RFC3339Nano, r.FormValue("from"))
		to, _ := time.Parse(time.RFC3339Nano, r.FormValue("to"))
		step, _ := time.ParseDuration(r.FormValue("step"))
		for at := from; step > 0 && !at.After(to); at = at.Add(step) {
			if value := of[name](at.Sub(began).Truncate(time.Second).Seconds()); !at.Before(began) {
				series.Points = append(series.Points, headroom.Point{At: at, Value: &value})
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"result": headroom.QueryResult{Type: "matrix", Series: []headroom.Series{series}}})
	}))
	t.Cleanup(server.Close)
	return server
}

func TestABacktestLearnsTheServiceFromWhatWasMeasured(t *testing.T) {
	config, _ := trial(t)
	server := monitored(t)
	r := cli{}.run(t, "backtest", "-c", config, "--compare", "", "--from-history", "1h", "--api", server.URL)
	for _, want := range []string{
		"100 requests/s on average, 100 in the busiest second", // each second was counted, so no noise
		"takes 40ms for one; it is ready 3s after its start, which comes 1s after the order",
		"A request that does not wait takes 40ms on average: ",
		"What a replica answers at most is not known, since nothing stood in line; it is at least 50 requests/s.",
		"A replica boots for 3s on average, 3s to 3s: 1 start.",
		"A replica's capacity is taken to be 100 requests/s: targetRequestsPerSecond 70 / 0.7.",
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not said; exit code %d, errors %q, output\n%s", want, r.code, r.errOut, r.out)
		}
	}
}

func TestALearnedModelIsReadAsItIsPrinted(t *testing.T) {
	config, load := trial(t)
	r := cli{}.run(t, "backtest", "-c", config, "--compare", "", "--from-history", "1h", "--api", monitored(t).URL, "-o", "json")
	var learned, read backtest.Report
	if err := json.Unmarshal([]byte(r.out), &learned); err != nil || len(learned.Model.Boots) != 1 || len(learned.Model.ServiceTimes) == 0 {
		t.Fatalf("%v, errors %q, output %s", err, r.errOut, r.out)
	}
	text, err := json.Marshal(learned.Model)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "model.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r = cli{}.run(t, "backtest", "-c", config, "--compare", "", "--load", load, "--model", file, "-o", "json")
	if err := json.Unmarshal([]byte(r.out), &read); err != nil || !reflect.DeepEqual(read.Model, learned.Model) {
		t.Errorf("%v, errors %q, read %+v, printed %+v", err, r.errOut, read.Model, learned.Model)
	}
}

func TestAGivenModelIsTakenInPlaceOfALearnedOneAndFlagsInPlaceOfItsNumbers(t *testing.T) {
	config, load := trial(t)
	model := filepath.Join(t.TempDir(), "model.yaml")
	if err := os.WriteFile(model, []byte("capacity: 300\nserviceTime: 20ms\nserviceTimes: [{share: 0.5, time: 10ms}, {share: 0.5, time: 30ms}]\nboots: [2s, 4s]\nboot: 3s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range [][]string{{"--from-history", "1h", "--api", monitored(t).URL}, {"--load", load}} {
		r := cli{}.run(t, append([]string{"backtest", "-c", config, "--compare", "", "--model", model, "--boot", "7s"}, source...)...)
		if want := "A replica answers 300 requests/s at most and takes 20ms for one; it is ready 7s after its start"; r.code != 0 || !strings.Contains(r.out, want) || strings.Contains(r.out, "on average:") {
			t.Errorf("%v: exit code %d, errors %q, output %s", source, r.code, r.errOut, r.out)
		}
	}
}

func TestABacktestSaysWhatIsWrong(t *testing.T) {
	config, load := trial(t)
	for want, args := range map[string][]string{
		"at least one of the flags":            {},
		"--compare kpa: expected":              {"--load", load, "--compare", "hpa,kpa"},
		"--service sho":                        {"--load", load, "--service", "sho"},
		"no such file":                         {"--load", load + "x"},
		`load unit is "hourly"`:                {"--load", load, "--load-unit", "hourly"},
		`--last: "soon" is not`:                {"--load", load, "--last", "soon"},
		`--objective "99.9,fast"`:              {"--load", load, "--objective", "99.9,fast"},
		"capacity is -1":                       {"--load", load, "--capacity", "-1"},
		"they must all be set":                 {"--prometheus", "http://127.0.0.1:1"},
		"--plot: open /no":                     {"--load", load, "--plot", "/no/such/folder"},
		"--model: read /no":                    {"--load", load, "--model", "/no/such/file"},
		"which startTimeout 1m does not allow": {"--load", load, "--boot", "2m"},
	} {
		r := cli{}.run(t, append([]string{"backtest", "-c", config}, args...)...)
		if r.code == 0 || !strings.Contains(r.errOut, want) {
			t.Errorf("%v: exit code %d, errors %q, want %q", args, r.code, r.errOut, want)
		}
	}
}
