package balance

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestSameSeedSameResult(t *testing.T) {
	scenario := Scenarios()[7] // of three backends, which is soonest done
	a, err := Run(scenario, headroom.Adaptive, 7)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Run(scenario, headroom.Adaptive, 7)
	if a.Requests != b.Requests || a.Quantile(0.99) != b.Quantile(0.99) || a.Quantile(0.5) != b.Quantile(0.5) {
		t.Errorf("%d and %d requests, p99 %s and %s", a.Requests, b.Requests, a.Quantile(0.99), b.Quantile(0.99))
	}
}

// One server of one slot at utilization 0.5 is M/M/1: the response time is exponential with mean 10/(1−0.5) = 20 ms, so p50 is 13.9 and p99 92.1 ms.
func TestModelIsTheQueueOfTheTextbook(t *testing.T) {
	scenario := Scenario{Name: "M/M/1", Backends: []Backend{{Mean: 10 * time.Millisecond}}, Balancers: 1, Utilization: 0.5}
	var sum Result
	for seed := range uint64(20) {
		r, err := Run(scenario, headroom.RoundRobin, seed)
		if err != nil {
			t.Fatal(err)
		}
		sum.Add(r)
	}
	for q, want := range map[float64]float64{0.5: 13.86, 0.99: 92.1} {
		if got := sum.Quantile(q).Seconds() * 1000; got < want*0.94 || got > want*1.06 {
			t.Errorf("quantile %v is %.1f ms, want %.1f", q, got, want)
		}
	}
}

// 30 ms of work that begins 20 ms before a stall of 2 s ends 10 ms after it.
func TestNothingMovesWhileABackendStandsStill(t *testing.T) {
	b := Backend{StallFor: 2 * time.Second, StallEvery: 10 * time.Second}
	if got, want := b.ends(7980*time.Millisecond, 30*time.Millisecond), 10010*time.Millisecond; got != want {
		t.Errorf("ends at %s, want %s", got, want)
	}
	if got, want := b.ends(9*time.Second, time.Millisecond), 10001*time.Millisecond; got != want {
		t.Errorf("begun within the stall it ends at %s, want %s", got, want)
	}
}

func TestErrorsAreLongerThanAnyWait(t *testing.T) {
	var r Result
	for i := range 99 {
		r.count(time.Duration(i+1)*time.Millisecond, false)
	}
	r.count(time.Millisecond, true)
	if r.Quantile(0.99) != 99*time.Millisecond || r.Quantile(0.995) != Failed {
		t.Errorf("p99 %s, p99.5 %s", r.Quantile(0.99), r.Quantile(0.995))
	}
}

// What docs/algorithms.md says of adaptive, in short: where backends differ it has the lowest p99, and where they do not it is within 5 % of
// the best. All scenarios are in make bench-algorithms.
func TestAdaptiveIsBestWhereBackendsDiffer(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, c := range []struct {
		scenario int
		factor   float64 // of the best other one, at most
	}{{0, 1.05}, {2, 1}, {3, 1}, {7, 1}, {9, 1}} {
		scenario := Scenarios()[c.scenario]
		t.Run(scenario.Name, func(t *testing.T) {
			t.Parallel()
			best := Failed
			for _, algorithm := range []headroom.Algorithm{headroom.LeastConnections, headroom.LeastResponseTime} {
				r, err := Run(scenario, algorithm, 5)
				if err != nil {
					t.Fatal(err)
				}
				best = min(best, r.Quantile(0.99))
			}
			r, err := Run(scenario, headroom.Adaptive, 5)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Quantile(0.99); float64(got) > c.factor*float64(best) {
				t.Errorf("p99 %s, the best other one's is %s", got, best)
			}
		})
	}
}
