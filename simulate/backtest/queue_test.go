package backtest

import (
	"math"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func model() Model {
	return Model{Capacity: 100, ServiceTime: headroom.Duration(40 * time.Millisecond), CPUAtCapacity: 80,
		Patience: headroom.Duration(2 * time.Second), Boot: headroom.Duration(5 * time.Second)}
}

// none is that no replica comes within the second.
func none() *[pieces]int { return new([pieces]int) }

func TestWhatDoesNotFitWaitsAndIsAnsweredLater(t *testing.T) {
	q := newQueue(model())
	for i, c := range []struct {
		arrivals                        float64
		ready                           int
		answered, failed, before, after float64
	}{
		{150, 2, 150, 0, 0, 0},
		{250, 2, 200, 0, 0, 50},
		{180, 2, 200, 0, 50, 30},
		{100, 2, 130, 0, 30, 0},
		{500, 1, 100, 200, 0, 200}, // a patience of 2 s at 100/s lets 200 wait
		{10, 0, 0, 210, 200, 0},    // nobody is there
		{10, 1, 10, 0, 0, 0},
	} {
		s := q.second(c.arrivals, c.ready, none())
		alike := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
		if !alike(s.answered, c.answered) || !alike(s.failed, c.failed) || !alike(s.before, c.before) || !alike(s.after, c.after) {
			t.Errorf("second %d: %+v, want %+v", i, s, c)
		}
	}
}

func TestWaitingIsThatOfErlang(t *testing.T) {
	m := model()
	m.ServiceTime = headroom.Duration(10 * time.Millisecond) // one worker: M/M/1 waits with probability ρ, on average S/(1−ρ) then
	q := newQueue(m)
	if s := q.second(80, 1, none()); math.Abs(s.queueing-0.8) > 1e-9 || math.Abs(s.tail-0.05) > 1e-9 {
		t.Errorf("M/M/1 at 0.8 waits with %v for %v s, want 0.8 and 0.05", s.queueing, s.tail)
	}
	// Four workers at 0.8: Erlang C is 0.5964; the approximation is within 5 %.
	q = newQueue(model())
	if s := q.second(80, 1, none()); math.Abs(s.queueing/0.5964-1) > 0.05 {
		t.Errorf("M/M/4 at 0.8 waits with %v, want 0.596", s.queueing)
	}
}

func TestSlowIsTheShareBeyondALimit(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     served
		limit float64
		want  float64
	}{
		{"nothing waits", served{capacity: 100, service: 0.04}, 0.04, 0},
		{"slower by itself", served{capacity: 100, service: 0.04}, 0.03, 1},
		{"half wait 1 s on average", served{capacity: 100, service: 0.04, queueing: 0.5, tail: 1}, 1.04, 0.5 * math.Exp(-1)},
		{"a quarter waits 1 s, a quarter 2 s", lined(100, 25, 1, 25, 2), 1.54, 0.25},
		{"all wait 2 s", lined(100, 100, 2), 1, 1},
		{"all wait 0.1 s", lined(100, 100, 0.1), 1, 0},
		{"three of ten take 80 ms", served{capacity: 100, service: 0.05, times: []Share{{0.7, 40e6}, {0.3, 80e6}}}, 0.06, 0.3},
		{"nobody is there", served{arrivals: 110, service: 0.04}, 1, 0},
	} {
		if got := c.s.slow(c.limit); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v is slower, want %v", c.name, got, c.want)
		}
	}
}

// lined is a second whose requests met lines: counts and delays in turn.
func lined(arrivals float64, waves ...float64) served {
	s := served{arrivals: arrivals, capacity: 100, service: 0.04}
	for i := 0; i < len(waves); i += 2 {
		s.wave(waves[i], waves[i+1], i/2)
	}
	return s
}

func TestQuantilesAreWithinABucket(t *testing.T) {
	var l latencies
	if _, known := l.quantile(0.5); known {
		t.Error("nothing has a quantile")
	}
	p := parts{}
	p.add(0.010, 90)
	p.add(1, 9)
	p.add(100, 1)
	l.add(&p)
	for q, want := range map[float64]float64{0.5: 0.01, 0.89: 0.01, 0.95: 1, 0.985: 1, 0.995: 100} {
		got, known := l.quantile(q)
		if !known || math.Abs(got.Seconds()/want-1) > 0.05 || math.Abs(p.quantile(q).Seconds()/want-1) > 0.05 {
			t.Errorf("quantile %v is %v and %v, want %v s", q, got, p.quantile(q), want)
		}
	}
	l.remove(&p)
	if _, known := l.quantile(0.5); known {
		t.Error("what was taken away is still there")
	}
}

