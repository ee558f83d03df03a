package metrics

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func newTestRecorder(t *testing.T) (*Recorder, *Store, *clock) {
	t.Helper()
	c := &clock{now: epoch}
	store := openStore(t, t.TempDir())
	return NewRecorder(RecorderOptions{Store: store, Version: "1.2.3", Now: c.Now}), store, c
}

func histogram(durations ...time.Duration) headroom.Histogram {
	var h headroom.Histogram
	for _, d := range durations {
		h.Add(d)
	}
	return h
}

// shop is a second in which service shop answered ok requests and failed bad ones on backend a,
// and had no backend for none.
func shop(at time.Time, ok, bad, none uint64, backends ...headroom.BackendMeasurement) headroom.Measurement {
	var latency headroom.Histogram
	for range ok + bad + none {
		latency.Add(time.Millisecond)
	}
	return headroom.Measurement{At: at, Window: headroom.Duration(time.Second), Services: []headroom.ServiceMeasurement{{
		Service: "shop",
		Traffic: headroom.Traffic{
			Arrivals: ok + bad + none, InFlightMean: 2.5, Latency: latency, BytesIn: 10, BytesOut: 100,
			Outcomes: headroom.Outcomes{Success: ok, ServerError: bad, NoBackend: none},
		},
		Backends: backends,
	}}}
}

func backend(id string, health headroom.Health, ok uint64) headroom.BackendMeasurement {
	return headroom.BackendMeasurement{ID: id, Health: health, Breaker: headroom.BreakerClosed,
		Traffic: headroom.Traffic{Outcomes: headroom.Outcomes{Success: ok}, InFlightMean: 1}}
}

func TestCountsOfEachSecondBecomeCumulativeCounters(t *testing.T) {
	r, store, _ := newTestRecorder(t)
	for i := range 11 {
		r.RecordMeasurement(shop(epoch.Add(time.Duration(i)*time.Second), 8, 2, 1,
			backend("a", headroom.HealthHealthy, 6), backend("b", headroom.HealthUnhealthy, 2)))
	}
	end := epoch.Add(10 * time.Second)
	for _, c := range []struct {
		expr, label string
		want        map[string]float64
	}{
		{`headroom_requests_total{service="shop"} > 0`, "outcome", map[string]float64{"2xx": 88, "5xx": 22, "no_backend": 11}},
		{`rate(headroom_requests_total{outcome="2xx"}[10s])`, "outcome", map[string]float64{"2xx": 8}},
		{`headroom_requests_in_flight`, "service", map[string]float64{"shop": 2.5}},
		{`headroom_received_bytes_total`, "service", map[string]float64{"shop": 110}},
		{`headroom_sent_bytes_total`, "service", map[string]float64{"shop": 1100}},
		{`headroom_backends`, "health", map[string]float64{"healthy": 1, "unhealthy": 1, "unknown": 0}},
		{`headroom_backend_requests_total`, "backend", map[string]float64{"a": 66, "b": 22}},
		{`headroom_backend_up`, "backend", map[string]float64{"a": 1, "b": 0}},
		{`headroom_backend_breaker_open`, "backend", map[string]float64{"a": 0, "b": 0}},
		{`headroom_backend_requests_in_flight`, "backend", map[string]float64{"a": 1, "b": 1}},
		{`headroom_request_duration_seconds_count`, "service", map[string]float64{"shop": 121}},
		// 121 requests of 1 ms, Add's sum is exact.
		{`headroom_request_duration_seconds_sum`, "service", map[string]float64{"shop": 0.121}},
		{`headroom_request_duration_seconds_bucket{le="0.000896"}`, "service", map[string]float64{"shop": 0}},
		{`headroom_request_duration_seconds_bucket{le="0.001024"}`, "service", map[string]float64{"shop": 121}},
		{`headroom_request_duration_seconds_bucket{le="+Inf"}`, "service", map[string]float64{"shop": 121}},
	} {
		got := values(t, store, c.expr, end, c.label)
		if len(got) != len(c.want) {
			t.Errorf("%s is %v; expected %v", c.expr, got, c.want)
		}
		for key, want := range c.want {
			if math.Abs(got[key]-want) > 1e-9*want {
				t.Errorf("%s is %v; expected %v", c.expr, got, c.want)
			}
		}
	}
}

