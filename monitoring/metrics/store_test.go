package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// epoch is the time of the first sample in these tests.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func counter(backend string, value float64) Sample {
	return Sample{Name: "requests_total", Labels: []Label{{"service", "shop"}, {"backend", backend}}, Value: value}
}

func mustAppend(t *testing.T, s *Store, at time.Time, samples ...Sample) {
	t.Helper()
	if err := s.Append(at, samples); err != nil {
		t.Fatal(err)
	}
}

// values evaluates expr and returns the value of each series under the value of its label.
func values(t *testing.T, s *Store, expr string, at time.Time, label string) map[string]float64 {
	t.Helper()
	result, err := s.Query(context.Background(), expr, at)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, series := range result.Series {
		out[series.Labels[label]] = *series.Points[0].Value
	}
	return out
}

func TestRateOfACounterIsItsSlope(t *testing.T) {
	s := openStore(t, t.TempDir())
	// a grows by 10 a second, b by 4: over any window the rates are 10 and 4, the sum 14.
	for i := range 61 {
		mustAppend(t, s, epoch.Add(time.Duration(i)*time.Second), counter("a", float64(10*i)), counter("b", float64(4*i)))
	}
	end := epoch.Add(60 * time.Second)
	got := values(t, s, `rate(requests_total[30s])`, end, "backend")
	if math.Abs(got["a"]-10) > 1e-9 || math.Abs(got["b"]-4) > 1e-9 || len(got) != 2 {
		t.Errorf("rates are %v; expected a 10 and b 4", got)
	}
	got = values(t, s, `sum by (service) (rate(requests_total[30s]))`, end, "service")
	if math.Abs(got["shop"]-14) > 1e-9 {
		t.Errorf("sum of rates is %v; expected 14", got)
	}
}

