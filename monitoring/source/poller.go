package source

import (
	"container/heap"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/monitoring/signal"
)

// Options is what a Poller is made from.
type Options struct {
	// Report takes each sample. It is called by several goroutines, for one signal by one at a time.
	Report func(signal.Sample)
	// Query asks headroom's own monitor.
	Query Query
	// External makes the reader of an external scaler of KEDA's, which is told the service.
	External func(from headroom.ExternalSource, service string) (Reader, error)
	Logger   *slog.Logger
}

// Poller reads every signal as often as its user wants. Signals that come from the same place in the same way are read once for all who want them.
// Its methods are safe for concurrent use.
type Poller struct {
	options  Options
	client   *http.Client
	received received
	wake     chan struct{}
	slots    chan struct{}  // readings under way
	workers  sync.WaitGroup // of the lanes

	mu    sync.Mutex // guards all below
	jobs  map[string]*job
	due   schedule
	lanes map[string]*lane
}

// mostReadings are under way at once, of all servers together; the most that one server gets is in laneOf.
const mostReadings = 256

// NewPoller makes a poller without signals. Apply gives it some, Run reads them.
func NewPoller(options Options) *Poller {
	return &Poller{
		options: options, client: newClient(), wake: make(chan struct{}, 1), slots: make(chan struct{}, mostReadings),
		jobs: map[string]*job{}, lanes: map[string]*lane{},
	}
}

// Apply makes the signals of these services those that are read. One that was read before in the same way goes on.
func (p *Poller) Apply(services map[string]headroom.Service) {
	wanted := p.wanted(services)
	p.mu.Lock()
	now := time.Now()
	for key, old := range p.jobs {
		if wanted[key] == nil {
			delete(p.jobs, key)
			p.retire(old)
		}
	}
	for key, fresh := range wanted {
		old := p.jobs[key]
		switch {
		case old == nil:
			p.jobs[key] = fresh
			fresh.at = now.Add(spread(len(wanted)))
			heap.Push(&p.due, fresh)
		case old.adopt(fresh.subscribers):
			p.hurry(old, now) // a new subscriber must not wait an hour
		}
	}
	p.mu.Unlock()
	p.rouse()
}

// spread is when a new signal is first read: soon, but ten thousand not at once.
func spread(jobs int) time.Duration {
	const each = 200 * time.Microsecond
	return time.Duration(rand.Float64() * float64(min(time.Duration(jobs)*each, 5*time.Second)))
}

// Push takes values that others send: all of them, or none where there are too many series. Signals on them are read at once.
func (p *Poller) Push(values []headroom.PushedValue) error {
	now := time.Now()
	if err := p.received.add(values, now); err != nil {
		return err
	}
	names := map[string]bool{}
	for _, v := range values {
		names[v.Name] = true
	}
	p.mu.Lock()
	for _, j := range p.jobs {
		if names[j.metric] {
			p.hurry(j, now)
		}
	}
	p.mu.Unlock()
	p.rouse()
	return nil
}

// hurry has a job read at once, or again where it is being read. The caller holds mu.
func (p *Poller) hurry(j *job, now time.Time) {
	if j.index < 0 {
		j.again = true
		return
	}
	j.at = now
	heap.Fix(&p.due, j.index)
}

// retire ends a job; one that is being read ends when that has ended. The caller holds mu.
func (p *Poller) retire(j *job) {
	j.gone, j.subscribers = true, nil
	if j.index >= 0 {
		heap.Remove(&p.due, j.index)
		j.close()
	}
}

func (p *Poller) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run reads until the context ends, and closes the connections.
func (p *Poller) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(p.start(ctx))
		select {
		case <-ctx.Done():
			p.workers.Wait()
			p.closeAll()
			return
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// start hands what is due to its lane, and returns how long nothing is.
func (p *Poller) start(ctx context.Context) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for len(p.due) > 0 {
		next := p.due[0]
		if wait := next.at.Sub(now); wait > 0 {
			return wait
		}
		heap.Pop(&p.due)
		p.enqueue(ctx, next)
	}
	return time.Hour // Apply wakes
}

func (p *Poller) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range p.jobs {
		j.close()
	}
	p.client.CloseIdleConnections()
}

// read reads a job once and reports it.
func (p *Poller) read(ctx context.Context, j *job) {
	began := time.Now()
	value, at, err := j.read(ctx)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	if err == nil {
		if j.failures > 0 {
			p.options.Logger.Info("a signal can be read again", "signal", j.name, "failures", j.failures)
		}
		j.failures = 0
	} else {
		if j.failures == 0 {
			p.options.Logger.Warn("cannot read a signal", "signal", j.name, "error", err)
		}
		j.failures++
	}
	subscribers, failures := j.subscribers, j.failures
	p.mu.Unlock()

	sample := signal.Sample{At: at, Value: value, Failures: failures}
	if err != nil {
		sample.Err = err.Error()
	}
	for _, to := range subscribers {
		sample.Service, sample.Signal = to.service, to.signal
		p.options.Report(sample)
	}
	p.reschedule(j, began)
}

// reschedule says when a job is read next: up to a tenth earlier than its user wants, so that many of one period spread out, and never later.
func (p *Poller) reschedule(j *job, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.gone {
		j.close()
		return
	}
	j.at = began.Add(time.Duration(float64(j.every) * (0.9 + 0.1*rand.Float64())))
	if j.again {
		j.at, j.again = time.Now(), false
	}
	heap.Push(&p.due, j)
	p.rouse()
}

// closeReader gives back what a reader holds.
func closeReader(reader Reader) {
	if closer, holds := reader.(io.Closer); holds {
		_ = closer.Close() // it was only read from
	}
}
