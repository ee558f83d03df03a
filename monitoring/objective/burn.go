package objective

import (
	"fmt"
	"time"
)

// leastBad is how many events must be bad before anybody is called: one failed request of a quiet
// night is a high ratio and no incident.
const leastBad = 2

// BurnAlert calls when the budget is spent too fast over a long and a short window alike: the long one
// so that it matters, the short one so that it is still going on.
type BurnAlert struct {
	Severity string        // "page" or "ticket"
	Long     time.Duration // a seven-hundred-twentieth to a tenth of the period
	Short    time.Duration // a twelfth of Long
	Spent    float64       // share of the period's budget that Long spends at the factor
	Factor   float64       // the burn rate above which it calls
}

// BurnAlerts returns the four of the workbook (chapter 5, table 5-8) for a period. Their windows are
// for 30 days: 1 h, 6 h, 1 d and 3 d, and scale with the period, so that the factors stay 14.4, 6, 3
// and 1. A low target cannot burn that fast, even with every request failing: then the factor is
// lowered to 0.8 of what is possible.
func BurnAlerts(t Target, period time.Duration) []BurnAlert {
	out := []BurnAlert{
		{Severity: "page", Long: period / 720, Spent: 0.02},
		{Severity: "page", Long: period / 120, Spent: 0.05},
		{Severity: "ticket", Long: period / 30, Spent: 0.10},
		{Severity: "ticket", Long: period / 10, Spent: 0.10},
	}
	for i := range out {
		out[i].Short = out[i].Long / 12
		out[i].Factor = out[i].Spent * float64(period) / float64(out[i].Long)
		if possible := 1 / t.Allowed(); out[i].Factor >= possible {
			out[i].Factor = 0.8 * possible
		}
	}
	return out
}

// TimeToCall is how long after all requests begin to fail the alert calls, at even traffic.
func (a BurnAlert) TimeToCall(t Target) time.Duration {
	return time.Duration(a.Factor * t.Allowed() * float64(a.Long))
}

// Verdict is what a burn alert says of the events of its windows.
type Verdict struct {
	Calls     bool
	BurnLong  float64 // 0 where there were no events
	BurnShort float64
	// Proven is the burn rate that the long window proves with 95 % confidence.
	Proven float64
	// HeldBack says, where both windows burn too fast, why it does not call all the same.
	HeldBack string
}

// Judge says whether the alert calls. Both windows must burn faster than the factor; and of little
// traffic the long window must also prove that the target is missed, with two bad events at least.
func (a BurnAlert) Judge(t Target, long, short Events) Verdict {
	var v Verdict
	var known, alsoKnown bool
	v.BurnLong, known = t.BurnRate(long)
	v.BurnShort, alsoKnown = t.BurnRate(short)
	if !known || !alsoKnown {
		return v
	}
	v.Proven = ProvenBadRatio(long) / t.Allowed()
	switch {
	case v.BurnLong <= a.Factor || v.BurnShort <= a.Factor:
	case long.Bad < leastBad:
		v.HeldBack = fmt.Sprintf("would have called, but only %.0f of %.0f requests failed", long.Bad, long.Total)
	case v.Proven <= 1:
		v.HeldBack = fmt.Sprintf("would have called, but %.0f of %.0f requests prove a burn rate of %.2g only", long.Bad, long.Total, v.Proven)
	default:
		v.Calls = true
	}
	return v
}
