package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// drainTime is how long a canceled run waits for answers before it closes the connections: Ctrl-C should end soon.
const drainTime = 2 * time.Second

// batchRate is the requests per second above which they leave in batches by the runtime's timers: closer together than
// 1 ms, waking for each alone would double the CPU (at 3,000 per second 0.4 of a core against 0.2) to leave 0.1 ms late
// in the middle and not 0.5 ms. Report.Lag shows it.
const batchRate = 1000

// Run sends the load and returns when every request has ended. When ctx is canceled no more requests leave, those in
// flight have another 2 s, and the report says Interrupted; that is no error. An error means that the options are
// wrong and nothing was sent.
func Run(ctx context.Context, o Options) (Report, error) {
	p, err := o.check()
	if err != nil {
		return Report{}, err
	}
	return newRunner(p).run(ctx), nil
}

// runner is one run. Arrivals are handed to workers that wait for one; when none waits, one more is started. There are
// thus as many workers, and connections, as there ever were requests in flight.
type runner struct {
	plan     *plan
	start    time.Time
	precise  func(context.Context) waiter
	recorder *recorder
	work     chan time.Duration // when a request was meant to leave, since start
	inFlight atomic.Int64
	workers  sync.WaitGroup
}

func newRunner(p *plan) *runner {
	return &runner{plan: p, precise: newPreciseWaiter, recorder: newRecorder(), work: make(chan time.Duration)}
}

func (r *runner) run(ctx context.Context) Report {
	// Requests outlive ctx by drainTime.
	requests, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	stopWatching := context.AfterFunc(ctx, func() { time.AfterFunc(drainTime, abort) })
	defer stopWatching()

	r.start = time.Now()
	reporting := r.reportProgress()
	interrupted := !r.send(ctx, requests)
	close(r.work)
	r.workers.Wait()
	reporting.stop()

	report := r.recorder.report()
	report.Duration = time.Since(r.start)
	report.Interrupted = interrupted
	return report
}

// send lets each request leave when it is due; false when ctx ended before the schedule.
func (r *runner) send(ctx, requests context.Context) bool {
	precise, coarse := r.precise(ctx), coarseWaiter{ctx}
	defer precise.close()
	schedule := newArrivals(r.plan.Shape, r.plan.end, r.plan.rng)
	for {
		at, more := schedule.next()
		if !more {
			// The load lasts as long as its shape, also when that ends in silence.
			return precise.wait(r.start.Add(r.plan.end))
		}
		var w waiter = precise
		if r.plan.Shape.Rate(at) > batchRate {
			w = coarse
		}
		if !w.wait(r.start.Add(at)) {
			return false
		}
		r.dispatch(requests, at)
	}
}

// dispatch hands one arrival to a worker, or counts it as dropped. It never waits.
func (r *runner) dispatch(requests context.Context, at time.Duration) {
	if r.inFlight.Load() >= int64(r.plan.MaxInFlight) {
		r.recorder.dropped()
		return
	}
	r.inFlight.Add(1)
	r.recorder.sent()
	select {
	case r.work <- at:
	default:
		r.workers.Go(func() { r.worker(requests, at) })
	}
}

// worker sends its first request, and then one after the other.
func (r *runner) worker(requests context.Context, first time.Duration) {
	c := newClient(r.plan)
	defer c.close()
	r.request(requests, c, first)
	for at := range r.work {
		r.request(requests, c, at)
	}
}

func (r *runner) request(requests context.Context, c *client, at time.Duration) {
	lag := time.Since(r.start) - at
	o := c.do(requests)
	now := time.Since(r.start)
	r.inFlight.Add(-1)
	r.recorder.ended(o, now, now-at, lag)
}

// reporter calls Options.Progress until it is stopped.
type reporter struct {
	quit chan struct{}
	done sync.WaitGroup
}

func (r *runner) reportProgress() *reporter {
	p := &reporter{quit: make(chan struct{})}
	if r.plan.Progress == nil {
		return p
	}
	p.done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.plan.Progress(r.progress())
			case <-p.quit:
				r.plan.Progress(r.progress())
				return
			}
		}
	})
	return p
}

// stop has the last progress reported and waits for it.
func (p *reporter) stop() {
	close(p.quit)
	p.done.Wait()
}

func (r *runner) progress() Progress {
	p := r.recorder.progress()
	p.Elapsed = time.Since(r.start)
	p.Total = r.plan.end
	if p.Elapsed < p.Total {
		p.Target = r.plan.Shape.Rate(p.Elapsed)
	}
	return p
}
