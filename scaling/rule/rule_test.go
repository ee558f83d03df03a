package rule

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func compiler(t testing.TB) *Compiler {
	t.Helper()
	c, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tuesday afternoon in Berlin; there is a queue of 120, and the processors' last second is not known.
func variables() *Variables {
	return &Variables{
		Signals: map[string]map[string]float64{
			"queue": {"total": 120, "value": 40, "fast": 45, "fastTotal": 135, "age": 7},
			"cpu":   {"total": 210, "value": 70, "age": 1},
		},
		Current: 3, Ready: 2, Start: 1, Min: 1, Max: 10, Cost: 0.05,
		Now:     time.Date(2026, 3, 31, 15, 4, 5, 0, time.FixedZone("CEST", 7200)),
		SinceUp: 90, SinceDown: math.Inf(1),
	}
}

func TestNumbers(t *testing.T) {
	c := compiler(t)
	for text, want := range map[string]float64{
		"current + 2":           5,
		"current * 1.5":         4.5,
		"7 / 2":                 3.5, // whole numbers are written as people mean them
		"signal.queue.total":    120,
		"signal.queue.value":    40,
		"signal.queue.fast":     45,
		"signal.queue.age":      7,
		`signal["queue"].total`: 120,
		"signal.queue.total + 2 * signal.cpu.value":                 260,
		"has(signal.lag) ? signal.lag.total : 4":                    4,
		"has(signal.queue) ? signal.queue.total : 4":                120,
		"has(signal.cpu.fast) ? signal.cpu.fast : signal.cpu.value": 70,
		"hour >= 8 && hour < 18 ? 6 : 2":                            6,
		"weekday":                                                   2,
		"minute":                                                    4, "day": 31, "month": 3,
		"ready": 2, "starting": 1, "minReplicas": 1, "maxReplicas": 10,
		"cost * 10":                           0.5,
		"sinceUp":                             90,
		"sinceDown > 3600 ? 1 : 0":            1,
		"ceil(2.1) + floor(2.9) + round(2.5)": 8,
		"min(3, 4) + max(3, 4) + abs(-1)":     8,
		"mod(7, 4)":                           3,
		"math.greatest(1, 2.5)":               2.5,
		"now.getHours() >= 8 ? 1 : 0":         1,
	} {
		program, err := c.Compile(text, Number)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := program.Value(variables()); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestConditions(t *testing.T) {
	c := compiler(t)
	for text, want := range map[string]bool{
		"signal.queue.total > 100 && hour >= 8":                 true,
		"signal.queue.total >= 120 && signal.queue.total < 121": true,
		"weekday == 0 || weekday == 6":                          false,
		"weekday in [1, 2, 3]":                                  true,
		`"queue" in signal`:                                     true,
		`"lag" in signal`:                                       false,
		"hour > 8 || signal.lag.total > 5":                      true, // what is not known does not matter here
		"hour < 8 && signal.lag.total > 5":                      false,
		`now > timestamp("2026-01-01T00:00:00Z")`:               true,
		"[1, 2, 3].exists(x, x == current)":                     true,
	} {
		program, err := c.Compile(text, Condition)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := program.True(variables()); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestWhatIsNotKnownIsSaidInTheUsersWords(t *testing.T) {
	c := compiler(t)
	v := variables()
	v.Ready = math.NaN()
	for text, want := range map[string]string{
		"signal.lag.total":                      "the signal lag is not known",
		"signal.lag.total + signal.queue.total": "the signal lag is not known",
		`signal["requests-per-second"].total`:   "the signal requests-per-second is not known",
		"signal.cpu.fast":                       "fast of a signal, its last second, is not known",
		"ready + 1":                             "ready is not known",
		"1 / 0":                                 `"1 / 0" gives +Inf, which is no number`,
		"0 / 0":                                 `"0 / 0" gives NaN, which is no number`,
	} {
		program, err := c.Compile(text, Number)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := program.Value(v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %q", text, got, err, want)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	c := compiler(t)
	for _, test := range []struct {
		text string
		kind Kind
		want string
	}{
		{"signal.queue.total >", Condition, "column 21: Syntax error: mismatched end of the expression"},
		{"hour >= 8 && qeue > 5", Condition, "column 14: there is no 'qeue'; signals are written as signal.NAME.total"},
		{"hour >= 8 &&\n  qeue > 5", Condition, "line 2, column 3: there is no 'qeue'; signals are written as signal.NAME.total"},
		{"current + 2", Condition, "it gives a number, and must give a condition"},
		{"current > 2", Number, "it gives a condition, and must give a number"},
		{`"six"`, Number, "it gives a text, and must give a number"},
		{"signal", Number, "it gives a map(string, map(string, double)), and must give a number"},
		{"", Condition, "it is empty"},
		{strings.Repeat("1+", 6000) + "1", Number, "the expression has 12001 bytes, at most 10000 are read"},
	} {
		_, err := c.Compile(test.text, test.kind)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.40q: got %v, want %q", test.text, err, test.want)
		}
	}
}

// Expressions may come from outside: none may take long, take the process with it, or fill its memory.
func TestHostileExpressionsAreBounded(t *testing.T) {
	c := compiler(t)
	list := "[" + strings.Repeat("1,", 99) + "1]"
	nested := "current > 0"
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		nested = list + ".all(" + name + ", " + nested + ")"
	}
	doubled := "x"
	for range 40 {
		doubled = "[" + doubled + "].map(x, x + x)[0]"
	}
	for _, text := range []string{
		nested,
		strings.Repeat("(", 5000) + "true" + strings.Repeat(")", 5000),
		strings.Repeat("!", 9000) + "true",
		strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + " == []",
		`"` + strings.Repeat("a", 9000) + `".matches("(a*)*b")`,
		`"a".matches("(((((a{1000}){1000}){1000}){1000}){1000})")`,
		`["` + strings.Repeat("a", 5000) + `"].map(x, x+x).map(x, x+x).map(x, x+x).map(x, x+x).map(x, x+x).map(x, x+x).map(x, x+x).map(x, x+x).map(x, x+x)[0] == ""`,
		doubled + ` == ""`,
		"ceil(dyn(\"a\")) > 1", "min(dyn(1u), 2) > 1", "dyn(signal).x > 1", "signal[dyn(5)].total > 1", "1 / dyn(0u) > 1",
		"\x00", "\xff\xfe", "'\\U0010FFFF' == ''",
	} {
		started := time.Now()
		if program, err := c.Compile(text, Condition); err == nil {
			_, _ = program.True(variables())
		}
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("%.60q took %s", text, took)
		}
	}
}

func FuzzExpressionsNeverPanic(f *testing.F) {
	c := compiler(f)
	f.Add("signal.queue.total > 1000 && hour >= 8")
	f.Add(`[1,2].exists_one(x, x > current) ? ceil(dyn("a")) : mod(1, 0)`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []Kind{Condition, Number} {
			program, err := c.Compile(text, kind)
			if err != nil {
				continue
			}
			_, _ = program.True(variables())
			if value, err := program.Value(variables()); err == nil && (math.IsNaN(value) || math.IsInf(value, 0)) {
				t.Errorf("%q gives %v", text, value)
			}
		}
	})
}

// BenchmarkCondition is a rule as people write it.
func BenchmarkCondition(b *testing.B) {
	program, err := compiler(b).Compile("signal.queue.total > 1000 && hour >= 8", Condition)
	if err != nil {
		b.Fatal(err)
	}
	v := variables()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := program.True(v); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAWholeNumberFunctionCountsAsANumber(t *testing.T) {
	program, err := compiler(t).Compile("now.getHours()", Number)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := program.Value(variables()); err != nil || got != 13 { // getHours is of UTC
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTheSignalsOfAnExpressionAreThoseThatItNames(t *testing.T) {
	t.Parallel()
	compiler := compiler(t)
	for text, want := range map[string][]string{
		`signal.queue.total + 2 * signal["lag-s"].value`: {"queue", "lag-s"},
		`has(signal.orders) && current > 2`:              {"orders"},
		`hour >= 8`:                                      nil,
		`"signal.queue" == "x"`:                          nil,
		`signal.queue.total +`:                           nil,
	} {
		if got := compiler.Signals(text); !slices.Equal(got, want) {
			t.Errorf("%s names %q, want %q", text, got, want)
		}
	}
}