func TestRangeQueryGivesEveryStep(t *testing.T) {
	s := openStore(t, t.TempDir())
	for i := range 31 {
		mustAppend(t, s, epoch.Add(time.Duration(i)*time.Second), counter("a", float64(i)))
	}
	result, err := s.QueryRange(context.Background(), `requests_total`, epoch, epoch.Add(30*time.Second), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if result.Type != "matrix" || len(result.Series) != 1 {
		t.Fatalf("got %+v; expected a matrix of one series", result)
	}
	points := result.Series[0].Points
	if len(points) != 4 {
		t.Fatalf("got %d points; expected 4 (0, 10, 20, 30 s)", len(points))
	}
	for i, p := range points {
		if *p.Value != float64(10*i) || !p.At.Equal(epoch.Add(time.Duration(10*i)*time.Second)) {
			t.Errorf("point %d is %v at %v; expected %d at +%ds", i, *p.Value, p.At, 10*i, 10*i)
		}
	}
}

func TestQuantileOfAClassicHistogramIsInterpolatedInItsBucket(t *testing.T) {
	s := openStore(t, t.TempDir())
	// 100 requests: 50 up to 0.1 s, 40 up to 0.2 s, 10 up to 0.4 s. The 95th percentile is rank 95,
	// the 5th of 10 in (0.2, 0.4]: 0.2 + 0.2 × 5/10 = 0.3 s.
	bucket := func(le string, v float64) Sample {
		return Sample{Name: "d_seconds_bucket", Labels: []Label{{"le", le}}, Value: v}
	}
	mustAppend(t, s, epoch, bucket("0.1", 50), bucket("0.2", 90), bucket("0.4", 100), bucket("+Inf", 100))
	got := values(t, s, `histogram_quantile(0.95, d_seconds_bucket)`, epoch, "")
	if math.Abs(got[""]-0.3) > 1e-9 {
		t.Errorf("p95 is %v; expected 0.3", got)
	}
}

func TestScalarsAndTextHaveTheirOwnType(t *testing.T) {
	s := openStore(t, t.TempDir())
	result, err := s.Query(context.Background(), `6 * 7`, epoch)
	if err != nil || result.Type != "scalar" || *result.Series[0].Points[0].Value != 42 {
		t.Errorf("6*7 gave %+v, %v; expected the scalar 42", result, err)
	}
	result, err = s.Query(context.Background(), `"hi"`, epoch)
	if err != nil || result.Type != "string" || result.Series[0].Points[0].Text != "hi" {
		t.Errorf(`"hi" gave %+v, %v; expected the text hi`, result, err)
	}
}

func TestValuesThatAreNoNumbersAreNamedAndNeverZero(t *testing.T) {
	s := openStore(t, t.TempDir())
	for expr, want := range map[string]string{`vector(0)/0`: "NaN", `vector(1)/0`: "+Inf", `vector(-1)/0`: "-Inf"} {
		result, err := s.Query(context.Background(), expr, epoch)
		if err != nil {
			t.Fatal(err)
		}
		if p := result.Series[0].Points[0]; p.Value != nil || p.Text != want {
			t.Errorf("%s gave %+v; expected no value and %s", expr, p, want)
		}
		if _, err := json.Marshal(result); err != nil {
			t.Errorf("%s does not travel as JSON: %v", expr, err)
		}
	}
}

func TestSilentSeriesLeaveQueriesAfterTheLookback(t *testing.T) {
	s := openStore(t, t.TempDir())
	mustAppend(t, s, epoch, counter("a", 1))
	if got := values(t, s, `requests_total`, epoch.Add(14*time.Second), "backend"); len(got) != 1 {
		t.Errorf("after 14 s found %v; expected the series still there", got)
	}
	if got := values(t, s, `requests_total`, epoch.Add(16*time.Second), "backend"); len(got) != 0 {
		t.Errorf("after 16 s found %v; expected nothing", got)
	}
}

func TestRemovedSeriesLeaveQueriesAtOnceAndOthersStay(t *testing.T) {
	s := openStore(t, t.TempDir())
	inFlight := Sample{Name: "in_flight", Labels: []Label{{"service", "shop"}, {"backend", "a"}}, Value: 3}
	mustAppend(t, s, epoch, counter("a", 1), counter("b", 2), inFlight)
	// Labels may come in another order; a series that never was does not count.
	reordered := Sample{Name: "in_flight", Labels: []Label{{"backend", "a"}, {"service", "shop"}}}
	ended, err := s.Gone(epoch, []Sample{counter("a", 0), reordered, counter("never", 0), {Name: "bad name"}})
	if err != nil || ended != 2 {
		t.Fatalf("Gone ended %d series, %v; expected 2", ended, err)
	}
	got := values(t, s, `{service="shop"}`, epoch.Add(time.Second), "backend")
	if len(got) != 1 || got["b"] != 2 {
		t.Errorf("found %v; expected only b", got)
	}
	if ended, err = s.Gone(epoch.Add(time.Second), []Sample{counter("a", 0)}); err != nil || ended != 0 {
		t.Errorf("a second Gone ended %d series, %v; expected 0", ended, err)
	}
	// It may come back under the same name.
	mustAppend(t, s, epoch.Add(2*time.Second), counter("a", 7))
	if got := values(t, s, `requests_total`, epoch.Add(2*time.Second), "backend"); got["a"] != 7 {
		t.Errorf("found %v; expected a back with 7", got)
	}
}

func TestOldSamplesAreRefusedAndTheOthersOfTheBatchKept(t *testing.T) {
	s := openStore(t, t.TempDir())
	mustAppend(t, s, epoch.Add(2*time.Second), counter("a", 5))
	err := s.Append(epoch, []Sample{counter("a", 1), counter("b", 2), {Name: "bad name", Value: 1}})
	if err == nil || !strings.Contains(err.Error(), "refused 2 of 3") || !strings.Contains(err.Error(), "clock may have gone back") {
		t.Errorf("error is %v; expected 2 of 3 refused and the clock named", err)
	}
	if got := values(t, s, `requests_total`, epoch.Add(2*time.Second), "backend"); got["a"] != 5 || got["b"] != 2 {
		t.Errorf("found %v; expected a 5 and b 2", got)
	}
	if stats := s.Stats(); stats.Appended != 2 || stats.Refused != 2 {
		t.Errorf("stats are %+v; expected 2 appended and 2 refused", stats)
	}
}

func TestLabelValuesOfAnyBytesAreKept(t *testing.T) {
	s := openStore(t, t.TempDir())
	odd := "a\"b\\c\nd{é}"
	mustAppend(t, s, epoch, Sample{Name: "x", Labels: []Label{{"path", odd}, {"empty", ""}}, Value: 1},
		Sample{Name: "y", Labels: []Label{{"path", "\xff!"}}, Value: 1})
	if got := values(t, s, `x`, epoch, "path"); len(got) != 1 || got[odd] != 1 {
		t.Errorf("found %v; expected %q", got, odd)
	}
	if got := values(t, s, `y`, epoch, "path"); got["\uFFFD!"] != 1 {
		t.Errorf("found %v; expected the broken byte replaced", got)
	}
}

func TestEverythingCommittedSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, "live"))
	for i := range 30 {
		mustAppend(t, s, epoch.Add(time.Duration(i)*time.Second), counter("a", float64(i)))
	}
	// What kill -9 leaves: the files as they are now, no Close.
	killed := filepath.Join(dir, "killed")
	if err := os.CopyFS(killed, os.DirFS(filepath.Join(dir, "live"))); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, killed)
	result, err := again.QueryRange(context.Background(), `requests_total`, epoch, epoch.Add(29*time.Second), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Series) != 1 || len(result.Series[0].Points) != 30 {
		t.Fatalf("found %+v; expected all 30 samples", result.Series)
	}
	for i, p := range result.Series[0].Points {
		if *p.Value != float64(i) {
			t.Errorf("sample %d is %v", i, *p.Value)
		}
	}
	mustAppend(t, again, epoch.Add(31*time.Second), counter("a", 31))
}

