// Package source reads the signals that headroom does not measure by itself: results of queries, numbers in JSON documents, what programs print,
// external scalers, what others send, and what the clock says. A Poller reads each as often as its user wants and reports samples; what is not known
// comes as an error in words, never as a number.
package source

import (
	"context"
	"fmt"
	"math"
	"time"

	"headroom.dev/headroom"
)

// Reader reads one signal. A Read at a time; a reader with a Close method is closed when nobody needs it any more.
type Reader interface {
	Read(ctx context.Context) (float64, error)
}

// dated is a Reader whose values have times of their own.
type dated interface {
	readAt(ctx context.Context) (float64, time.Time, error)
}

// Query answers a PromQL query from headroom's own monitor.
type Query func(ctx context.Context, expr string, at time.Time) (headroom.QueryResult, error)

// usable says what is wrong with a value that no decision may be made from.
func usable(value float64) error {
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return fmt.Errorf("its value is %v, which is not a number that can be scaled on", value)
	case value < 0:
		return fmt.Errorf("its value is %g: a signal must not be below zero", value)
	}
	return nil
}

// clip keeps what a person wants to read of a text from outside.
func clip(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
