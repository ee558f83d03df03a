package metrics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func queryError(t *testing.T, err error) *QueryError {
	t.Helper()
	var q *QueryError
	if !errors.As(err, &q) {
		t.Fatalf("error is %v; expected a QueryError", err)
	}
	return q
}

func TestBadExpressionNamesItsPlace(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, c := range []struct {
		expr         string
		line, column int
		reason       string
	}{
		{"sum(rate(x[5s])", 1, 16, "unclosed left parenthesis"},
		{"x +\n  / y", 2, 3, "unexpected <op:/>"},
		{"nosuch(x)", 1, 1, `unknown function with name "nosuch"`},
		{"rate(x)", 1, 6, "expected type range vector"},
		{`x{a="b"`, 1, 8, "unexpected end of input"},
	} {
		_, err := s.Query(context.Background(), c.expr, epoch)
		q := queryError(t, err)
		if q.Kind != Invalid || q.Line != c.line || q.Column != c.column || !strings.Contains(q.Reason, c.reason) {
			t.Errorf("%q: %s at %d:%d %q; expected invalid at %d:%d %q", c.expr, q.Kind, q.Line, q.Column, q.Reason, c.line, c.column, c.reason)
		}
		if err := CheckQuery(c.expr); err == nil {
			t.Errorf("CheckQuery allowed %q", c.expr)
		}
	}
	if err := CheckQuery(`sum by (service) (rate(headroom_requests_total[1m])) > 5`); err != nil {
		t.Errorf("CheckQuery refused a good expression: %v", err)
	}
	if err := CheckQuery(strings.Repeat("(", 1<<20)); err == nil {
		t.Error("CheckQuery allowed a megabyte of parentheses")
	}
}

func TestBadRangesSayWhatIsExpected(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, c := range []struct {
		length, step time.Duration
		reason       string
	}{
		{time.Minute, 0, "expected at least 1ms"},
		{-time.Minute, time.Second, "ends"},
		{24 * time.Hour, time.Second, "use a step of at least 7.856s"}, // 86400 s / 11000 = 7.855 s
	} {
		_, err := s.QueryRange(context.Background(), "x", epoch, epoch.Add(c.length), c.step)
		if q := queryError(t, err); q.Kind != Invalid || !strings.Contains(q.Reason, c.reason) {
			t.Errorf("%s by %s: %s %q; expected invalid, %q", c.length, c.step, q.Kind, q.Reason, c.reason)
		}
	}
}

func TestQueryThatLoadsTooMuchIsStopped(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir(), MaxSamples: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 200 {
		mustAppend(t, s, epoch.Add(time.Duration(i)*time.Second), counter("a", float64(i)))
	}
	_, err = s.Query(context.Background(), `requests_total[5m]`, epoch.Add(200*time.Second))
	if q := queryError(t, err); q.Kind != TooLarge || !strings.Contains(q.Reason, "100 samples") {
		t.Errorf("%s %q; expected too large, with the limit", q.Kind, q.Reason)
	}
}

func TestQueryThatTakesTooLongIsStopped(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir(), QueryTimeout: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Query(context.Background(), `count_over_time(vector(1)[24h:1s])`, epoch)
	if q := queryError(t, err); q.Kind != TooSlow {
		t.Errorf("%s %q; expected too slow", q.Kind, q.Reason)
	}
}

func TestQueryOfSomeoneWhoLeftIsCanceled(t *testing.T) {
	s := openStore(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Query(ctx, `vector(1)`, epoch)
	if q := queryError(t, err); q.Kind != Canceled {
		t.Errorf("%s %q; expected canceled", q.Kind, q.Reason)
	}
}

func TestAmbiguousJoinFailsWithoutBlamingTheSyntax(t *testing.T) {
	s := openStore(t, t.TempDir())
	mustAppend(t, s, epoch, counter("a", 1), counter("b", 2))
	_, err := s.Query(context.Background(), `requests_total + on (service) requests_total`, epoch)
	if q := queryError(t, err); q.Kind != Failed || !strings.Contains(q.Reason, "many-to-many") {
		t.Errorf("%s %q; expected failed, many-to-many", q.Kind, q.Reason)
	}
}

// FuzzQueryNeverPanics feeds arbitrary expressions to a store with a little data.
func FuzzQueryNeverPanics(f *testing.F) {
	for _, seed := range []string{
		`requests_total`, `rate(requests_total[5s])`, `{__name__=~".+"}`, `1/0`, `"x"`, `sum(`, `x[5m:]`,
		`requests_total @ end()`, `absent(nothing)`, `topk(3, requests_total)`, `label_replace(requests_total, "a", "$1", "b", "(.*)")`,
	} {
		f.Add(seed)
	}
	s, err := Open(Options{Dir: f.TempDir(), QueryTimeout: 100 * time.Millisecond, MaxSamples: 10_000})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	for i := range 10 {
		if err := s.Append(epoch.Add(time.Duration(i)*time.Second), []Sample{counter("a", float64(i))}); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, expr string) {
		checked := CheckQuery(expr)
		_, err := s.Query(context.Background(), expr, epoch.Add(9*time.Second))
		if checked != nil && err == nil {
			t.Errorf("CheckQuery refused %q (%v) but it ran", expr, checked)
		}
		if err != nil && fmt.Sprint(err) == "" {
			t.Errorf("%q failed without a word", expr)
		}
	})
}