func TestBackendThatLeavesTheReportLeavesQueriesAtOnce(t *testing.T) {
	r, store, _ := newTestRecorder(t)
	r.RecordMeasurement(shop(epoch, 1, 0, 0, backend("a", headroom.HealthHealthy, 1), backend("b", headroom.HealthHealthy, 1)))
	r.RecordMeasurement(shop(epoch.Add(time.Second), 1, 0, 0, backend("b", headroom.HealthUnknown, 1)))
	at := epoch.Add(time.Second)
	if got := values(t, store, `count by (backend) ({backend!=""})`, at, "backend"); got["a"] != 0 || got["b"] == 0 {
		t.Errorf("series per backend are %v; expected none of a", got)
	}
	if got := values(t, store, `headroom_backend_up`, at, "backend"); len(got) != 0 {
		t.Errorf("headroom_backend_up is %v; expected nothing while b's health is not known", got)
	}
	r.RecordMeasurement(headroom.Measurement{At: epoch.Add(2 * time.Second), Window: headroom.Duration(time.Second)})
	if got := values(t, store, `count({service="shop"})`, epoch.Add(2*time.Second), ""); len(got) != 0 {
		t.Errorf("found %v series of a service that is gone", got)
	}
}

func TestUnreadableUsageAndUnknownCountsLeaveQueriesAtOnce(t *testing.T) {
	r, store, _ := newTestRecorder(t)
	cpu, memory, two := 1.5, headroom.Bytes(4096), 2
	usage := []headroom.ReplicaUsage{{Service: "shop", Replica: "shop-1", CPUSeconds: &cpu, Memory: &memory, CPULimit: 500, MemLimit: 8192}}
	r.RecordUsage(epoch, usage)
	r.RecordReplicas(epoch, []Replicas{{Service: "shop", Desired: 3, Ready: &two, Min: 2, Max: 10}})
	for expr, want := range map[string]float64{
		`headroom_replica_cpu_seconds_total`: 1.5, `headroom_replica_memory_bytes`: 4096, `headroom_replica_cpu_limit_cores`: 0.5,
		`headroom_replica_memory_limit_bytes`: 8192, `headroom_replicas_desired`: 3, `headroom_replicas_ready`: 2,
		`headroom_replicas_min`: 2, `headroom_replicas_max`: 10,
	} {
		if got := values(t, store, expr, epoch, "service"); got["shop"] != want {
			t.Errorf("%s is %v; expected %v", expr, got, want)
		}
	}
	next := epoch.Add(time.Second)
	usage[0].CPUSeconds = nil
	r.RecordUsage(next, usage)
	r.RecordReplicas(next, []Replicas{{Service: "shop", Desired: 3, Min: 2, Max: 10}})
	for _, expr := range []string{`headroom_replica_cpu_seconds_total`, `headroom_replicas_ready`, `headroom_replicas_starting`} {
		if got := values(t, store, expr, next, "service"); len(got) != 0 {
			t.Errorf("%s is %v; expected nothing once it is not known", expr, got)
		}
	}
	if got := values(t, store, `headroom_replica_memory_bytes`, next, "replica"); got["shop-1"] != 4096 {
		t.Errorf("memory is %v; expected 4096 still", got)
	}
}

func TestWhatPoliciesAskForIsRecordedUntilTheyAbstain(t *testing.T) {
	r, store, _ := newTestRecorder(t)
	shop := Replicas{Service: "shop", Desired: 3, Proposals: []Proposal{{Policy: "queue", Replicas: 3}, {Policy: "ahead", Shadow: true, Replicas: 5}}}
	r.RecordReplicas(epoch, []Replicas{shop})
	if got := values(t, store, `headroom_policy_proposal{shadow="true"}`, epoch, "policy"); len(got) != 1 || got["ahead"] != 5 {
		t.Errorf("shadows ask for %v; expected 5 by ahead", got)
	}
	shop.Proposals = shop.Proposals[:1]
	next := epoch.Add(time.Second)
	r.RecordReplicas(next, []Replicas{shop})
	if got := values(t, store, `headroom_policy_proposal`, next, "policy"); len(got) != 1 || got["queue"] != 3 {
		t.Errorf("asked for are %v; expected 3 by queue alone", got)
	}
}

