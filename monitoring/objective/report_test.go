package objective

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom.dev/headroom"
)

var now = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func promise() headroom.Objective {
	return headroom.Objective{Availability: 99.9, Window: headroom.Duration(month)}
}

func second(good, failed, aborted uint64) headroom.Traffic {
	return headroom.Traffic{Outcomes: headroom.Outcomes{Success: good, Timeout: failed, ClientAborted: aborted}}
}

func TestReportOfAMonth(t *testing.T) {
	ledger := NewLedger()
	// A million requests that count ten days ago, 400 of them failed; the 50 that clients gave up are
	// nobody's failure. In the last hour 1000 more, 2 failed: burn rate 2.
	ledger.Add(now.Add(-240*time.Hour), time.Second, second(999_600, 400, 50), 0)
	ledger.Add(now.Add(-30*time.Minute), time.Second, second(998, 2, 0), 0)
	ledger.Add(now.Add(-31*24*time.Hour), time.Second, second(0, 1e6, 0), 0) // before the window
	r := Report("shop", promise(), ledger, now)
	if r.Requests != 1_001_000 || r.Failed != 402 || r.Service != "shop" || !r.From.Equal(now.Add(-month)) {
		t.Errorf("got %+v; expected 402 of 1001000 since 30 days", r)
	}
	if want := 100 * (1 - 402.0/1_001_000); !near(*r.Availability, want, 1e-12) {
		t.Errorf("availability is %v; expected %v", *r.Availability, want)
	}
	if want := 1 - 402.0/1001; !near(*r.BudgetRemaining, want, 1e-6) {
		t.Errorf("remaining budget is %v; expected %v", *r.BudgetRemaining, want)
	}
	if !near(*r.BurnRate1h, 2, 1e-9) || !*r.Met || r.LatencyMet != nil {
		t.Errorf("burn rate %v, met %v, latency %v; expected 2, true, nil", *r.BurnRate1h, *r.Met, r.LatencyMet)
	}
	if want := "402 of 1001000 requests failed in the last 30 days: 99.959 % availability, so the objective of 99.9 % is met. 59.84 % of the error budget is left. Of the period less than 0.1 % was measured."; r.Summary != want {
		t.Errorf("summary is\n%s\nexpected\n%s", r.Summary, want)
	}
}

func TestOverspentBudgetIsShownAsDebt(t *testing.T) {
	ledger := NewLedger()
	ledger.Add(now.Add(-time.Minute), time.Second, second(997, 3, 0), 0)
	r := Report("shop", promise(), ledger, now)
	if !near(*r.BudgetRemaining, -2, 1e-9) || *r.Met || !strings.Contains(r.Summary, "is missed. The error budget is overspent: 3 times") {
		t.Errorf("remaining %v, met %v: %s", *r.BudgetRemaining, *r.Met, r.Summary)
	}
}

func TestNoDataIsNeitherHundredPercentNorZero(t *testing.T) {
	ledger := NewLedger()
	r := Report("shop", promise(), ledger, now)
	if r.Availability != nil || r.BudgetRemaining != nil || r.BurnRate1h != nil || r.Met != nil || r.LatencyMet != nil || r.Covered != 0 {
		t.Errorf("got %+v; expected all unknown", r)
	}
	if !strings.HasPrefix(r.Summary, "Nothing was measured in the last 30 days") {
		t.Errorf("summary is %s", r.Summary)
	}
	// Measured, but no traffic: still unknown, and said differently.
	ledger.Add(now.Add(-time.Minute), time.Second, headroom.Traffic{}, 0)
	r = Report("shop", promise(), ledger, now)
	if r.Availability != nil || r.Met != nil || r.Covered == 0 || !strings.HasPrefix(r.Summary, "No request ended in the last 30 days") {
		t.Errorf("got %+v; expected unknown for want of requests", r)
	}
}

func TestCoverageIsTheMeasuredShareOfTheWindow(t *testing.T) {
	ledger := NewLedger()
	o := promise()
	o.Window = headroom.Duration(time.Hour)
	for i := range 900 {
		ledger.Add(now.Add(-time.Duration(i)*time.Second), time.Second, second(1, 0, 0), 0)
	}
	if r := Report("shop", o, ledger, now); !near(r.Covered, 0.25, 1e-9) || !strings.Contains(r.Summary, "Of the period 25.0 % was measured.") {
		t.Errorf("covered %v: %s", r.Covered, r.Summary)
	}
}

