package health

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"headroom.dev/headroom"
)

// Failure is a check that failed.
type Failure struct {
	At  time.Time
	Err error // a *AnswerError when there was an answer
}

// String is the failure with its time of day.
func (f Failure) String() string {
	return fmt.Sprintf("%s %v", f.At.Format("15:04:05"), f.Err)
}

// Status is what the checks of one target have shown.
type Status struct {
	Health      headroom.Health
	LastFailure *Failure // nil when no check has failed; kept after it is healthy again
}

// Change is a target whose health has changed.
type Change struct {
	ID     string
	Status Status
}

// CheckerOptions are what a checker needs. All may be left out.
type CheckerOptions struct {
	// Changed is called for each change of health, in order for each target, from the goroutine that checks it: it
	// should return soon, and must not call Stop. A call under way while Set removes its target may end after Set.
	Changed func(Change)
	// Probe checks a target once; nil is Target.Probe.
	Probe func(ctx context.Context, target Target) error
	// Draw returns random numbers in [0, 1) and is safe for concurrent use; nil is rand.Float64.
	Draw func() float64
}

// Checker checks a changing set of targets for as long as they are in it: a new one at once, and many times a second until
// its first success; then at its interval. One check of a target is under way at a time. Safe for concurrent use.
type Checker struct {
	options CheckerOptions
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex // guards all below
	stopped bool
	targets map[string]*watched
}

// watched is a target with what is known of it. The checker's lock guards it.
type watched struct {
	target  Target
	verdict verdict
	failure *Failure // the last one
	added   time.Time
	cancel  context.CancelFunc
	wake    chan struct{} // holds one token when the check was changed
}

// NewChecker makes a checker without targets. It must be stopped.
func NewChecker(options CheckerOptions) *Checker {
	if options.Probe == nil {
		options.Probe = func(ctx context.Context, target Target) error { return target.Probe(ctx) }
	}
	if options.Draw == nil {
		options.Draw = rand.Float64
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Checker{options: options, ctx: ctx, cancel: cancel, targets: map[string]*watched{}}
}

// Set makes targets the whole set. One whose ID and address stay keeps what is known of it, also when its check has
// changed; that takes effect at once. It does nothing after Stop.
func (c *Checker) Set(targets []Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	wanted := make(map[string]bool, len(targets))
	for _, target := range targets {
		wanted[target.ID] = true
		c.set(target)
	}
	for id, w := range c.targets {
		if !wanted[id] {
			w.cancel()
			delete(c.targets, id)
		}
	}
}

// set adds a target or changes it. The caller holds mu.
func (c *Checker) set(target Target) {
	w := c.targets[target.ID]
	if w != nil && w.target.Address == target.Address {
		same := w.target.same(target)
		w.target = target
		if same {
			return
		}
		select {
		case w.wake <- struct{}{}:
		default: // a token is there already
		}
		return
	}
	if w != nil {
		w.cancel()
	}
	ctx, cancel := context.WithCancel(c.ctx)
	now := time.Now()
	w = &watched{
		target:  target,
		verdict: verdict{health: headroom.HealthUnknown},
		added:   now,
		cancel:  cancel,
		wake:    make(chan struct{}, 1),
	}
	c.targets[target.ID] = w
	c.running.Go(func() { c.watch(ctx, w) })
}

// Stop ends all checks and waits for them. Changed is not called afterwards.
func (c *Checker) Stop() {
	c.mu.Lock()
	c.stopped = true
	c.cancel()
	clear(c.targets)
	c.mu.Unlock()
	c.running.Wait()
}

// watch checks one target until ctx ends.
func (c *Checker) watch(ctx context.Context, w *watched) {
	for {
		target := c.targetOf(w)
		err := c.options.Probe(ctx, target)
		if ctx.Err() != nil {
			return // the target is gone, and the check failed for that
		}
		if change, changed := c.learn(ctx, w, err); changed && c.options.Changed != nil {
			c.options.Changed(change)
		}
		if !c.rest(ctx, w) {
			return
		}
	}
}

func (c *Checker) targetOf(w *watched) Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	return w.target
}

// learn takes the result of a check. It reports no change for a target that has meanwhile been removed.
func (c *Checker) learn(ctx context.Context, w *watched, err error) (Change, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		return Change{}, false
	}
	if err != nil {
		w.failure = &Failure{At: time.Now(), Err: err}
	}
	from := w.verdict.health
	w.verdict = w.verdict.after(err == nil, w.target.Check)
	if w.verdict.health == from {
		return Change{}, false
	}
	return Change{ID: w.target.ID, Status: Status{Health: w.verdict.health, LastFailure: w.failure}}, true
}

// rest waits until the next check is due; false when ctx ended first. A change of the check begins the wait anew.
func (c *Checker) rest(ctx context.Context, w *watched) bool {
	draw := c.options.Draw()
	began := time.Now()
	for {
		c.mu.Lock()
		pause := w.verdict.pause(w.target.Check, began.Sub(w.added), draw)
		c.mu.Unlock()
		timer := time.NewTimer(time.Until(began.Add(pause)))
		select {
		case <-timer.C:
			return true
		case <-w.wake:
			timer.Stop() // the interval may be shorter now, and partly over
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}
