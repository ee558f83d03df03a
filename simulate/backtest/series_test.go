package backtest

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

func TestRowsAreReadWithAndWithoutAHeader(t *testing.T) {
	want := Series{{at(60), 5}, {at(120), 7.5}}
	for name, text := range map[string]string{
		"header":   "unix_seconds,value\n60,5\n120,7.5\n",
		"none":     "60,5\n120,7.5\n",
		"RFC 3339": "time,value\n1970-01-01T00:01:00Z, 5\n1970-01-01T01:02:00+01:00, 7.5\n",
		"mark":     "\ufeff60,5\r\n120,7.5\r\n",
	} {
		got, err := ReadCSV(strings.NewReader(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: read %v, %v; want %v", name, got, err, want)
		}
	}
}

func TestWhatCannotBeReadIsNamedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"60,5\n":                  "load has 1 rows",
		"":                        "load has 0 rows",
		"60,5\n60,6\n":            `line 2: time is "60": expected one after 1970-01-01T00:01:00Z`,
		"60,5\nsoon,6\n":          `line 2: time is "soon"`,
		"60,5\n120,-1\n":          `line 2: value is "-1"`,
		"60,5\n120,NaN\n":         `line 2: value is "NaN"`,
		"60,5\n120,1,2\n":         "line 2: 3 fields",
		"60,5\n120,\"a\n":         "load: ",
		"time,value\n1e300,1\n":   `line 2: time is "1e300"`,
		"time,value\nmore,head\n": `line 2: time is "more"`,
	} {
		if _, err := ReadCSV(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestValuesBecomeRequestsPerSecond(t *testing.T) {
	s := Series{{at(0), 120}, {at(60), 240}, {at(180), 240}}
	for _, c := range []struct {
		unit  Unit
		scale float64
		want  []float64
	}{
		{PerSecond, 2, []float64{240, 480, 480}},
		{PerMinute, 1, []float64{2, 4, 4}},
		{PerInterval, 1, []float64{2, 4, 2}}, // 240 in 120 s
		{CPU, 1, []float64{120, 240, 240}},
	} {
		got, err := s.Rates(c.unit, c.scale)
		for i := range c.want {
			if err != nil || got[i].Value != c.want[i] || !got[i].At.Equal(s[i].At) {
				t.Errorf("%s times %v: %v, %v; want %v", c.unit, c.scale, got, err, c.want)
			}
		}
	}
	for want, wrong := range map[string]func() (Series, error){
		`load unit is "per-hour"`: func() (Series, error) { return s.Rates("per-hour", 1) },
		"scale is 0":              func() (Series, error) { return s.Rates(PerSecond, 0) },
		"scale is NaN":            func() (Series, error) { return s.Rates(PerSecond, math.NaN()) },
		"give a smaller scale":    func() (Series, error) { return s.Rates(PerSecond, 1e8) },
	} {
		if _, err := wrong(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestLastKeepsTheEnd(t *testing.T) {
	s := Series{{at(0), 1}, {at(60), 2}, {at(120), 3}, {at(180), 4}}
	for length, want := range map[time.Duration]int{0: 4, time.Minute: 2, 90 * time.Second: 2, 2 * time.Minute: 3, time.Hour: 4, time.Second: 4} {
		if got := s.Last(length); len(got) != want {
			t.Errorf("last %v is %d points, want %d", length, len(got), want)
		}
	}
}

func TestLoadGoesInStraightLinesBetweenPoints(t *testing.T) {
	load, err := Series{{at(0), 0}, {at(4), 8}, {at(6), 8}}.Load(nil)
	if err != nil || !slices.Equal(load.Arrivals, []float64{1, 3, 5, 7, 8, 8}) { // in the middle of each second
		t.Errorf("arrivals are %v, %v", load.Arrivals, err)
	}
	for _, s := range []Series{{{at(0), 1}}, {{at(0), 1}, {at(0).Add(time.Millisecond), 1}}, {{at(0), 1}, {at(101 * 24 * 3600), 1}}} {
		if _, err := s.Load(nil); err == nil {
			t.Errorf("a load is made of %v", s)
		}
	}
}

func TestNoiseHasTheMeanAndVarianceOfPoisson(t *testing.T) {
	for _, rate := range []float64{0.5, 4, 29, 30, 400} {
		seed := uint64(7)
		load, err := Series{{at(0), rate}, {at(100_000), rate}}.Load(&seed)
		if err != nil {
			t.Fatal(err)
		}
		mean, variance, n := 0.0, 0.0, float64(len(load.Arrivals))
		for _, a := range load.Arrivals {
			mean += a / n
		}
		for _, a := range load.Arrivals {
			variance += (a - mean) * (a - mean) / n
		}
		// Of 100,000 draws the mean is within 5 standard errors; the variance equals it, within 3 % and the rounding to whole numbers.
		if math.Abs(mean-rate) > 5*math.Sqrt(rate/n) || math.Abs(variance-rate) > 0.03*rate+0.1 {
			t.Errorf("rate %v: mean %v, variance %v", rate, mean, variance)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("unix_seconds,value\n60,5\n120,7.5\n")
	f.Add("1995-07-01T00:00:00Z,5\n1995-07-01T00:01:00Z,1e308\n")
	f.Fuzz(func(t *testing.T, text string) {
		series, err := ReadCSV(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, unit := range Units() {
			rates, err := series.Rates(unit, 1)
			if err != nil || rates[len(rates)-1].At.Sub(rates[0].At) > time.Hour {
				continue
			}
			load, err := rates.Load(nil)
			for _, a := range load.Arrivals {
				if err == nil && !(a >= 0 && a <= mostRate*(1+1e-9)) {
					t.Errorf("%q makes %v requests in a second", text, a)
				}
			}
		}
	})
}
