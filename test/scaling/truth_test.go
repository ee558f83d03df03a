package scaling_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/scaling"
	"headroom.dev/headroom/simulate/backtest"
	"headroom.dev/headroom/simulate/load"
	"headroom.dev/headroom/test/system"
)

// The service and the policy of the quickstart, but for windows that a test can wait for. The cooldown is no whole number of seconds: live a decision comes some
// milliseconds after the second, so that one of 4 s would at times be 4 s and at times 5.
const truthConfig = `
api: {listen: API}
services:
  shop:
    run: {command: "SHOP --port {{port}} --workers 4 --latency 40ms --cpu 1ms", ports: PORTS}
    scaling: {minReplicas: 2, maxReplicas: 10, targetRequestsPerSecond: 50, stableWindow: 5s, scaleDownCooldown: 2500ms}
    loadBalancing: {listen: TRAFFIC}
    objective: {availability: 99.9, latency: 250ms}
`

// A run is recorded and tried again: from its records each decision comes out as it was, and a backtest of the load that was counted, on the model that is
// learned from it, decides the same and has about the latencies that clients had. How exactly is measured by `make bench-backtest`, on a machine that has nothing
// else to do.
func TestABacktestOfWhatHappenedIsWhatHappened(t *testing.T) {
	r := recordRun(t, "5s@60,5s@300,4s@60")
	tried := r.backtest("")
	if !sameChanges(r.changes, tried.changes) {
		t.Errorf("live it was %v, in the backtest %v", r.changes, tried.changes)
	}
	for i := range min(len(r.changes), len(tried.changes)) {
		if apart := tried.changes[i].at.Sub(r.changes[i].at).Abs(); apart > 1500*time.Millisecond {
			t.Errorf("%v comes %s apart from %v", tried.changes[i], apart, r.changes[i])
		}
	}
	// What takes long on a crowded machine the model takes for the service.
	factor := 2 * r.crowded
	if c := tried.Model.Capacity; c < 97.6/factor || c > 97.6*factor {
		t.Errorf("a replica is taken to answer %.4g requests/s, and does 4 / 41 ms = 97.6: %v", c, tried.Notes)
	}
	got, want := tried.Results[0].P95.Seconds(), r.load.Latency.P95.Seconds()
	t.Logf("p95 %.4g s measured, %.4g s in the model; %v", want, got, tried.Notes)
	if got < want/factor || got > want*factor {
		t.Errorf("p95 is %.4g s in the model and was %.4g s", got, want)
	}
}

// How near the model is, in as many runs as HEADROOM_TRUTH says: with what was learned from the run itself, and from the one before, whose load was another.
func TestTruth(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("HEADROOM_TRUTH"))
	if err != nil || rounds < 1 {
		t.Skip("HEADROOM_TRUTH=3 runs it so often; make bench-backtest")
	}
	shapes := []string{"30s@60,40s@300,30s@60", "20s@80,20s@240,20s@120,20s@420,20s@60"}
	model := ""
	for i := range rounds {
		shape := shapes[i%len(shapes)]
		t.Run(fmt.Sprintf("%d %s", i+1, shape), func(t *testing.T) {
			r := recordRun(t, shape)
			own := r.backtest("")
			l := r.load.Latency
			t.Logf("measured            p50 %s  p95 %s  p99 %s, of which the generator was late by %s at p99; %.1f processes wanted each core", l.P50, l.P95, l.P99, r.load.Lag.P99, r.crowded)
			near(t, "learned from it    ", own, l)
			if model != "" {
				near(t, "from the one before", r.backtest(model), l)
			}
			same := 0
			for same < min(len(r.changes), len(own.changes)) && r.changes[same].from == own.changes[same].from && r.changes[same].to == own.changes[same].to {
				same++
			}
			t.Logf("decisions: %d live, %d in the backtest, the first %d the same\nlive     %v\nbacktest %v\n%v", len(r.changes), len(own.changes), same, r.changes, own.changes, own.Notes)
			text, err := json.Marshal(own.Model)
			if err != nil {
				t.Fatal(err)
			}
			model = string(text)
		})
	}
}