// The parts of a second have the quantiles of the distribution that they stand for.
func TestPartsHaveTheTailOfTheirQueue(t *testing.T) {
	q := newQueue(model())
	s := q.second(90, 1, none())
	var l latencies
	p := s.spread()
	l.add(&p)
	if math.Abs(l.total-90) > 1e-9 {
		t.Errorf("the parts are %v requests, want 90", l.total)
	}
	for _, quantile := range []float64{0.9, 0.95, 0.99} {
		// P(W > w) = C·e^(−w/θ)
		want := s.service + s.tail*math.Log(s.queueing/(1-quantile))
		got, _ := l.quantile(quantile)
		if math.Abs(got.Seconds()/want-1) > 0.3 {
			t.Errorf("quantile %v is %v, want about %.3f s", quantile, got, want)
		}
	}
}

// Two replicas that answer 100 requests/s each get 300 for a second, so 50 wait at each. Two more come then. What waits cannot go to them: while 200/s come,
// they take it all, and the first two need half a second for their lines.
func TestWhatWaitsAtAReplicaStaysThereWhenOthersCome(t *testing.T) {
	q := newQueue(model())
	if s := q.second(300, 2, none()); math.Abs(s.after-100) > 1e-9 {
		t.Fatalf("%v wait after the first second, want 100", s.after)
	}
	s := q.second(200, 4, none())
	if s.waveCount != 0 || math.Abs(s.answered-300) > 1e-9 || s.after != 0 {
		t.Errorf("%d waves met a line, %v are answered and %v wait, want none, 300 and none", s.waveCount, s.answered, s.after)
	}
	// With as many for each, those of the old ones meet their lines: at 50/s each of 100/s are answered besides, so the line of 50 is gone after 1 s, and a
	// request waits for 0.25 s on average.
	m := model()
	m.Evenly = true
	q = newQueue(m)
	q.second(300, 2, none())
	s = q.second(200, 4, none())
	count, delay := 0.0, 0.0
	for _, w := range s.waves[:s.waveCount] {
		count, delay = count+w.count, delay+w.count*w.delay
	}
	if math.Abs(count-100) > 1e-6 || math.Abs(delay/count-0.25) > 1e-6 || math.Abs(s.answered-300) > 1e-6 {
		t.Errorf("%v requests meet a line for %v s, %v are answered, want 100, 0.25 and 300", count, delay/count, s.answered)
	}
}

func TestAReplicaAnswersFromThePieceOfTheSecondOnInWhichItIsReady(t *testing.T) {
	q := newQueue(model())
	s := q.second(200, 1, &[pieces]int{4: 1}) // half a second at 100/s, and half at 200/s
	if math.Abs(s.capacity-150) > 1e-9 || math.Abs(s.answered-150) > 1e-9 || math.Abs(s.after-50) > 1e-9 {
		t.Errorf("%v could be answered, %v are and %v wait, want 150, 150 and 50", s.capacity, s.answered, s.after)
	}
}

// Past 8 in flight the replica answers half as many.
func TestAReplicaAnswersLessWithMoreInFlightWhereItsCurveFalls(t *testing.T) {
	m := model() // 4 at once
	m.Curve = []CurvePoint{{6, 100}, {8, 50}}
	for inFlight, want := range map[float64]float64{4: 100, 6: 100, 7: 75, 8: 50, 100: 50} {
		if got := m.rate(inFlight); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v in flight: %v a second, want %v", inFlight, got, want)
		}
	}
	q := newQueue(m)
	q.second(200, 1, none()) // a line of some 100 builds up
	if s := q.second(60, 1, none()); math.Abs(s.answered-50) > 1e-6 {
		t.Errorf("with a long line %v are answered in a second, want 50", s.answered)
	}
}

func TestWaitsFollowTheSpreadOfServiceTimes(t *testing.T) {
	m := model()
	for _, c := range []struct {
		times []Share
		given float64
		want  float64
	}{
		{nil, 0, 1},                            // Erlang's
		{[]Share{{1, 40e6}}, 0, 0.5},           // all alike: half, as in M/D/1
		{[]Share{{0.5, 0}, {0.5, 80e6}}, 0, 1}, // a standard deviation of the mean, as of exponential ones
		{[]Share{{1, 40e6}}, 2, 2},
	} {
		m.ServiceTimes, m.Variability = c.times, c.given
		if got := m.variability(); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v, given %v: %v, want %v", c.times, c.given, got, c.want)
		}
	}
}
