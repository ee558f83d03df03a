package objective

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"headroom.dev/headroom"
)

// Report says how a service kept its promise over the objective's rolling window that ends now.
func Report(service string, o headroom.Objective, ledger *Ledger, now time.Time) headroom.SLAReport {
	window := time.Duration(o.Window)
	from := now.Add(-window)
	sum := ledger.Sum(from, now)
	events := Events{Total: float64(sum.Total), Bad: float64(sum.Failed)}
	report := headroom.SLAReport{
		Service: service, Objective: o, From: from, To: now,
		Requests: events.Total, Failed: events.Bad,
	}
	if window > 0 {
		report.Covered = min(sum.Seconds/window.Seconds(), 1)
	}
	target := Target(o.Availability)
	if good, known := events.GoodRatio(); known {
		report.Availability = percent(good)
		met := 100*good >= o.Availability
		report.Met = &met
	}
	if remaining, known := target.Remaining(events); known {
		report.BudgetRemaining = &remaining
	}
	hour := ledger.Sum(now.Add(-time.Hour), now)
	if burn, known := target.BurnRate(Events{Total: float64(hour.Total), Bad: float64(hour.Failed)}); known {
		report.BurnRate1h = &burn
	}
	if o.Latency > 0 && sum.Answered > 0 {
		share := sum.Within / float64(sum.Answered)
		report.LatencyMet = percent(share)
		met := 100*share >= o.LatencyShare && (report.Met == nil || *report.Met)
		report.Met = &met
	}
	report.Summary = summarize(report, sum)
	return report
}

func percent(share float64) *float64 {
	value := 100 * share
	return &value
}

// summarize says the report in sentences.
func summarize(r headroom.SLAReport, sum Minute) string {
	switch {
	case sum.Seconds == 0:
		return fmt.Sprintf("Nothing was measured in the last %s, so nothing can be said about the objective of %s %%.", period(r.Objective.Window), number(r.Objective.Availability))
	case r.Availability == nil:
		return fmt.Sprintf("No request ended in the last %s (%s of it measured), so nothing can be said about the objective of %s %%.", period(r.Objective.Window), coverage(r.Covered), number(r.Objective.Availability))
	}
	verdict := "met"
	if *r.Availability < r.Objective.Availability {
		verdict = "missed"
	}
	text := fmt.Sprintf("%s of %s requests failed in the last %s: %s %% availability, so the objective of %s %% is %s.",
		number(r.Failed), number(r.Requests), period(r.Objective.Window), number(*r.Availability), number(r.Objective.Availability), verdict)
	if r.BudgetRemaining != nil {
		text += " " + budgetSentence(*r.BudgetRemaining)
	}
	if r.LatencyMet != nil {
		verdict = "met"
		if *r.LatencyMet < r.Objective.LatencyShare {
			verdict = "missed"
		}
		text += fmt.Sprintf(" %s %% were answered within %s; the objective of %s %% is %s.", number(*r.LatencyMet), r.Objective.Latency, number(r.Objective.LatencyShare), verdict)
	}
	if r.Covered < 0.99 {
		text += fmt.Sprintf(" Of the period %s was measured.", coverage(r.Covered))
	}
	return text
}

func budgetSentence(remaining float64) string {
	if remaining < 0 {
		return fmt.Sprintf("The error budget is overspent: %s times what is allowed failed.", number(1-remaining))
	}
	return fmt.Sprintf("%s %% of the error budget is left.", number(100*remaining))
}

// number writes three decimals at most, and cuts rather than rounds: 99.9996 % must not read 100 %, nor
// 99.8999 % as the 99.9 % that was missed.
func number(v float64) string {
	const half = 1e-6 // 99.9 × 1000 may come out as 99899.99999999999
	return strconv.FormatFloat(math.Floor(v*1000+half)/1000, 'f', -1, 64)
}

func coverage(share float64) string {
	if share < 0.001 {
		return "less than 0.1 %"
	}
	return strconv.FormatFloat(100*share, 'f', 1, 64) + " %"
}

// period writes whole days as days.
func period(d headroom.Duration) string {
	const day = 24 * time.Hour
	if time.Duration(d) >= day && time.Duration(d)%day == 0 {
		return fmt.Sprintf("%d days", time.Duration(d)/day)
	}
	return d.String()
}
