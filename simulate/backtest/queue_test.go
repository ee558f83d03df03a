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

func TestWhatDoesNotFitWaitsAndIsAnsweredLater(t *testing.T) {
	q := queue{model: model()}
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
		s := q.second(c.arrivals, c.ready)
		if s.answered != c.answered || s.failed != c.failed || s.before != c.before || s.after != c.after {
			t.Errorf("second %d: %+v, want %+v", i, s, c)
		}
	}
}

func TestWaitingIsThatOfErlang(t *testing.T) {
	m := model()
	m.ServiceTime = headroom.Duration(10 * time.Millisecond) // one worker: M/M/1 waits with probability ρ, on average S/(1−ρ) then
	q := queue{model: m}
	if s := q.second(80, 1); math.Abs(s.queueing-0.8) > 1e-9 || math.Abs(s.tail-0.05) > 1e-9 {
		t.Errorf("M/M/1 at 0.8 waits with %v for %v s, want 0.8 and 0.05", s.queueing, s.tail)
	}
	// Four workers at 0.8: Erlang C is 0.5964; the approximation is within 5 %.
	q = queue{model: model()}
	if s := q.second(80, 1); math.Abs(s.queueing/0.5964-1) > 0.05 {
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
		{"a backlog of 1 to 3 s", served{arrivals: 300, capacity: 100, service: 0.04, before: 100, after: 300}, 1.54, 0.75},
		{"a backlog of 3 to 2 s", served{capacity: 300, service: 0.04, before: 900, after: 600}, 2.54, 0.5},
		{"a backlog that ends after half a second", served{capacity: 100, service: 0.04, before: 50}, 0.04, 0.5},
		{"a backlog beyond", served{arrivals: 100, capacity: 100, service: 0.04, before: 300, after: 300}, 1, 1},
		{"a backlog within", served{arrivals: 110, capacity: 100, service: 0.04, before: 10, after: 20}, 1, 0},
		{"nobody is there", served{arrivals: 110, service: 0.04}, 1, 0},
	} {
		if got := c.s.slow(c.limit); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v is slower, want %v", c.name, got, c.want)
		}
	}
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
	q := queue{model: model()}
	s := q.second(90, 1)
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
