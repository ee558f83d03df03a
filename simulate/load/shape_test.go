package load

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustParse(t testing.TB, text string) Shape {
	t.Helper()
	shape, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return shape
}

func near(a, b, within float64) bool { return math.Abs(a-b) <= within }

func TestShapesGiveTheRateAndCountWorkedByHand(t *testing.T) {
	cases := []struct {
		shape string
		at    time.Duration
		rate  float64
		count float64
	}{
		{"50", 0, 50, 0},
		{"50", 90 * time.Minute, 50, 270_000},
		// 10·50 = 500, then 250 a second.
		{"10s@50,20s@250", 10*time.Second - 1, 50, 500},
		{"10s@50,20s@250", 10 * time.Second, 250, 500},
		{"10s@50,20s@250", 12 * time.Second, 250, 1000},
		{"10s@50,20s@250", 30 * time.Second, 0, 5500},
		{"10s@50,20s@250", 99 * time.Second, 0, 5500},
		// A ramp: the mean of 50 and 150 over 10 s is 1,000; halfway 50..100 over 5 s is 375.
		{"10s@50..150", 5 * time.Second, 100, 375},
		{"10s@50..150,1s@150..0", 10 * time.Second, 150, 1000},
		{"10s@50..150,1s@150..0", 11 * time.Second, 0, 1075},
		// A quarter period in, the sine is at its top; (1-cos 90°)/ω = 60/2π, so 100·15 + 50·60/2π = 1977.46.
		{"sine:mean=100,amplitude=50,period=60s", 15 * time.Second, 150, 1500 + 50*60/(2*math.Pi)},
		{"sine:mean=100,amplitude=50,period=60s", 45 * time.Second, 50, 4500 + 50*60/(2*math.Pi)},
		{"sine:mean=100,amplitude=50,period=60s", 60 * time.Second, 100, 6000},
		{"sine:period=1m, mean=100, amplitude=100", 45 * time.Second, 0, 4500 + 100*60/(2*math.Pi)},
	}
	for _, c := range cases {
		shape := mustParse(t, c.shape)
		if got := shape.Rate(c.at); !near(got, c.rate, 1e-6) {
			t.Errorf("%s at %v: rate %v, want %v", c.shape, c.at, got, c.rate)
		}
		if got := shape.Count(c.at); !near(got, c.count, 1e-6) {
			t.Errorf("%s at %v: count %v, want %v", c.shape, c.at, got, c.count)
		}
	}
}

func TestWrongShapesAreExplained(t *testing.T) {
	cases := map[string]string{
		"":                                  `load shape "": expected a rate such as 50`,
		"fast":                              `load shape "fast": expected a rate such as 50`,
		"-5":                                "rate is -5: expected requests per second, 0 or more",
		"NaN":                               "rate is NaN",
		"Inf":                               "rate is +Inf",
		"1e12":                              "rate is 1e+12: expected requests per second, 0 or more and at most 1000000",
		"10s@50,20s":                        `step 2, "20s": no @; expected DURATION@RATE such as 10s@50`,
		"10@50":                             `step 1, "10@50": "10" is not a duration above 0`,
		"0s@50":                             `"0s" is not a duration above 0`,
		"10s@x":                             `"x" is not a rate`,
		"10s@5..x":                          `"x" is not a rate`,
		"10s@-5":                            "rate is -5",
		"300000h@1,300000h@1":               `step 2, "300000h@1": the whole shape lasts longer than 36 years`,
		"sine:mean=1,amp=1":                 `sine: unknown field "amp": expected mean, amplitude and period`,
		"sine:mean=x":                       `sine: mean is "x"`,
		"sine:mean=1,amplitude=2,period=1s": "amplitude is 2: expected 0 to the mean, 1",
		"sine:mean=1,amplitude=1":           "period is 0s: expected a duration above 0",
	}
	for text, want := range cases {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %q", text, err, want)
		}
	}
}

