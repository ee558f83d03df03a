package pairing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// maxMismatches ends a client that gets too many: what goes wrong all the time is known by then, and those that crossed are rare.
const maxMismatches = 10000

// Report is what became of the requests of a run.
type Report struct {
	Sent       int
	Proven     int // responses that were whole and carried the proof of their request
	Broken     int // responses that were cut, as the origin had cut them
	Unanswered int // answers of the balancer itself: no backend has given one
	Delayed    int // responses on connections of origins that had sent one which nobody had asked for
	Crossed    int // of those, how many crossed a request on the way: no proxy can tell them from its own
	// Mismatches are requests that got what was not theirs: none are right.
	Mismatches []string

	mismatches []mismatch
}

// mismatch is a request and what it got, with the mark of that.
type mismatch struct {
	asked
	mark, got string
}

func (r *Report) add(other Report) {
	r.Sent += other.Sent
	r.Proven += other.Proven
	r.Broken += other.Broken
	r.Unanswered += other.Unanswered
	r.mismatches = append(r.mismatches, other.mismatches...)
}

// Run sends requests to an address, before these origins, from many clients until ctx ends. The error is of a client that could not go on.
func Run(ctx context.Context, address string, origins []*Origin, seed uint64, clients int) (Report, error) {
	var mu sync.Mutex // guards report and failure
	var report Report
	var failure error
	var wg sync.WaitGroup
	for id := range clients {
		wg.Go(func() {
			c := &client{address: address, random: rand.New(rand.NewPCG(seed, uint64(id))), id: id}
			var err error
			for err == nil && ctx.Err() == nil && len(c.report.mismatches) < maxMismatches {
				err = c.connection(ctx)
			}
			mu.Lock()
			defer mu.Unlock()
			report.add(c.report)
			if failure == nil {
				failure = err
			}
		})
	}
	wg.Wait()
	report.judge(origins)
	return report, failure
}

// judge takes out the mismatches that nobody could have avoided.
func (r *Report) judge(origins []*Origin) {
	for _, m := range r.mismatches {
		crossed := slices.ContainsFunc(origins, func(o *Origin) bool { return o.crossed(m.mark, m.at) })
		if crossed {
			r.Crossed++
			continue
		}
		r.Mismatches = append(r.Mismatches, fmt.Sprintf("%s got %s", m.proof, m.got))
	}
	for _, o := range origins {
		o.mu.Lock()
		r.Delayed += o.delayed
		o.mu.Unlock()
	}
}