func TestTornWriteAheadLogLosesOnlyItsEnd(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, "live"))
	for i := range 200 {
		mustAppend(t, s, epoch.Add(time.Duration(i)*time.Second), counter("a", float64(i)))
	}
	torn := filepath.Join(dir, "torn")
	if err := os.CopyFS(torn, os.DirFS(filepath.Join(dir, "live"))); err != nil {
		t.Fatal(err)
	}
	segment := filepath.Join(torn, "wal", "00000000")
	info, err := os.Stat(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segment, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, torn)
	got := values(t, again, `count_over_time(requests_total[10m])`, epoch.Add(200*time.Second), "backend")
	if got["a"] < 10 || got["a"] >= 200 {
		t.Errorf("found %v samples; expected the first part of 200", got["a"])
	}
	mustAppend(t, again, epoch.Add(300*time.Second), counter("a", 300))
}

func TestDirectoryInUseIsNamed(t *testing.T) {
	dir := t.TempDir()
	openStore(t, dir)
	_, err := Open(Options{Dir: dir})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("error is %v; expected ErrLocked naming %s", err, dir)
	}
	if entries, _ := filepath.Glob(dir + ".corrupt-*"); len(entries) != 0 {
		t.Errorf("the directory in use was moved to %v", entries)
	}
}

func TestCorruptDirectoryIsMovedAsideAndSaidLoudly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "metrics")
	block := filepath.Join(dir, "01BKGV7JBM69T2G1BGBGM6KB12")
	if err := os.MkdirAll(block, 0o750); err != nil {
		t.Fatal(err)
	}
	// A block with a readable meta.json and a broken index: what a lost disk page leaves.
	meta := `{"ulid":"01BKGV7JBM69T2G1BGBGM6KB12","minTime":0,"maxTime":1000,"version":1,"stats":{},"compaction":{"level":1}}`
	for name, content := range map[string]string{"meta.json": meta, "index": "not an index"} {
		if err := os.WriteFile(filepath.Join(block, name), []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	s, err := Open(Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return epoch }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	aside := dir + ".corrupt-20260301T120000Z"
	if _, err := os.Stat(filepath.Join(aside, filepath.Base(block), "index")); err != nil {
		t.Errorf("the old data is not in %s: %v", aside, err)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), aside) {
		t.Errorf("the log does not name %s: %s", aside, log.String())
	}
	mustAppend(t, s, epoch, counter("a", 1))
}

func TestRefusalsOfTheFileSystemMoveNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "metrics")
	if err := os.WriteFile(file, []byte("precious"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error is %v; expected one naming %s", err, file)
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "precious" {
		t.Errorf("the file was touched: %q, %v", content, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for want, options := range map[string]Options{
		"dir is empty":      {},
		"retention is 1s":   {Dir: "x", Retention: time.Second},
		"maxBytes is -1":    {Dir: "x", MaxBytes: -1},
		"expected at least": {Dir: "x", Retention: -time.Hour},
	} {
		if _, err := Open(options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v; expected %q", err, want)
		}
	}
}

func TestClosedStoreAnswersWithAnError(t *testing.T) {
	s := openStore(t, t.TempDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := s.Append(epoch, []Sample{counter("a", 1)}); err == nil {
		t.Error("Append succeeded on a closed store")
	}
	if _, err := s.Gone(epoch, []Sample{counter("a", 1)}); err == nil {
		t.Error("Gone succeeded on a closed store")
	}
	if _, err := s.Query(context.Background(), `1`, epoch); err == nil {
		t.Error("Query succeeded on a closed store")
	}
}

func TestCloseKeepsTheData(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	mustAppend(t, s, epoch, counter("a", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := values(t, openStore(t, dir), `requests_total`, epoch, "backend"); got["a"] != 1 {
		t.Errorf("found %v; expected a 1", got)
	}
}

func TestAppendsQueriesAndRemovalsRunTogether(t *testing.T) {
	s := openStore(t, t.TempDir())
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			backend := fmt.Sprint(worker)
			for i := range 100 {
				at := epoch.Add(time.Duration(i) * time.Second)
				if err := s.Append(at, []Sample{counter(backend, float64(i))}); err != nil {
					t.Error(err)
				}
				if _, err := s.Query(context.Background(), `sum(rate(requests_total[10s]))`, at); err != nil {
					t.Error(err)
				}
			}
			if _, err := s.Gone(epoch.Add(100*time.Second), []Sample{counter(backend, 0)}); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	if got := values(t, s, `requests_total`, epoch.Add(101*time.Second), "backend"); len(got) != 0 {
		t.Errorf("found %v after all were removed", got)
	}
	got := values(t, s, `sum(count_over_time(requests_total[5m]))`, epoch.Add(101*time.Second), "")
	if got[""] != 400 {
		t.Errorf("stored %v samples; expected 400", got[""])
	}
}
