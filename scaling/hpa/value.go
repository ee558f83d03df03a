package hpa

import (
	"errors"
	"fmt"
	"math"
)

// Count is how many replicas there are, for metrics that are not measured per pod.
type Count struct {
	Wanted   int `json:"wanted"`   // spec.replicas of what is scaled
	Observed int `json:"observed"` // status.replicas of what is scaled
	Listed   int `json:"listed"`   // pods that its selector finds, in any phase
	Ready    int `json:"ready"`    // those of them that run and are ready
}

// CountPods counts pods; wanted and observed are those of what is scaled.
func CountPods(pods []Pod, wanted, observed int) Count {
	c := Count{Wanted: wanted, Observed: observed, Listed: len(pods)}
	for i := range pods {
		if pods[i].readyRunning() {
			c.Ready++
		}
	}
	return c
}

// Sum adds up the series of an external metric; beyond an int64 it stays at its ends.
func Sum(series []int64) int64 {
	total := int64(0)
	for _, value := range series {
		total = add(total, value)
	}
	return total
}

var errNoPodsListed = errors.New("there are no pods to multiply a Value by: it needs an AverageValue")

// FromValue proposes for an Object or External metric from its value in milli-units. It fails for a Value outside the
// tolerance while replicas are wanted and no pods are listed, and for a metric that Validate refuses. It allocates nothing.
//
// A Value multiplies the ratio by the pods that are ready, so the number follows what the value does to the ready pods
// and not to the wanted ones. An AverageValue divides the value, whatever is ready.
func (m Metric) FromValue(value int64, c Count, t Tolerance) (Proposal, error) {
	if err := m.Validate(); err != nil {
		return Proposal{}, err
	}
	if !m.external() {
		return Proposal{}, fmt.Errorf("source %s is measured per pod", m.Source)
	}
	ratio := float64(value) / float64(m.Target)
	p := Proposal{Value: value, Ratio: ratio, Assumed: ratio, Replicas: ceil(ratio)}
	if m.Type == AverageValue {
		if c.Observed <= 0 {
			return p, nil
		}
		p.Ratio = float64(value) / (float64(m.Target) * float64(c.Observed))
		p.Assumed = p.Ratio
		p.Value = average(value, c.Observed)
		if t.covers(p.Ratio) {
			return p.keep(c.Observed, KeptTolerance), nil
		}
		return p, nil
	}
	if c.Wanted == 0 {
		return p, nil // from zero: no tolerance, and no pods to multiply by
	}
	if t.covers(ratio) {
		return p.keep(c.Wanted, KeptTolerance), nil
	}
	if c.Listed == 0 {
		return Proposal{}, errNoPodsListed
	}
	p.Replicas = ceil(ratio * float64(c.Ready))
	return p, nil
}

// average is the value per replica, rounded up as HPA shows it.
func average(value int64, replicas int) int64 {
	mean := math.Ceil(float64(value) / float64(replicas))
	if mean >= math.MaxInt64 {
		return math.MaxInt64 // 2^63 as a float: one more than an int64 holds
	}
	return int64(mean)
}
