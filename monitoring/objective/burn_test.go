package objective

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Workbook, table 5-8.
func TestBurnAlertsOfAMonth(t *testing.T) {
	want := []BurnAlert{
		{"page", time.Hour, 5 * time.Minute, 0.02, 14.4},
		{"page", 6 * time.Hour, 30 * time.Minute, 0.05, 6},
		{"ticket", 24 * time.Hour, 2 * time.Hour, 0.10, 3},
		{"ticket", 72 * time.Hour, 6 * time.Hour, 0.10, 1},
	}
	for i, got := range BurnAlerts(99.9, month) {
		if got.Severity != want[i].Severity || got.Long != want[i].Long || got.Short != want[i].Short || got.Spent != want[i].Spent || !near(got.Factor, want[i].Factor, 1e-9) {
			t.Errorf("alert %d is %+v; expected %+v", i, got, want[i])
		}
	}
	// Over a week the windows shrink and the factors stay.
	for i, got := range BurnAlerts(99.9, 7*24*time.Hour) {
		if !near(got.Factor, want[i].Factor, 1e-9) || got.Long != want[i].Long*7/30 {
			t.Errorf("alert %d of a week is %+v", i, got)
		}
	}
}

func TestTimeToCallWhenEverythingFails(t *testing.T) {
	for target, seconds := range map[Target]float64{99.9: 51.84, 99: 518.4, 99.99: 5.184} {
		if got := BurnAlerts(target, month)[0].TimeToCall(target).Seconds(); !near(got, seconds, 1e-6) {
			t.Errorf("at %v %% it calls after %v s; expected %v", target, got, seconds)
		}
	}
}

// sloth#341: a factor above 1/(1-target) can never be exceeded, and nobody is ever told.
func TestFactorCanBeReachedByEveryTarget(t *testing.T) {
	got := BurnAlerts(90, month) // at most 10 times
	for i, want := range []float64{8, 6, 3, 1} {
		if !near(got[i].Factor, want, 1e-9) {
			t.Errorf("factor %d at 90 %% is %v; expected %v", i, got[i].Factor, want)
		}
	}
	for _, target := range []Target{50, 80, 93, 93.1, 99.9} {
		for _, a := range BurnAlerts(target, month) {
			if v := a.Judge(target, Events{1000, 1000}, Events{1000, 1000}); !v.Calls {
				t.Errorf("at %v %% nobody is called although everything fails: %+v", target, v)
			}
		}
	}
}

func TestProvenBurnRate(t *testing.T) {
	for _, c := range []struct{ total, bad, want float64 }{
		{100, 1, 0.51}, {100, 2, 3.57}, {1000, 15, 9.3}, {10000, 150, 13.1}, {20, 1, 2.56},
		{100, 0, 0}, {0, 0, 0},
		{3, 3, 368.4}, // all bad: 0.05^(1/3) = 0.3684
	} {
		if got := ProvenBadRatio(Events{c.total, c.bad}) / 0.001; !near(got, c.want, 0.01) {
			t.Errorf("%v of %v prove a burn rate of %v; expected %v", c.bad, c.total, got, c.want)
		}
	}
}

// At the bound itself the chance of so many bad events is 5 %, by summing the binomial distribution.
func TestPropertyProvenRatioIsWhereTheTailIsFivePercent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		k := rapid.IntRange(1, n).Draw(t, "k")
		p := ProvenBadRatio(Events{float64(n), float64(k)})
		if p <= 0 || p >= float64(k)/float64(n)+1e-12 {
			t.Fatalf("bound %v is not between 0 and the ratio %v", p, float64(k)/float64(n))
		}
		var tail float64
		for i := k; i <= n; i++ {
			all, _ := math.Lgamma(float64(n + 1))
			chosen, _ := math.Lgamma(float64(i + 1))
			rest, _ := math.Lgamma(float64(n - i + 1))
			tail += math.Exp(all - chosen - rest + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
		}
		if !near(tail, 0.05, 1e-6) {
			t.Fatalf("tail at the bound of %d of %d is %v; expected 0.05", k, n, tail)
		}
	})
}

func TestProvenRatioOfManyRequestsNearsTheRatio(t *testing.T) {
	// Normal approximation: 0.01 - 1.645 × sqrt(0.01 × 0.99 / 10^8) = 0.0099836.
	if got := ProvenBadRatio(Events{1e8, 1e6}); !near(got, 0.0099836, 1e-4) {
		t.Errorf("1 %% of 10^8 proves %v; expected about 0.0099836", got)
	}
}

func TestLittleTrafficCallsNobodyAndSaysWhy(t *testing.T) {
	six := BurnAlerts(99.9, month)[1] // 6 times
	for _, c := range []struct {
		total, bad float64
		calls      bool
		heldBack   string
	}{
		{100, 1, false, "only 1 of 100 requests failed"}, // burns at 10
		{100, 2, true, ""}, // burns at 20, proves 3.57
		{20, 1, false, "only 1 of 20 requests failed"}, // burns at 50
		{1000, 5, false, ""},                           // burns at 5: no cause to call at all
		{1000, 15, true, ""},
		{0, 0, false, ""},
	} {
		e := Events{c.total, c.bad}
		v := six.Judge(99.9, e, e)
		if v.Calls != c.calls || c.heldBack == "" && v.HeldBack != "" || !strings.Contains(v.HeldBack, c.heldBack) {
			t.Errorf("%v of %v: %+v; expected calls %v, held back by %q", c.bad, c.total, v, c.calls, c.heldBack)
		}
	}
	// 2 of 150 are 1.33 %, more than the 1 % allowed, but two failures of 150 prove only about 0.24 %.
	ticket := BurnAlerts(99, month)[3] // 1 time
	v := ticket.Judge(99, Events{150, 2}, Events{150, 2})
	if v.Calls || !strings.Contains(v.HeldBack, "prove a burn rate of") {
		t.Errorf("2 of 150 at 99 %%: %+v; expected held back for want of proof", v)
	}
}

func TestBothWindowsMustBurn(t *testing.T) {
	a := BurnAlerts(99.9, month)[0]
	if v := a.Judge(99.9, Events{10000, 500}, Events{1000, 0}); v.Calls {
		t.Errorf("calls although it is over: %+v", v)
	}
	if v := a.Judge(99.9, Events{10000, 10}, Events{1000, 100}); v.Calls {
		t.Errorf("calls although it does not matter yet: %+v", v)
	}
}
