package backtest

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// calmAndSurge is two replicas that are at 30 % of what they can, and then get 1.5 times that for ten seconds until two more come, which stay.
func calmAndSurge(capacity float64) (arrivals []float64, replicas []int) {
	for s := range 180 {
		load, n := 0.6*capacity, 2
		if s >= 60 {
			load = 3 * capacity
		}
		if s >= 70 {
			n = 5
		}
		if s >= 120 {
			load = 0.6 * capacity
		}
		arrivals, replicas = append(arrivals, load), append(replicas, n)
	}
	return arrivals, replicas
}

// known is a service whose numbers can be worked out.
type known struct {
	truth
	capacity, mean float64 // requests/s, seconds
}

func services() map[string]known {
	return map[string]known{
		"four workers, 41 ms each":          {truth{workers: 4, service: fixedTime(0.041)}, 4 / 0.041, 0.041},
		"eight workers, 50 ms on average":   {truth{workers: 8, service: exponential(0.05)}, 160, 0.05},
		"four workers, quick and slow":      {truth{workers: 4, service: twoKinds}, 4 / 0.03, 0.03},
		"in turn, five workers, 50 ms each": {truth{workers: 5, service: fixedTime(0.05), evenly: true}, 100, 0.05},
	}
}

func TestWhatIsLearnedOfAServiceIsWhatItIs(t *testing.T) {
	for name, c := range services() {
		t.Run(name, func(t *testing.T) {
			arrivals, replicas := calmAndSurge(c.capacity)
			l, err := Learn(history(c.run(1, arrivals, replicas), len(arrivals), replicas))
			if err != nil {
				t.Fatal(err)
			}
			if got := l.Model.Capacity; math.Abs(got/c.capacity-1) > 0.06 {
				t.Errorf("a replica answers %.4g/s, want %.4g within 6 %%", got, c.capacity)
			}
			if got := l.Model.ServiceTime.Seconds(); math.Abs(got/c.mean-1) > 0.08 {
				t.Errorf("a request takes %.4g s, want %.4g within 8 %%", got, c.mean)
			}
			if len(l.Model.Curve) > 0 {
				t.Errorf("the curve falls: %v", l.Model.Curve)
			}
			t.Log(strings.Join(l.Notes, " "))
		})
	}
}

// The model that was learned from one day is right about another one: other requests, and surges of another height. How many came in each second is known of both.
func TestLatenciesOfALearnedModelAreThoseOfTheService(t *testing.T) {
	loads := map[string]func(second int) (load float64, replicas int){ // in capacities of one replica
		"calm": func(int) (float64, int) { return 1, 2 },
		"busy": func(int) (float64, int) { return 2.4, 3 },
		"a surge for 4 s": func(s int) (float64, int) {
			return pick(s < 60, 1, 3.0), pick(s < 64, 2, 4)
		},
		"a surge for 20 s": func(s int) (float64, int) {
			return pick(s < 60, 1, 3.0), pick(s < 80, 2, 4)
		},
		"a tenth too many for 40 s": func(s int) (float64, int) { return pick(s < 40, 2.2, 1.0), 2 },
	}
	for name, c := range services() {
		t.Run(name, func(t *testing.T) {
			arrivals, replicas := calmAndSurge(c.capacity)
			l, err := Learn(history(c.run(1, arrivals, replicas), len(arrivals), replicas))
			if err != nil {
				t.Fatal(err)
			}
			l.Model.Patience, l.Model.Evenly = headroom.Duration(time.Minute), c.evenly
			for load, of := range loads {
				arrivals, replicas := make([]float64, 120), make([]int, 120)
				for s := range arrivals {
					arrivals[s], replicas[s] = of(s)
					arrivals[s] *= c.capacity
				}
				plants, came := c.counted(2, arrivals, replicas)
				want := latenciesOf(plants)
				q, all := newQueue(l.Model), latencies{}
				for s := range came {
					second := q.second(came[s], replicas[s], none())
					p := second.spread()
					all.add(&p)
				}
				for _, share := range []float64{0.95, 0.99} {
					got, _ := all.quantile(share)
					truth := want[int(share*float64(len(want)))]
					t.Logf("%s: p%v %.4g s, really %.4g s: %+.0f %%", load, 100*share, got.Seconds(), truth, 100*(got.Seconds()/truth-1))
					if off := math.Abs(got.Seconds()/truth - 1); off > pick(share == 0.95, 0.2, 0.3) {
						t.Errorf("%s: p%v is %.4g s in the model and %.4g s in truth", load, 100*share, got.Seconds(), truth)
					}
				}
			}
		})
	}
}

// A surge that is answered within two seconds leaves no line for long enough to see how fast it moves; how long requests waited tells it. In two seconds
// exponential service times differ from their mean by chance, so each of some surges may be 20 % off, and their mean 8 %.
func TestACapacityIsLearnedFromAShortSurge(t *testing.T) {
	const surges = 6
	for name, c := range services() {
		t.Run(name, func(t *testing.T) {
			arrivals, replicas := calmAndSurge(c.capacity)
			for s := range replicas {
				replicas[s] = pick(s < 62, 2, 5)
			}
			mean := 0.0
			for seed := range uint64(surges) {
				plants, came := c.counted(seed, arrivals, replicas)
				h := history(plants, len(arrivals), replicas)
				h.Replicas, h.Evenly, h.Seconds = nil, c.evenly, [][]Measured{measuredOf(plants, came, replicas)}
				l, err := Learn(h)
				if err != nil || math.Abs(l.Model.Capacity/c.capacity-1) > 0.2 {
					t.Errorf("%v, a replica answers %.4g/s, want %.4g within 20 %%: %v", err, l.Model.Capacity, c.capacity, l.Notes)
				}
				mean += l.Model.Capacity / surges
			}
			if math.Abs(mean/c.capacity-1) > 0.08 {
				t.Errorf("over %d surges a replica answers %.4g/s, want %.4g within 8 %%", surges, mean, c.capacity)
			}
		})
	}
}