// near prints how near a backtest is.
func near(t *testing.T, name string, b tried, l load.Latency) {
	off := func(got headroom.Duration, want time.Duration) string {
		return fmt.Sprintf("%s (%+.0f %%)", time.Duration(got).Round(100*time.Microsecond), 100*(got.Seconds()/want.Seconds()-1))
	}
	t.Logf("%s p95 %s  p99 %s  capacity %.4g", name, off(b.Results[0].P95, l.P95), off(b.Results[0].P99, l.P99), b.Model.Capacity)
}

// recorded is a run that is over.
type recorded struct {
	t       *testing.T
	s       *system.System
	load    load.Report
	changes []change
	crowded float64 // how many processes wanted each core meanwhile; at least 1
}

// change is a decision that changed the number.
type change struct {
	from, to int
	at       time.Time
}

func (c change) String() string {
	return fmt.Sprintf("%d→%d %s", c.from, c.to, c.at.UTC().Format("05.000"))
}

func sameChanges(a, b []change) bool {
	return slices.EqualFunc(a, b, func(x, y change) bool { return x.from == y.from && x.to == y.to })
}

// recordRun sends a load until the service is as small as before, and makes each decision that was recorded again.
func recordRun(t *testing.T, shape string) recorded {
	t.Helper()
	s := system.New(t, truthConfig)
	s.Run()
	s.WaitReplicas("shop", 2, 10*time.Second)
	crowd, began := s.Crowd(), time.Now()
	r := recorded{t: t, s: s, load: s.Send(shape).Wait()}
	r.crowded = crowd.Stretch(time.Second, began, time.Now()).Seconds()
	system.NoneFailed(t, r.load)
	s.WaitReplicas("shop", 2, 30*time.Second)
	var answer struct {
		Decisions []headroom.Decision `json:"decisions"`
	}
	if err := s.Get("/api/scaling/decisions?limit=1000&service=shop", &answer); err != nil {
		t.Fatal(err)
	}
	for _, d := range slices.Backward(answer.Decisions) {
		if again, same := scaling.Replay(d); !same {
			t.Errorf("decision %s was %+v, and made again it is %+v", d.ID, d, again)
		}
		if d.From != d.To && d.Code != headroom.CodeInitial {
			r.changes = append(r.changes, change{d.From, d.To, d.At})
		}
	}
	if len(r.changes) < 2 {
		t.Errorf("the surge changed the number %d times, want up and down: %v", len(r.changes), r.changes)
	}
	return r
}

// tried is a backtest of a run.
type tried struct {
	backtest.Report
	changes []change
}

// backtest tries the run on a model, or on that which is learned from it.
func (r recorded) backtest(model string) tried {
	r.t.Helper()
	file := filepath.Join(r.s.Dir, "decisions.ndjson")
	args := []string{"backtest", "-c", r.s.ConfigFile(), "--from-history", "10m", "--compare", "", "-o", "json", "--decisions", file}
	if model != "" {
		path := filepath.Join(r.s.Dir, "model.json")
		if err := os.WriteFile(path, []byte(model), 0o600); err != nil {
			r.t.Fatal(err)
		}
		args = append(args, "--model", path)
	}
	out, errs, code := r.s.Command(args...)
	if code != 0 {
		r.t.Fatalf("exit code %d: %s", code, errs)
	}
	var b tried
	if err := json.Unmarshal([]byte(out), &b.Report); err != nil || len(b.Results) != 1 {
		r.t.Fatalf("%v: %s", err, out)
	}
	lines, err := os.Open(file)
	if err != nil {
		r.t.Fatal(err)
	}
	defer lines.Close()
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		var d headroom.Decision
		if err := json.Unmarshal(scanner.Bytes(), &d); err != nil {
			r.t.Fatal(err)
		}
		b.changes = append(b.changes, change{d.From, d.To, d.At})
	}
	return b
}
