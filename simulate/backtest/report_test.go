package backtest

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestThePictureAndThePageHoldEveryPolicyAndAreWellFormed(t *testing.T) {
	w := shop(steps(t, 5*time.Minute, 140, 900, 140))
	w.Service = "shop <&>"
	r, err := Compare(t.Context(), w, Names(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var picture, page strings.Builder
	if err := errors.Join(r.Picture(&picture), r.Page(&page)); err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(strings.NewReader(picture.String())); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}
	for _, name := range append([]string{NameOwn, "shop &lt;&amp;&gt;"}, Names()...) {
		if !strings.Contains(picture.String(), name) || !strings.Contains(page.String(), name) {
			t.Errorf("%s is not in the picture or not on the page", name)
		}
	}
	if !strings.Contains(picture.String(), shortageColor) || strings.Contains(page.String(), "src=") || strings.Contains(page.String(), "href=") {
		t.Error("no shortage is drawn, or the page needs other files")
	}
}

func TestWhatIsDerivedOrNotKnownIsSaid(t *testing.T) {
	m, notes, err := Default().Complete(headroom.Scaling{TargetRequestsPerSecond: 70}, PerSecond, 0)
	if err != nil || m.Capacity < 99.99 || m.Capacity > 100.01 || len(notes) != 1 || !strings.Contains(notes[0], "targetRequestsPerSecond 70 / 0.7") {
		t.Errorf("%+v, %v, %v", m, notes, err)
	}
	// 7 at once of 50 ms each are 140/s at the target, 200 at most.
	m, notes, err = Default().Complete(headroom.Scaling{TargetInFlight: 7}, PerSecond, 0)
	if err != nil || m.Capacity < 199.99 || m.Capacity > 200.01 || len(notes) != 1 {
		t.Errorf("%+v, %v, %v", m, notes, err)
	}
	if m, _, err = Default().Complete(headroom.Scaling{TargetCPUUtilization: 70}, CPU, 0); err != nil || m.Capacity != 100 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, _, err = Default().Complete(headroom.Scaling{TargetCPUUtilization: 70}, PerSecond, 0); err == nil || !strings.Contains(err.Error(), "--capacity") {
		t.Errorf("a capacity comes from nowhere: %v", err)
	}
	// What a replica has done it can do.
	if m, notes, err = Default().Complete(headroom.Scaling{TargetRequestsPerSecond: 70}, PerSecond, 120); err != nil || m.Capacity != 120 || len(notes) != 2 {
		t.Errorf("%+v, %v, %v", m, notes, err)
	}
	policy := headroom.Scaling{TargetMemoryUtilization: 80, Policies: []headroom.ScalingPolicy{
		{Target: &headroom.TargetPolicy{Metric: "queue"}}, {Target: &headroom.TargetPolicy{Metric: "other"}, Shadow: true}},
		Signals: map[headroom.Metric]headroom.SignalFrom{"queue": {}, "other": {}}}
	if notes := strings.Join(unmodeled(policy), "\n"); !strings.Contains(notes, "signal memory") || !strings.Contains(notes, "signal queue") || strings.Contains(notes, "other") {
		t.Errorf("notes are %q", notes)
	}
}

func TestTheReportSaysThatSignalsOfRulesAndFormulasAreUnknownToIt(t *testing.T) {
	policy := headroom.Scaling{
		Signals: map[headroom.Metric]headroom.SignalFrom{"queue": {}, "lag": {}, "unused": {}},
		Policies: []headroom.ScalingPolicy{
			{Name: "a", Rule: &headroom.RulePolicy{When: "signal.queue.total > 100 && signal.cpu.value > 50", Replicas: "current + 1"}},
			{Name: "b", Formula: &headroom.FormulaPolicy{Value: `signal["lag"].total + signal.memory.value`, Target: 3}},
		},
	}
	notes := unmodeled(policy)
	for i, name := range []string{"queue", "lag", "memory"} {
		if i >= len(notes) || !strings.Contains(notes[i], "signal "+name+" ") {
			t.Errorf("the notes are %q, want one on %s", notes, name)
		}
	}
	if len(notes) != 3 {
		t.Errorf("%d notes, want 3: %q", len(notes), notes)
	}
}

func TestModelsThatCannotBeAreNamed(t *testing.T) {
	for want, change := range map[string]func(*Model){
		"capacity is -1":         func(m *Model) { m.Capacity = -1 },
		"service time is 2h":     func(m *Model) { m.ServiceTime = headroom.Duration(2 * time.Hour) },
		"cpu at capacity is 101": func(m *Model) { m.CPUAtCapacity = 101 },
		"patience is 2h":         func(m *Model) { m.Patience = headroom.Duration(2 * time.Hour) },
		"boot is 2d":             func(m *Model) { m.Boot = headroom.Duration(48 * time.Hour) },
		"platform delay is":      func(m *Model) { m.PlatformDelay = -1 },
		"start failures is 1":    func(m *Model) { m.StartFailures = 1 },
		"which startTimeout 5s":  func(m *Model) { m.StartTimeout = headroom.Duration(5 * time.Second) },
	} {
		m := model()
		change(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestPrometheusIsAskedForARangeAndItsSeriesAddUp(t *testing.T) {
	answer := `{"status":"success","data":{"resultType":"matrix","result":[
		{"metric":{"a":"1"},"values":[[0,"1"],[15,"2"],[30,"NaN"]]},{"metric":{"a":"2"},"values":[[15,"3.5"],[30,"4"]]}]}}`
	status, asked := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path + " " + r.FormValue("query") + " " + r.FormValue("start") + " " + r.FormValue("end") + " " + r.FormValue("step")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	got, err := QueryPrometheus(t.Context(), server.Client(), server.URL+"/prefix", "up", at(0), at(3600))
	if want := (Series{{at(0), 1}, {at(15), 5.5}, {at(30), 4}}); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if want := "/prefix/api/v1/query_range up 0.000 3600.000 15"; asked != want {
		t.Errorf("asked %q, want %q", asked, want)
	}
	for _, c := range []struct {
		status                int
		answer, want, address string
	}{
		{400, `{"status":"error","error":"parse error"}`, "parse error", server.URL},
		{200, `<html>`, "not Prometheus' form", server.URL},
		{200, `{"data":{"resultType":"matrix","result":[{"values":[["x","1"]]}]}}`, `answered a point "x", "1"`, server.URL},
		{200, `{"data":{"resultType":"matrix","result":[{"values":[[1,"-5"]]}]}}`, "is -5", server.URL},
		{200, `{"data":{"resultType":"matrix","result":[]}}`, "has 0 points", server.URL},
		{200, ``, "not the address of a Prometheus", "prometheus:9090"},
	} {
		status, answer = c.status, c.answer
		if _, err := QueryPrometheus(t.Context(), server.Client(), c.address, "up", at(0), at(3600)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d %s: %v, want %q", c.status, c.answer, err, c.want)
		}
	}
	if step := StepFor(7*24*time.Hour, time.Second); step != 61*time.Second { // 604,800 s in 10,000 points
		t.Errorf("a week is asked for each %v, want 61s", step)
	}
}

// tracesVariable names a folder with real traces of load, each a CSV file of time,value; where it is not set, the one beside the repository is used.
const tracesVariable = "HEADROOM_TRACES"

func TestRealTracesKeepTheInvariants(t *testing.T) {
	folder := os.Getenv(tracesVariable)
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "data", "traces")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.csv"))
	if err != nil || len(files) == 0 {
		t.Skipf("no traces in %s: %s names their folder", folder, tracesVariable)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			file, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			series, err := ReadCSV(file)
			if err != nil && strings.Contains(err.Error(), "expected a number, 0 or more") {
				t.Skip(err) // normalized: no load
			}
			if err != nil {
				t.Fatal(err)
			}
			// Any unit will do: each is scaled so that its busiest time needs about 20 replicas.
			most := 0.0
			for _, p := range series.Last(3 * time.Hour) {
				most = max(most, p.Value)
			}
			series, err = series.Last(3*time.Hour).Rates(PerSecond, 2000/most)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Compare(t.Context(), shop(series), Names(), nil)
			if err != nil {
				t.Fatal(err)
			}
			byName := map[string]Result{}
			for _, result := range r.Results {
				byName[result.Policy] = result
				t.Log(result.Row())
			}
			if byName[NameOracle].Shortage != 0 || byName[NameStaticPeak].Shortage != 0 {
				t.Errorf("who knows the peak lacks something: %+v", r.Results)
			}
			if oracle, peak := byName[NameOracle], byName[NameStaticPeak]; oracle.ReplicaHours > peak.ReplicaHours {
				t.Errorf("the oracle takes %.1f replica-hours, enough for the peak all the time %.1f", oracle.ReplicaHours, peak.ReplicaHours)
			}
		})
	}
}
