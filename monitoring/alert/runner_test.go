package alert

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"headroom.dev/headroom"
)

// answers is a Querier that knows its answers by expression.
type answers struct {
	mu      sync.Mutex
	results map[string]headroom.QueryResult
	asked   int
}

func (a *answers) Query(_ context.Context, expr string, _ time.Time) (headroom.QueryResult, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	result, known := a.results[expr]
	if !known {
		return headroom.QueryResult{}, errors.New("no such metric")
	}
	return result, nil
}

func (a *answers) set(expr string, result headroom.QueryResult) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.results[expr] = result
}

func TestOneBadRuleHidesNoOther(t *testing.T) {
	querier := &answers{results: map[string]headroom.QueryResult{"good": vector(map[string]float64{"shop": 1})}}
	r := NewRunner(Options{Querier: querier, Now: func() time.Time { return epoch }, Rules: []headroom.AlertRule{
		{Name: "First", Expr: "good"}, {Name: "Bad", Expr: "bad"}, {Name: "Last", Expr: "good"},
	}})
	r.Evaluate(context.Background(), at(0))
	active := r.Active()
	if len(active) != 2 || active[0].Rule != "First" || active[1].Rule != "Last" {
		t.Errorf("active is %+v; expected First and Last", active)
	}
	rules := r.Rules()
	if rules[0].Error != "" || !strings.Contains(rules[1].Error, "no such metric") || rules[2].Error != "" {
		t.Errorf("rules are %+v; expected only Bad with an error", rules)
	}
	// It recovers as soon as it can be evaluated.
	querier.set("bad", vector(map[string]float64{"shop": 1}))
	r.Evaluate(context.Background(), at(2))
	if len(r.Active()) != 3 || r.Rules()[1].Error != "" {
		t.Errorf("active is %+v, rules %+v; expected all three", r.Active(), r.Rules())
	}
}

func TestFiringAlertSurvivesAFailingStore(t *testing.T) {
	querier := &answers{results: map[string]headroom.QueryResult{"x": vector(map[string]float64{"shop": 1})}}
	var told []headroom.Alert
	r := NewRunner(Options{Querier: querier, Rules: []headroom.AlertRule{{Name: "X", Expr: "x"}}, OnChange: func(a headroom.Alert) { told = append(told, a) }})
	r.Evaluate(context.Background(), at(0))
	delete(querier.results, "x")
	r.Evaluate(context.Background(), at(2))
	if active := r.Active(); len(active) != 1 || active[0].State != headroom.AlertFiring || active[0].Value != nil {
		t.Errorf("active is %+v; expected it firing still, with an unknown value", active)
	}
	querier.set("x", vector(nil))
	r.Evaluate(context.Background(), at(4))
	if len(told) != 2 || told[0].State != headroom.AlertFiring || told[1].State != headroom.AlertResolved || len(r.History()) != 1 {
		t.Errorf("told %+v; expected firing and resolved", told)
	}
}

func TestNewRulesKeepTheAlertsOfThoseThatStay(t *testing.T) {
	querier := &answers{results: map[string]headroom.QueryResult{"x": vector(map[string]float64{"shop": 1}), "y": vector(nil)}}
	r := NewRunner(Options{Querier: querier, Now: func() time.Time { return at(3) }, Rules: []headroom.AlertRule{{Name: "Stays", Expr: "x"}, {Name: "Changes", Expr: "x"}}})
	r.Evaluate(context.Background(), at(0))
	r.SetRules([]headroom.AlertRule{{Name: "Stays", Expr: "old"}, {Name: "Changes", Expr: "y"}, {Name: "Stays", Expr: "x"}})
	if active := r.Active(); len(active) != 1 || active[0].Rule != "Stays" {
		t.Errorf("active is %+v; expected Stays", active)
	}
	if history := r.History(); len(history) != 1 || history[0].Rule != "Changes" || !history[0].ResolvedAt.Equal(at(3)) {
		t.Errorf("history is %+v; expected Changes resolved", history)
	}
	if rules := r.Rules(); len(rules) != 2 || rules[1].Rule.Expr != "x" || rules[1].EvaluatedAt == nil || rules[0].EvaluatedAt != nil {
		t.Errorf("rules are %+v; expected the later Stays to count, as evaluated", rules)
	}
}

func TestRunnerEvaluatesOnItsIntervalAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		querier := &answers{results: map[string]headroom.QueryResult{"x": vector(map[string]float64{"shop": 1})}}
		fired := make(chan time.Time, 1)
		rule := headroom.AlertRule{Name: "X", Expr: "x", For: headroom.Duration(10 * time.Second)}
		r := NewRunner(Options{Querier: querier, Rules: []headroom.AlertRule{rule}, OnChange: func(a headroom.Alert) { fired <- a.FiredAt }})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		begin := time.Now()
		go func() { r.Run(ctx); close(done) }()
		if got := (<-fired).Sub(begin); got != 10*time.Second {
			t.Errorf("fired after %s; expected 10s", got)
		}
		cancel()
		<-done
		if querier.asked != 6 {
			t.Errorf("evaluated %d times in 10 s; expected 6, every 2 s", querier.asked)
		}
	})
}