func TestLatencyPromiseIsPartOfTheVerdict(t *testing.T) {
	ledger := NewLedger()
	o := promise()
	o.Latency, o.LatencyShare = headroom.Duration(300*time.Millisecond), 99
	traffic := second(100, 0, 0)
	for i := range 100 {
		d := 10 * time.Millisecond
		if i < 2 {
			d = time.Second
		}
		traffic.Latency.Add(d)
	}
	ledger.Add(now.Add(-time.Minute), time.Second, traffic, 300*time.Millisecond)
	r := Report("shop", o, ledger, now)
	if !near(*r.LatencyMet, 98, 1e-9) || *r.Met || *r.Availability != 100 {
		t.Errorf("latency %v, met %v; expected 98 %% and not met", *r.LatencyMet, *r.Met)
	}
	if !strings.Contains(r.Summary, "98 % were answered within 300ms; the objective of 99 % is missed.") {
		t.Errorf("summary is %s", r.Summary)
	}
}

func TestNumbersAreCutNotRounded(t *testing.T) {
	for value, want := range map[float64]string{99.99996: "99.999", 99.8999: "99.899", 99.9: "99.9", 100: "100", 0: "0", 1234567: "1234567", 2.5: "2.5"} {
		if got := number(value); got != want {
			t.Errorf("%v reads %s; expected %s", value, got, want)
		}
	}
}

func TestLedgerSurvivesARestart(t *testing.T) {
	ledger := NewLedger()
	for i := range 7200 {
		ledger.Add(now.Add(-time.Duration(i)*time.Second), time.Second, second(9, 1, 0), 0)
	}
	restored := NewLedger()
	hours := ledger.Changed()
	if len(hours) != 2 { // the seconds from 10:00 to 12:00
		t.Errorf("%d hours changed; expected 2", len(hours))
	}
	for _, hour := range hours {
		data, err := json.Marshal(hour)
		if err != nil {
			t.Fatal(err)
		}
		var back Hour
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		restored.Load(back)
	}
	if got, want := restored.Sum(now.Add(-month), now), ledger.Sum(now.Add(-month), now); got != want || got.Total != 72_000 || got.Failed != 7200 || !near(got.Seconds, 7200, 1e-9) {
		t.Errorf("restored %+v; expected %+v with 72000 requests", got, want)
	}
	if len(ledger.Changed()) != 0 {
		t.Error("hours changed without an addition")
	}
	// It goes on counting in the same minute.
	restored.Add(now.Add(-time.Second), time.Second, second(1, 0, 0), 0)
	if got := restored.Sum(now.Add(-month), now); got.Total != 72_001 || len(restored.Changed()) != 1 {
		t.Errorf("after the restart %+v; expected 72001", got)
	}
}

func TestPruneForgetsAndNamesOldHours(t *testing.T) {
	ledger := NewLedger()
	old := time.Date(2026, 2, 1, 5, 30, 0, 0, time.UTC)
	ledger.Add(old, time.Second, second(1, 0, 0), 0)
	ledger.Add(now, time.Second, second(1, 0, 0), 0)
	gone := ledger.Prune(now.Add(-month))
	if len(gone) != 1 || !gone[0].Equal(time.Date(2026, 2, 1, 5, 0, 0, 0, time.UTC)) {
		t.Errorf("pruned %v; expected 05:00 of February 1", gone)
	}
	if got := ledger.Sum(time.Time{}, now.Add(time.Hour)); got.Total != 1 || len(ledger.Changed()) != 1 {
		t.Errorf("left %+v; expected one request", got)
	}
}

// Every second falls into exactly one minute: sums over adjoining ranges add up to the whole.
func TestPropertyNoSecondIsLostOrCountedTwice(t *testing.T) {
	zone := time.FixedZone("Kathmandu", 5*3600+45*60)
	rapid.Check(t, func(t *rapid.T) {
		ledger := NewLedger()
		var want uint64
		for range rapid.IntRange(0, 50).Draw(t, "seconds") {
			at := now.Add(-time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "ago")))
			if rapid.Bool().Draw(t, "local") {
				at = at.In(zone)
			}
			n := rapid.Uint64Range(0, 1000).Draw(t, "requests")
			want += n
			ledger.Add(at, time.Second, second(n, 0, 0), 0)
		}
		begin, end := now.Add(-101*time.Hour), now.Add(time.Hour)
		cut := begin.Add(time.Duration(rapid.Int64Range(0, int64(102*time.Hour)).Draw(t, "cut")))
		whole := ledger.Sum(begin, end)
		parts := ledger.Sum(begin, cut).plus(ledger.Sum(cut, end))
		if whole.Total != want || parts.Total != want || math.Abs(whole.Seconds-parts.Seconds) > 1e-6 {
			t.Fatalf("whole %+v, parts %+v; expected %d requests", whole, parts, want)
		}
	})
}