// measuredOf is what was measured each second.
func measuredOf(plants []plant, came []float64, replicas []int) []Measured {
	run := make([]Measured, len(came))
	for s := range came {
		run[s] = Measured{Arrivals: came[s], Ready: replicas[s]}
	}
	for _, p := range plants {
		for _, r := range p.requests {
			for s := int(r.from); s <= int(r.to) && s < len(run); s++ {
				run[s].InFlight += math.Min(r.to, float64(s+1)) - math.Max(r.from, float64(s))
			}
		}
	}
	return run
}

func TestASecondThatIsBetweenOthersHasATurn(t *testing.T) {
	for _, c := range []struct {
		before, count, after, turn, most float64
	}{
		{60, 204, 300, 0.4, 300},
		{300, 204, 60, 0.6, 300},
		{60, 60, 300, 0, 60},
		{60, 300, 300, 0, 300},
		{60, 310, 300, 0, 310}, // more than both
	} {
		s := between(c.before, c.count, c.after)
		sum := 0.0
		for i := range pieces {
			sum += s.piece(i)
		}
		if math.Abs(s.turn-c.turn) > 1e-9 || s.most() != c.most || math.Abs(sum-c.count) > 1e-9 {
			t.Errorf("%v: %+v, at most %v, the pieces are %v", c, s, s.most(), sum)
		}
	}
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

func TestACurveThatFallsIsLearned(t *testing.T) {
	h := History{Stretches: []Stretch{{Length: 10 * time.Second, Answered: 500, Busy: 20, InFlight: 2, Ready: 1}}} // 40 ms
	second := 0
	for _, s := range []struct{ seconds, answered, inFlight float64 }{{1, 50, 2}, {1, 90, 14}, {10, 100, 18}, {10, 80, 70}, {10, 50, 200}, {1, 50, 2}} {
		for range int(s.seconds) {
			h.Replicas = append(h.Replicas, ReplicaSecond{"a", time.Unix(int64(second), 0), s.answered, s.inFlight})
			second++
		}
	}
	l, err := Learn(h)
	if err != nil || len(l.Model.Curve) != 3 {
		t.Fatalf("%v, %+v", err, l)
	}
	// 18 / 100 / 0.04 = 4.5 service times, 70 / 80 / 0.04 = 21.9 and 200 / 50 / 0.04 = 100: three depths.
	for i, want := range []CurvePoint{{18, 100}, {70, 80}, {200, 50}} {
		if got := l.Model.Curve[i]; math.Abs(got.InFlight-want.InFlight) > 1 || math.Abs(got.Rate-want.Rate) > 1 {
			t.Errorf("the curve is %v, want about %v at %d", l.Model.Curve, want, i)
		}
	}
}

func TestWhatWasNotSeenIsSaidToBeUnknown(t *testing.T) {
	calm := History{Stretches: []Stretch{{Length: 10 * time.Second, Answered: 300, Busy: 12, InFlight: 1.2, Ready: 2}}}
	l, err := Learn(calm)
	if err != nil || l.Model.Capacity != 0 || l.AtLeast != 15 || len(l.Model.Boots) > 0 || !slices.ContainsFunc(l.Notes, func(n string) bool {
		return strings.Contains(n, "is not known, since nothing stood in line; it is at least 15 requests/s")
	}) {
		t.Errorf("%v, %+v", err, l)
	}
	calm.Stretches[0].Answered = 199
	if _, err := Learn(calm); err == nil || !strings.Contains(err.Error(), "199 requests, expected at least 200") {
		t.Errorf("199 requests: %v", err)
	}
	if _, err := Learn(History{}); err == nil {
		t.Error("nothing is enough to learn from")
	}
}

func TestStartsAreLearnedWithTheirSpread(t *testing.T) {
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	var operations []headroom.Operation
	for i := range 10 {
		o := headroom.Operation{Kind: headroom.OperationGrow, State: headroom.OperationConfirmed, PlannedAt: at, SentAt: at.Add(time.Second),
			FinishedAt: at.Add(time.Duration(2+i) * time.Second)}
		if i >= 8 {
			o.State = headroom.OperationFailed
		}
		operations = append(operations, o)
	}
	operations = append(operations, headroom.Operation{Kind: headroom.OperationShrink, State: headroom.OperationConfirmed},
		headroom.Operation{Kind: headroom.OperationGrow, State: headroom.OperationSent, PlannedAt: at, SentAt: at})
	h := History{Stretches: []Stretch{{Length: 10 * time.Second, Answered: 300, Busy: 12, InFlight: 1.2, Ready: 2}}, Starts: Growths(operations)}
	l, err := Learn(h)
	// Eight boot for 1 to 8 s, two of ten fail, and each order takes a second.
	if err != nil || l.Model.Boot != headroom.Duration(4500*time.Millisecond) || len(l.Model.Boots) != 8 || l.Model.StartFailures != 0.2 ||
		l.Model.PlatformDelay != headroom.Duration(time.Second) {
		t.Errorf("%v, %+v", err, l)
	}
}
