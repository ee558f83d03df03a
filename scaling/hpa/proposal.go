package hpa

import (
	"fmt"
	"time"
)

// Proposal is how many replicas one metric asks for.
type Proposal struct {
	// Replicas may be negative where a metric is; Step takes that for 0.
	Replicas int `json:"replicas"`
	// Value is what HPA shows as the current value: percent for Utilization, milli-units otherwise, per replica for
	// AverageValue. Of the measured replicas alone.
	Value int64 `json:"value"`
	// Ratio is the value over the target, of the measured replicas alone. For an AverageValue of Object and External while
	// there are no replicas it is the whole value over the target.
	Ratio float64 `json:"ratio"`
	// Assumed is the ratio with missing and unready replicas filled in; equal to Ratio where none had to be.
	Assumed float64 `json:"assumed"`
	// Kept says why the current number is proposed; empty where the ratio was followed.
	Kept Kept `json:"kept,omitempty"`
}

// Kept is why a metric proposes the current number of replicas.
type Kept string

// The reasons to keep the current number.
const (
	KeptTolerance Kept = "within-tolerance" // the ratio is near enough to 1
	KeptTurned    Kept = "turned"           // with missing and unready replicas filled in, it would go the other way
)

// FromPods proposes for a Resource, ContainerResource or Pods metric from single pods. Current is the number of replicas
// that are wanted now (spec.replicas). It fails where nothing was measured, where any pod lacks a request that a
// Utilization needs, and for a metric that Validate refuses.
func (m Metric) FromPods(pods []Pod, current int, t Tolerance, c Controller, now time.Time) (Proposal, error) {
	if err := m.Validate(); err != nil {
		return Proposal{}, err
	}
	if m.external() {
		return Proposal{}, fmt.Errorf("source %s is not measured per pod", m.Source)
	}
	g, err := m.group(pods, c, now)
	if err != nil {
		return Proposal{}, err
	}
	return m.propose(g, current, t)
}

// Totals are sums over replicas that are alike, for callers that keep no pods.
type Totals struct {
	Measured int   `json:"measured"`          // replicas that are ready and have a measurement
	Usage    int64 `json:"usage"`             // the sum over them, milli-units
	Missing  int   `json:"missing,omitempty"` // replicas that are ready, without a measurement
	Unready  int   `json:"unready,omitempty"` // replicas that are starting or not ready
	Request  int64 `json:"request,omitempty"` // what each replica requests, milli-units; for Utilization only
}

// FromTotals proposes as FromPods does, from sums over replicas that all request the same. It allocates nothing.
func (m Metric) FromTotals(totals Totals, current int, t Tolerance) (Proposal, error) {
	if err := m.Validate(); err != nil {
		return Proposal{}, err
	}
	if m.external() {
		return Proposal{}, fmt.Errorf("source %s is not measured per pod", m.Source)
	}
	if totals.Measured <= 0 {
		return Proposal{}, errUnmeasured
	}
	request := int64(0)
	if m.Type == Utilization {
		request = max(totals.Request, 0)
	}
	g := groups{
		measured: alike(totals.Measured, 0, request),
		missing:  alike(totals.Missing, m.assumed(request), request),
		unready:  alike(totals.Unready, 0, request),
	}
	g.measured.usage = totals.Usage
	return m.propose(g, current, t)
}

// propose is GetResourceReplicas and calcPlainMetricReplicas of the replica calculator.
//
// What was measured says which way to go. On the way up missing and unready replicas count as idle, on the way down
// missing ones count as at their request (or their target). What comes out may then be less of a change, or none, but
// never one the other way.
func (m Metric) propose(g groups, current int, t Tolerance) (Proposal, error) {
	value, ratio, err := m.ratio(g.measured)
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{Value: value, Ratio: ratio, Assumed: ratio}
	unreadyOnTheWayUp := g.unready.replicas > 0 && ratio > 1
	if !unreadyOnTheWayUp && g.missing.replicas == 0 {
		if t.covers(ratio) {
			return p.keep(current, KeptTolerance), nil
		}
		p.Replicas = ceil(ratio * float64(g.measured.replicas))
		return p, nil
	}

	counted := g.measured
	switch {
	case ratio < 1:
		counted = counted.and(g.missing)
	case ratio > 1:
		counted = counted.and(g.missing.idle())
	}
	if unreadyOnTheWayUp {
		counted = counted.and(g.unready.idle())
	}
	if _, p.Assumed, err = m.ratio(counted); err != nil {
		return Proposal{}, err
	}
	if t.covers(p.Assumed) {
		return p.keep(current, KeptTolerance), nil
	}
	p.Replicas = ceil(p.Assumed * float64(counted.replicas))
	if (ratio < 1 && p.Assumed > 1) || (ratio > 1 && p.Assumed < 1) {
		return p.keep(current, KeptTurned), nil
	}
	// More pods may have been counted than are wanted, or fewer, so that less load asks for more.
	if (p.Assumed < 1 && p.Replicas > current) || (p.Assumed > 1 && p.Replicas < current) {
		return p.keep(current, KeptTurned), nil
	}
	return p, nil
}

func (p Proposal) keep(current int, why Kept) Proposal {
	p.Replicas, p.Kept = current, why
	return p
}

// ratio is the value of a group, cut to an integer (100 of 300 is 33 %), and how many times the target that is.
func (m Metric) ratio(g group) (int64, float64, error) {
	if m.Type != Utilization {
		value := g.usage / int64(g.replicas)
		return value, float64(value) / float64(m.Target), nil
	}
	if g.request <= 0 {
		return 0, 0, fmt.Errorf("the measured pods request no %s: a Utilization needs requests", m.Name)
	}
	value := scale(g.usage, 100, g.request)
	return value, float64(value) / float64(m.Target), nil
}