// Two decisions 1 and 300 ms late, then one of 2 s: the buckets are powers of two of 256 µs, so 256 ms and 524 ms are edges.
func TestTheLatenessOfDecisionsIsAddedUp(t *testing.T) {
	r, store, _ := newTestRecorder(t)
	late := func(at time.Time, durations ...time.Duration) {
		var h headroom.Histogram
		for _, d := range durations {
			h.Add(d)
		}
		r.RecordLateness(at, h)
	}
	late(epoch, time.Millisecond, 300*time.Millisecond)
	next := epoch.Add(time.Second)
	late(next, 2*time.Second)
	for expr, want := range map[string]float64{
		`headroom_scaler_lateness_seconds_count`: 3, `headroom_scaler_lateness_seconds_sum`: 2.301,
		`headroom_scaler_lateness_seconds_bucket{le="0.262144"}`: 1, `headroom_scaler_lateness_seconds_bucket{le="0.524288"}`: 2,
	} {
		if got := values(t, store, expr, next, "service"); got[""] != want {
			t.Errorf("%s is %v; expected %v", expr, got, want)
		}
	}
}

// scrape asks the handler as a scraper would and parses what it gets.
func scrape(t *testing.T, handler http.Handler) map[string]*dto.MetricFamily {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if recorder.Code != http.StatusOK {
		t.Fatalf("status %d: %s", recorder.Code, recorder.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(recorder.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func TestExpositionParsesAndHoldsTheCurrentValues(t *testing.T) {
	r, _, c := newTestRecorder(t)
	odd := "a\"b\\c\nd\xff"
	r.RecordMeasurement(shop(epoch, 8, 2, 0, backend(odd, headroom.HealthHealthy, 8)))
	r.RecordMeasurement(shop(epoch.Add(time.Second), 1, 0, 0, backend(odd, headroom.HealthHealthy, 1)))
	handler := r.Handler()
	families := scrape(t, handler)
	got := map[string]float64{}
	for _, metric := range families["headroom_requests_total"].GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "outcome" {
				got[label.GetValue()] = metric.GetCounter().GetValue()
			}
		}
	}
	if len(got) != 11 || got["2xx"] != 9 || got["5xx"] != 2 || got["timeout"] != 0 {
		t.Errorf("requests are %v; expected 9 of 2xx, 2 of 5xx and 0 of nine others", got)
	}
	latency := families["headroom_request_duration_seconds"].GetMetric()[0].GetHistogram()
	if latency.GetSampleCount() != 11 || math.Abs(latency.GetSampleSum()-0.011) > 1e-12 {
		t.Errorf("durations are %v; expected 11 of 0.011 s together", latency)
	}
	label := families["headroom_backend_up"].GetMetric()[0].GetLabel()
	if want := "a\"b\\c\nd\uFFFD"; label[0].GetValue() != want {
		t.Errorf("backend is %q; expected %q", label[0].GetValue(), want)
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "prometheus_tsdb_head_series", "headroom_build_info", "headroom_metrics_append_failures_total"} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	// A balancer that is silent for longer than the lookback is not shown as if it were alive.
	c.set(epoch.Add(time.Second + Lookback + time.Millisecond))
	if scrape(t, handler)["headroom_requests_total"] != nil {
		t.Error("a silent balancer is still shown")
	}
}

func TestExpositionSpeaksOpenMetrics(t *testing.T) {
	r := NewRecorder(RecorderOptions{Now: func() time.Time { return epoch }})
	r.RecordMeasurement(shop(epoch, 1, 0, 0))
	server := httptest.NewServer(r.Handler())
	defer server.Close()
	request, _ := http.NewRequest(http.MethodGet, server.URL, nil)
	request.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/openmetrics-text") || !bytes.HasSuffix(body, []byte("# EOF\n")) {
		t.Errorf("got %s ending in %q", response.Header.Get("Content-Type"), body[max(0, len(body)-40):])
	}
}

// Every scrape must be of whole reports: as many durations as requests.
func TestScrapesDuringReportsAreConsistent(t *testing.T) {
	r, store, _ := newTestRecorder(t)
	handler := r.Handler()
	stop := make(chan struct{})
	var reports sync.WaitGroup
	reports.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				r.RecordMeasurement(shop(epoch.Add(time.Duration(i)*time.Millisecond), 3, 1, 0, backend("a", headroom.HealthHealthy, 1)))
			}
		}
	})
	var scrapers sync.WaitGroup
	for range 2 {
		scrapers.Go(func() {
			for range 20 {
				families := scrape(t, handler)
				var requests float64
				for _, metric := range families["headroom_requests_total"].GetMetric() {
					requests += metric.GetCounter().GetValue()
				}
				if families["headroom_request_duration_seconds"] == nil {
					continue // before the first report
				}
				durations := families["headroom_request_duration_seconds"].GetMetric()[0].GetHistogram().GetSampleCount()
				if uint64(requests) != durations {
					t.Errorf("a scrape shows %v requests and %d durations", requests, durations)
				}
			}
		})
	}
	scrapers.Wait()
	close(stop)
	reports.Wait()
	if store.Stats().Refused != 0 {
		t.Errorf("%d samples were refused", store.Stats().Refused)
	}
}

