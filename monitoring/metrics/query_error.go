package metrics

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// FailureKind says whose fault a failed query is.
type FailureKind string

const (
	// Invalid is a wrong expression or range: the asker must change it.
	Invalid FailureKind = "invalid"
	// TooLarge is a query that would hold too many samples; TooSlow one that ran out of time.
	TooLarge FailureKind = "tooLarge"
	TooSlow  FailureKind = "tooSlow"
	// Canceled is a query whose asker went away.
	Canceled FailureKind = "canceled"
	// Failed is anything else: the expression cannot be evaluated on this data, or the store failed.
	Failed FailureKind = "failed"
)

// QueryError is why a query gave no result.
type QueryError struct {
	Kind FailureKind
	// Line and Column count from 1 and are 0 when the error has no place in the expression.
	Line, Column int
	Reason       string
	Err          error // what the engine said, or nil
}

// Error gives the place, if known, and the reason.
func (e *QueryError) Error() string {
	if e.Line == 0 {
		return "query: " + e.Reason
	}
	return fmt.Sprintf("query: line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Unwrap gives what the engine said.
func (e *QueryError) Unwrap() error { return e.Err }

// parseError keeps the first of the parser's errors: the later ones usually follow from it.
func parseError(expr string, err error) *QueryError {
	out := &QueryError{Kind: Invalid, Reason: err.Error(), Err: err}
	var all parser.ParseErrors
	if !errors.As(err, &all) || len(all) == 0 {
		return out
	}
	out.Reason = all[0].Err.Error()
	at := int(all[0].PositionRange.Start)
	if at < 0 || at > len(expr) {
		return out
	}
	before := expr[:at]
	out.Line = 1 + strings.Count(before, "\n")
	out.Column = at - strings.LastIndexByte(before, '\n')
	return out
}

// runError says in the user's words what stopped a valid expression.
func (s *Store) runError(err error) *QueryError {
	out := &QueryError{Kind: Failed, Reason: err.Error(), Err: err}
	var tooMany promql.ErrTooManySamples
	var timeout promql.ErrQueryTimeout
	var canceled promql.ErrQueryCanceled
	switch {
	case errors.As(err, &tooMany):
		out.Kind = TooLarge
		out.Reason = fmt.Sprintf("it would hold more than %d samples in memory; narrow the range, take a longer step or select fewer series", s.options.MaxSamples)
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		out.Kind = TooSlow
		out.Reason = fmt.Sprintf("it took longer than allowed (%s, or less if the asker set a deadline)", s.options.QueryTimeout)
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		out.Kind = Canceled
		out.Reason = "canceled by the asker"
	}
	return out
}
