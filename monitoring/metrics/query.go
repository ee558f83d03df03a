package metrics

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"headroom.dev/headroom"
)

const (
	// maxSteps is Prometheus' own bound on the points per series of a range query.
	maxSteps = 11_000
	// maxExpression bounds the length of an expression; a long dashboard one has a few hundred bytes.
	maxExpression = 16 << 10
)

// CheckQuery says whether expr is valid PromQL, without running it. The error is a [*QueryError]
// with line and column.
func CheckQuery(expr string) error {
	if len(expr) > maxExpression {
		return &QueryError{Kind: Invalid, Reason: fmt.Sprintf("the expression has %d bytes; at most %d are allowed", len(expr), maxExpression)}
	}
	if _, err := parser.NewParser(parser.Options{}).ParseExpr(expr); err != nil {
		return parseError(expr, err)
	}
	return nil
}

// Query evaluates expr at one time; the zero time means now. Errors are [*QueryError].
func (s *Store) Query(ctx context.Context, expr string, at time.Time) (headroom.QueryResult, error) {
	if at.IsZero() {
		at = s.options.Now()
	}
	return s.run(ctx, expr, func(ctx context.Context) (promql.Query, error) {
		return s.engine.NewInstantQuery(ctx, s.db, nil, expr, at)
	})
}

// QueryRange evaluates expr at from, from+step, … up to to. Errors are [*QueryError].
func (s *Store) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) (headroom.QueryResult, error) {
	if step < time.Millisecond {
		return headroom.QueryResult{}, &QueryError{Kind: Invalid, Reason: fmt.Sprintf("step is %s; expected at least 1ms", step)}
	}
	if to.Before(from) {
		return headroom.QueryResult{}, &QueryError{Kind: Invalid, Reason: fmt.Sprintf("the range ends (%s) before it begins (%s)", to.UTC().Format(time.RFC3339), from.UTC().Format(time.RFC3339))}
	}
	if steps := int64(to.Sub(from) / step); steps > maxSteps {
		return headroom.QueryResult{}, &QueryError{Kind: Invalid, Reason: fmt.Sprintf("the range holds %d steps of %s; at most %d are allowed; use a step of at least %s", steps, step, maxSteps, (to.Sub(from)/maxSteps).Round(time.Millisecond)+time.Millisecond)}
	}
	return s.run(ctx, expr, func(ctx context.Context) (promql.Query, error) {
		return s.engine.NewRangeQuery(ctx, s.db, nil, expr, from, to, step)
	})
}

// run takes a place among the running queries, evaluates, and copies the result out.
func (s *Store) run(ctx context.Context, expr string, prepare func(context.Context) (promql.Query, error)) (headroom.QueryResult, error) {
	if err := CheckQuery(expr); err != nil {
		return headroom.QueryResult{}, err
	}
	select {
	case s.queries <- struct{}{}:
		defer func() { <-s.queries }()
	case <-ctx.Done():
		return headroom.QueryResult{}, &QueryError{Kind: Canceled, Reason: "given up while waiting for other queries", Err: ctx.Err()}
	}
	s.lifecycle.RLock()
	defer s.lifecycle.RUnlock()
	if s.closed {
		return headroom.QueryResult{}, &QueryError{Kind: Failed, Reason: s.errClosed().Error()}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	query, err := prepare(ctx)
	if err != nil {
		return headroom.QueryResult{}, s.runError(err)
	}
	defer query.Close() // gives the points back to a pool: they are copied before
	answer := query.Exec(ctx)
	if answer.Err != nil {
		return headroom.QueryResult{}, s.runError(answer.Err)
	}
	result := plain(answer.Value)
	for _, warning := range answer.Warnings.AsErrors() {
		result.Warnings = append(result.Warnings, warning.Error())
	}
	return result, nil
}
