package hpa

import (
	"errors"
	"fmt"
)

// Proposed is what came of one metric: a proposal, or why there is none.
type Proposed struct {
	Proposal
	Err error `json:"-"`
}

// Combined is what the metrics of an autoscaler ask for together.
type Combined struct {
	Replicas int // the largest proposal; meaningless where not Valid
	Deciding int // the index of the metric that made it; -1 where not Valid
	Failed   int // the index of the first metric that failed; -1 where none did
	Valid    bool
	Err      error // says which metrics failed, also where the others are enough
}

// Combine takes the largest proposal: computeReplicasForMetrics. It is not valid where all metrics failed, or where some
// did and the rest would take replicas away: what a failed metric wants is not known, and it may be more. The k-th
// proposal is that of the k-th metric.
func Combine(metrics []Metric, proposals []Proposed, current int) Combined {
	c := Combined{Deciding: -1, Failed: -1}
	failed := 0
	for i := range metrics {
		if err := proposedError(proposals, i); err != nil {
			if failed == 0 {
				c.Failed, c.Err = i, fmt.Errorf("%s: %w", metrics[i].describe(), err)
			}
			failed++
			continue
		}
		// As HPA does: 0 gives way to any, so that of 0 and -5 the latter stays.
		if replicas := proposals[i].Replicas; c.Replicas == 0 || replicas > c.Replicas {
			c.Replicas, c.Deciding = replicas, i
		}
	}
	if len(metrics) == 0 {
		c.Err = errors.New("metrics is empty: expected at least one")
		return c
	}
	if failed > 0 {
		c.Err = fmt.Errorf("%d of %d metrics failed: %w", failed, len(metrics), c.Err)
	}
	c.Valid = failed == 0 || (failed < len(metrics) && c.Replicas >= current)
	if !c.Valid {
		c.Deciding = -1
	}
	return c
}

func proposedError(proposals []Proposed, i int) error {
	if i >= len(proposals) {
		return errors.New("it was not read")
	}
	return proposals[i].Err
}