func TestTraceIsCompressedInTimeAndScaledInRate(t *testing.T) {
	const csv = "unix_seconds,value\n1000,60\n1060,120\n1180,0\n1240,30\n"
	// Per minute at speed 60: rows last 1 s, 2 s (a missing row), 1 s, and the last as long as the one before; 60 per
	// minute at scale 10 are 10 per second.
	shape, err := ReadTrace(strings.NewReader(csv), TraceOptions{Speed: 60, Scale: 10, Per: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at          time.Duration
		rate, count float64
	}{
		{0, 10, 0}, {time.Second - 1, 10, 10}, {time.Second, 20, 10}, {3*time.Second - 1, 20, 50},
		{3500 * time.Millisecond, 0, 50}, {4500 * time.Millisecond, 5, 52.5}, {5 * time.Second, 0, 55},
	} {
		if got := shape.Rate(c.at); !near(got, c.rate, 1e-6) {
			t.Errorf("at %v: rate %v, want %v", c.at, got, c.rate)
		}
		if got := shape.Count(c.at); !near(got, c.count, 1e-6) {
			t.Errorf("at %v: count %v, want %v", c.at, got, c.count)
		}
	}
	if shape.End() != 5*time.Second {
		t.Errorf("end %v, want 5s", shape.End())
	}
}

func TestWrongTracesNameTheLineAndTheValue(t *testing.T) {
	const head = "unix_seconds,value\n"
	cases := map[string]struct {
		csv     string
		options TraceOptions
		want    string
	}{
		"empty":             {"", TraceOptions{}, `trace line 1: header is "": expected "unix_seconds,value"`},
		"no header":         {"0,1\n1,2\n", TraceOptions{}, `header is "0,1"`},
		"one row":           {head + "0,1\n", TraceOptions{}, "trace has 1 rows: expected at least 2"},
		"three fields":      {head + "0,1\n1,2,3\n", TraceOptions{}, "trace line 3: 3 fields: expected 2"},
		"time not a number": {head + "0,1\nnoon,2\n", TraceOptions{}, `trace line 3: unix_seconds is "noon": expected seconds since 1970`},
		"value negative":    {head + "0,1\n1,-1.69\n", TraceOptions{}, `trace line 3: value is "-1.69": expected a number, 0 or more`},
		"too much to send":  {head + "0,1\n1,6.1e6\n", TraceOptions{}, "trace line 3: rate is 6.1e+06: expected requests per second, 0 or more and at most 1000000: give a smaller scale, which is 1"},
		"value infinite":    {head + "0,1\n1,Inf\n", TraceOptions{}, `value is "Inf"`},
		"value NaN":         {head + "0,NaN\n", TraceOptions{}, `trace line 2: value is "NaN"`},
		"time repeated":     {head + "5,1\n5,2\n", TraceOptions{}, "trace line 3: unix_seconds is 5: expected more than the row before, 5"},
		"open quote":        {head + "0,\"1\n", TraceOptions{}, "trace: parse error on line 2"},
		"too long":          {head + "0,1\n9e15,2\n", TraceOptions{}, "expected 1 ns to 36 years"},
		"too fast":          {head + "0,1\n1,2\n", TraceOptions{Speed: 1e10}, "trace line 3: at speed 1e+10 the row before lasts 1e-10 s"},
		"speed negative":    {head, TraceOptions{Speed: -1}, "trace speed is -1: expected a number above 0"},
		"scale NaN":         {head, TraceOptions{Scale: math.NaN()}, "trace scale is NaN"},
		"unit negative":     {head, TraceOptions{Per: -time.Minute}, "trace unit is per -1m0s"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadTrace(strings.NewReader(c.csv), c.options); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzTraceIsReadOrRefused(f *testing.F) {
	f.Add("unix_seconds,value\n0,1\n60,2\n", 60.0)
	f.Add("unix_seconds,value\r\n804556800,42\n804556860,\"61\"\n", 1.0)
	f.Add("unix_seconds,value\n0,1e300\n1e-9,0\n", 1e-9)
	f.Fuzz(func(t *testing.T, csv string, speed float64) {
		shape, err := ReadTrace(strings.NewReader(csv), TraceOptions{Speed: speed})
		if err != nil {
			return
		}
		if end := shape.End(); end <= 0 || end > forever {
			t.Errorf("end %v", end)
		}
	})
}

func FuzzShapeIsParsedOrRefused(f *testing.F) {
	for _, seed := range []string{"50", "10s@50,20s@250", "1s@1..2", "sine:mean=100,amplitude=50,period=60s", "@", "sine:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shape, err := Parse(text)
		if err != nil {
			return
		}
		if rate := shape.Rate(time.Second); rate < 0 || math.IsNaN(rate) {
			t.Errorf("rate %v", rate)
		}
	})
}

// all lists a schedule, up to a limit that no test means to reach.
func all(t testing.TB, a *arrivals) []time.Duration {
	var list []time.Duration
	for {
		at, ok := a.next()
		if !ok {
			return list
		}
		if list = append(list, at); len(list) > 1_000_000 {
			t.Fatal("the schedule does not end")
		}
	}
}

func TestEvenScheduleIsExact(t *testing.T) {
	// At 50 per second each request has 20 ms and leaves in their middle: 10 ms, 30 ms, …; from 10 s on at 250 each has
	// 4 ms: 10.002 s, 10.006 s, …
	list := all(t, newArrivals(mustParse(t, "10s@50,20s@250"), 30*time.Second, nil))
	if len(list) != 5500 {
		t.Fatalf("%d arrivals, want 5500", len(list))
	}
	for i, at := range list {
		want := 10*time.Millisecond + time.Duration(i)*20*time.Millisecond
		if i >= 500 {
			want = 10*time.Second + 2*time.Millisecond + time.Duration(i-500)*4*time.Millisecond
		}
		if off := at - want; off < -1 || off > 1 {
			t.Fatalf("arrival %d at %v, want %v", i, at, want)
		}
	}
}

func TestScheduleIsSilentWhereTheRateIsZero(t *testing.T) {
	list := all(t, newArrivals(mustParse(t, "1s@0,24h@0,1s@2"), 48*time.Hour, nil))
	day := 24 * time.Hour
	want := []time.Duration{day + 1250*time.Millisecond, day + 1750*time.Millisecond}
	if len(list) != 2 || list[0] != want[0] || list[1] != want[1] {
		t.Errorf("arrivals %v, want %v", list, want)
	}
	if list := all(t, newArrivals(mustParse(t, "0"), forever, nil)); len(list) != 0 {
		t.Errorf("a rate of 0 has arrivals %v", list)
	}
}

func TestPoissonScheduleHasTheMeanAndSpreadOfAPoissonProcess(t *testing.T) {
	// 200 s of a sine with mean 100 are 20,000 expected; the standard deviation is √20,000 = 141, so 5 of them are 707.
	shape := mustParse(t, "sine:mean=100,amplitude=100,period=2s")
	list := all(t, newArrivals(shape, 200*time.Second, rand.New(rand.NewPCG(1, 0))))
	if !near(float64(len(list)), 20_000, 707) {
		t.Errorf("%d arrivals, want 20000 ± 707", len(list))
	}
	// Between arrivals the due count grows by Exp(1): mean 1 and variance 1, each within 5 standard errors, 5/√20,000 and
	// 5·√(8/20,000).
	var sum, squares, before float64
	for _, at := range list {
		gap := shape.Count(at) - before
		before += gap
		sum += gap
		squares += gap * gap
	}
	n := float64(len(list))
	mean := sum / n
	if variance := squares/n - mean*mean; !near(mean, 1, 0.036) || !near(variance, 1, 0.1) {
		t.Errorf("gaps have mean %v and variance %v, want 1 and 1", mean, variance)
	}
	again := all(t, newArrivals(shape, 200*time.Second, rand.New(rand.NewPCG(1, 0))))
	if len(again) != len(list) || again[len(again)-1] != list[len(list)-1] {
		t.Error("the same seed gave another schedule")
	}
}

func TestScheduleNeverStepsBackAndHasTheCountOfItsShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var shape pieces
		for range rapid.IntRange(1, 5).Draw(t, "pieces") {
			length := time.Duration(rapid.Int64Range(1, int64(3*time.Second)).Draw(t, "length"))
			var err error
			shape, err = shape.then(length, rapid.Float64Range(0, 200).Draw(t, "first"), rapid.Float64Range(0, 200).Draw(t, "last"))
			if err != nil {
				t.Fatal(err)
			}
		}
		a := newArrivals(shape, shape.End(), nil)
		n, last := 0, time.Duration(0)
		for {
			at, ok := a.next()
			if !ok {
				break
			}
			if at < last || at >= shape.End() {
				t.Fatalf("arrival %d at %v after %v, end %v", n, at, last, shape.End())
			}
			last = at
			n++
		}
		if total := shape.Count(shape.End()); math.Abs(float64(n)-total) > 0.5+1e-6 {
			t.Fatalf("%d arrivals, the shape has %v", n, total)
		}
	})
}

func BenchmarkNextArrivalOfASine(b *testing.B) {
	a := newArrivals(Sine{Mean: 3000, Amplitude: 1000, Period: time.Minute}, forever, nil)
	b.ReportAllocs()
	for b.Loop() {
		a.next()
	}
}