func TestFailingStoreIsLoggedOnceAMinuteAndNeverFatal(t *testing.T) {
	var log bytes.Buffer
	c := &clock{now: epoch}
	store := openStore(t, t.TempDir())
	r := NewRecorder(RecorderOptions{Store: store, Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: c.Now})
	store.Close()
	for i := range 61 {
		c.set(epoch.Add(time.Duration(i) * time.Second))
		r.RecordMeasurement(shop(c.Now(), 1, 0, 0))
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "failures=1 ") || !strings.Contains(lines[1], "failures=60 ") {
		t.Errorf("61 failures in 61 s logged:\n%s", log.String())
	}
	families := scrape(t, NewRecorder(RecorderOptions{Now: c.Now}).Handler())
	if families["headroom_build_info"] == nil {
		t.Error("a recorder without a store shows nothing")
	}
	if got := scrape(t, r.Handler())["headroom_metrics_append_failures_total"].GetMetric()[0].GetCounter().GetValue(); got != 61 {
		t.Errorf("counted %v failures; expected 61", got)
	}
}

// Every exposed bucket is the exact number of durations below its bound, whatever was reported in
// whatever pieces.
func TestPropertyBucketsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.SampledFrom([]int{2, 8}).Draw(t, "step")
		d := newDurations(edges(step))
		all := rapid.SliceOf(rapid.Int64Range(0, int64(2*time.Minute))).Draw(t, "durations")
		var sum time.Duration
		pieces := make([]headroom.Histogram, 3)
		for i, n := range all {
			pieces[i%3].Add(time.Duration(n))
			sum += time.Duration(n)
		}
		for _, piece := range pieces {
			d.add(piece)
		}
		if d.total != uint64(len(all)) || d.sum != sum {
			t.Fatalf("total %d, sum %v; expected %d, %v", d.total, d.sum, len(all), sum)
		}
		for bound, got := range d.buckets() {
			var want uint64
			for _, n := range all {
				if time.Duration(n).Truncate(time.Microsecond).Seconds() < bound {
					want++
				}
			}
			if got != want {
				t.Fatalf("%d durations below %vs; expected %d", got, bound, want)
			}
		}
	})
}

func TestStoredQuantileIsNearTheTrueOne(t *testing.T) {
	r, store, _ := newTestRecorder(t)
	// 1..1000 ms: the 95th percentile is 950 ms. Buckets at this place are [0.917504, 1.048576) s, so
	// interpolation inside them is off by less than their width.
	var latency headroom.Histogram
	for ms := 1; ms <= 1000; ms++ {
		latency.Add(time.Duration(ms) * time.Millisecond)
	}
	m := shop(epoch, 0, 0, 0)
	m.Services[0].Traffic.Latency = latency
	r.RecordMeasurement(m)
	result, err := store.Query(context.Background(), `histogram_quantile(0.95, headroom_request_duration_seconds_bucket)`, epoch)
	if err != nil {
		t.Fatal(err)
	}
	if got := *result.Series[0].Points[0].Value; got < 0.9175 || got > 1.0486 {
		t.Errorf("p95 is %v; expected between 0.9175 and 1.0486", got)
	}
}

// BenchmarkRecordOneSecond is the price of a second: a service with ten backends.
func BenchmarkRecordOneSecond(b *testing.B) {
	store, err := Open(Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	r := NewRecorder(RecorderOptions{Store: store})
	var backends []headroom.BackendMeasurement
	for i := range 10 {
		one := backend(fmt.Sprintf("shop-%d", i), headroom.HealthHealthy, 50)
		one.Traffic.Latency = histogram(time.Millisecond, 20*time.Millisecond, 300*time.Millisecond)
		backends = append(backends, one)
	}
	at := epoch
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		r.RecordMeasurement(shop(at, 500, 1, 0, backends...))
	}
	b.ReportMetric(float64(store.Stats().Appended)/float64(b.N), "samples/op")
}
