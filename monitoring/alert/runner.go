package alert

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"headroom.dev/headroom"
)

const (
	// DefaultInterval between evaluations: the shortest built-in rule holds for 10 s, and five rules
	// cost about a millisecond.
	DefaultInterval = 2 * time.Second
	// ruleTimeout ends the evaluation of one rule, so that a slow one delays the others only so much.
	ruleTimeout = 2 * time.Second
)

// Querier evaluates PromQL at one time. metrics.Store is one. It must be safe for concurrent use.
type Querier interface {
	Query(ctx context.Context, expr string, at time.Time) (headroom.QueryResult, error)
}

// Options configure a [Runner]. Only Querier is required.
type Options struct {
	Querier  Querier
	Rules    []headroom.AlertRule
	Interval time.Duration // default [DefaultInterval]
	Logger   *slog.Logger  // default: discard
	Now      func() time.Time
	// OnChange is told of every alert that begins to fire or is resolved, one at a time, from the
	// goroutine that evaluates. It must not block for long nor call SetRules.
	OnChange func(headroom.Alert)
}

// RuleStatus is one rule and how its last evaluation went.
type RuleStatus struct {
	Rule        headroom.AlertRule `json:"rule"`
	EvaluatedAt *time.Time         `json:"evaluatedAt"`     // nil before the first evaluation
	Error       string             `json:"error,omitempty"` // why the last evaluation failed
}

// Runner evaluates rules on an interval. It is safe for concurrent use.
type Runner struct {
	options Options

	evaluating sync.Mutex // one evaluation at a time

	mu      sync.Mutex // guards tracker and rules
	tracker *Tracker
	rules   []RuleStatus
}

// NewRunner returns a runner that evaluates nothing until Run or Evaluate is called.
func NewRunner(options Options) *Runner {
	if options.Interval <= 0 {
		options.Interval = DefaultInterval
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.OnChange == nil {
		options.OnChange = func(headroom.Alert) {}
	}
	r := &Runner{options: options, tracker: NewTracker()}
	r.SetRules(options.Rules)
	return r
}

// Run evaluates all rules now and then on every interval until the context ends.
func (r *Runner) Run(ctx context.Context) {
	ticker := time.NewTicker(r.options.Interval)
	defer ticker.Stop()
	for {
		r.Evaluate(ctx, r.options.Now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// SetRules replaces the rules. Of two with the same name the later one counts, so that a user's rule
// overrides a built-in one. Alerts of rules whose name and expression stay the same live on; those of
// the others end.
func (r *Runner) SetRules(rules []headroom.AlertRule) {
	r.evaluating.Lock()
	defer r.evaluating.Unlock()
	r.mu.Lock()
	before := map[string]RuleStatus{}
	for _, status := range r.rules {
		before[status.Rule.Name] = status
	}
	kept := map[string]bool{}
	r.rules = nil
	for i, rule := range rules {
		if slices.ContainsFunc(rules[i+1:], func(later headroom.AlertRule) bool { return later.Name == rule.Name }) {
			continue
		}
		status := RuleStatus{Rule: rule}
		if old, known := before[rule.Name]; known && old.Rule.Expr == rule.Expr {
			status.EvaluatedAt, status.Error = old.EvaluatedAt, old.Error
			kept[rule.Name] = true
		}
		r.rules = append(r.rules, status)
	}
	changes := r.tracker.Keep(kept, r.options.Now())
	r.mu.Unlock()
	r.tell(changes)
}

// Evaluate evaluates all rules once, at a time. A rule that fails is marked so; the others go on.
func (r *Runner) Evaluate(ctx context.Context, at time.Time) {
	r.evaluating.Lock()
	defer r.evaluating.Unlock()
	for i, status := range r.Rules() {
		if ctx.Err() != nil {
			return
		}
		r.evaluate(ctx, i, status, at)
	}
}

// evaluate evaluates the rule at one place of the list. The caller holds evaluating, so that the
// list does not change meanwhile.
func (r *Runner) evaluate(ctx context.Context, place int, before RuleStatus, at time.Time) {
	limited, cancel := context.WithTimeout(ctx, ruleTimeout)
	defer cancel()
	rule := before.Rule
	result, err := r.options.Querier.Query(limited, rule.Expr, at)
	if ctx.Err() != nil {
		return // shutting down: that is no failure of the rule
	}

	r.mu.Lock()
	var changes []headroom.Alert
	if err != nil {
		r.tracker.Fail(rule.Name)
	} else {
		changes, err = r.tracker.Apply(rule, result, at)
	}
	status := RuleStatus{Rule: rule, EvaluatedAt: &at}
	if err != nil {
		status.Error = err.Error()
	}
	r.rules[place] = status
	r.mu.Unlock()

	if status.Error != "" && status.Error != before.Error {
		r.options.Logger.Warn("an alert rule cannot be evaluated; the other rules go on",
			slog.String("rule", rule.Name), slog.Any("error", err))
	}
	r.tell(changes)
}

func (r *Runner) tell(changes []headroom.Alert) {
	for _, alert := range changes {
		r.options.OnChange(alert)
	}
}

// Rules returns every rule and how its last evaluation went.
func (r *Runner) Rules() []RuleStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rules)
}

// Active returns the pending and firing alerts, firing ones first.
func (r *Runner) Active() []headroom.Alert {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tracker.Active()
}

// History returns the resolved alerts since the start, newest first.
func (r *Runner) History() []headroom.Alert {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tracker.History()
}
