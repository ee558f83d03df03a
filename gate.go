package headroom

import (
	"fmt"
	"strconv"
	"time"
)

// Gate is demanded of a change of a policy: that a backtest of it is not worse than one of what is in force. Exactly one of History and Load is given.
type Gate struct {
	History Duration `json:"history,omitempty" doc:"try it on the requests that were measured in this time, up to now; 1m to 31d" example:"7d"`
	Load    string   `json:"load,omitempty" doc:"or on this load: lines of time,value as in a file for headroom backtest, in requests per second, of at most 31 days" example:"1767225600,40"`
	// MoreOutside 0.01 is one request of ten thousand: less is chance, of when a replica happens to start.
	MoreOutside float64 `json:"moreOutside" default:"0.01" minimum:"0" maximum:"100" doc:"how many more requests may be outside the objective than with what is in force, in percent of all" example:"0.1"`
	// MoreCost 1: two policies that do the same differ by less, since requests come at random.
	MoreCost float64 `json:"moreCost" default:"1" minimum:"0" maximum:"1000" doc:"how many more replica-hours may be used than with what is in force, in percent" example:"5"`

	Capacity    float64  `json:"capacity,omitempty" minimum:"0" maximum:"1000000000" doc:"requests per second that a replica answers at most; derived from targetRequestsPerSecond or targetInFlight where not given" example:"95"`
	ServiceTime Duration `json:"serviceTime,omitempty" doc:"of a request that does not wait; 50ms where not given" example:"40ms"`
	Boot        Duration `json:"boot,omitempty" doc:"from the start of a replica to ready; 5s where not given" example:"20s"`
}

// The shortest and the longest load that a gate takes: a policy cannot show much in less than a minute, and a month has 2.7 million seconds, 21 MB.
const (
	ShortestGate = time.Minute
	LongestGate  = 31 * 24 * time.Hour
)

// Validate checks each field by itself, and that there is one load.
func (g Gate) Validate(path string) []error {
	found := &findings{}
	switch {
	case (g.History == 0) == (g.Load == ""):
		found.add(&InvalidError{Field: joinPath(path, "history"), Expected: "exactly one of history, such as 7d, and load must be given"})
	case g.Load == "" && (time.Duration(g.History) < ShortestGate || time.Duration(g.History) > LongestGate):
		found.add(&InvalidError{Field: joinPath(path, "history"), Value: g.History.String(), Expected: "must be 1m to 31d, such as 7d"})
	}
	found.add(checkTags(path, g)...)
	return found.errors
}

// GateReport is how a change and what is in force did in a backtest of the same load.
type GateReport struct {
	Passed      bool       `json:"passed"`
	Reasons     []string   `json:"reasons,omitempty" doc:"why it did not pass, in sentences"`
	From        time.Time  `json:"from" doc:"when the load begins"`
	To          time.Time  `json:"to"`
	MoreOutside float64    `json:"moreOutside" doc:"what was allowed, percent of the requests"`
	MoreCost    float64    `json:"moreCost" doc:"what was allowed, percent of the replica-hours"`
	Current     GateResult `json:"current" doc:"with what is in force"`
	Proposed    GateResult `json:"proposed" doc:"with the change"`
	Notes       []string   `json:"notes,omitempty" doc:"what was assumed, in sentences"`
}

// GateResult is how one set of policies did.
type GateResult struct {
	ReplicaHours   float64  `json:"replicaHours"`
	Cost           *Money   `json:"cost,omitempty" doc:"where scaling.replicaHour is set" example:"31.2 USD"`
	Requests       float64  `json:"requests"`
	Outside        float64  `json:"outside" doc:"requests that failed, or were answered later than objective.latency"`
	OutsideMinutes int      `json:"outsideMinutes" doc:"in which more were outside than the objective allows"`
	WorstRecovery  Duration `json:"worstRecovery" doc:"longest time in one go with seconds outside the objective" example:"12s"`
	ScaleEvents    int      `json:"scaleEvents" doc:"changes of the wanted number"`
	P95            Duration `json:"p95" doc:"of all answered requests" example:"48ms"`
}

// OutsidePercent is the share of the requests outside the objective; 0 where there were none.
func (r GateResult) OutsidePercent() float64 {
	if r.Requests <= 0 {
		return 0
	}
	return 100 * r.Outside / r.Requests
}

// Judge says whether the proposed is no worse than what was allowed, and why not.
func (r *GateReport) Judge() {
	const sliver = 1e-9 // of rounding
	r.Reasons = nil
	if before, after := r.Current.OutsidePercent(), r.Proposed.OutsidePercent(); after > before+r.MoreOutside+sliver {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%s %% of the requests would be outside the objective, and %s %% are with what is in force: moreOutside allows %s more",
			digits(after), digits(before), number(r.MoreOutside)))
	}
	if before, after := r.Current.ReplicaHours, r.Proposed.ReplicaHours; after > before*(1+r.MoreCost/100)+sliver {
		reason := fmt.Sprintf("%s replica-hours would be used, and %s are with what is in force", digits(after), digits(before))
		if before > 0 {
			reason += fmt.Sprintf(", %s %% more", digits(100*(after-before)/before))
		}
		r.Reasons = append(r.Reasons, reason+fmt.Sprintf(": moreCost allows %s %%", number(r.MoreCost)))
	}
	r.Passed = len(r.Reasons) == 0
}

// digits is a number with four digits that count.
func digits(value float64) string { return strconv.FormatFloat(value, 'g', 4, 64) }
