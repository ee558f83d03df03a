package main

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"
)

// testNow is the time of day in every test.
var testNow = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// cli is one command line under test and where it runs.
type cli struct {
	environment []string
	terminal    bool               // both outputs are one
	ctx         context.Context    // nil is never canceled
	onTick      func(nth int) bool // what happens instead of waiting; false is Ctrl-C
	now         func() time.Time   // nil stands still at testNow
}

// result is what a command line did.
type result struct {
	out, errOut string
	code        int
}

// run runs a command line in this process.
func (c cli) run(t *testing.T, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	a := newApp(bytes.NewReader(nil), &out, &errOut, c.environment)
	a.version = "v1.2.3"
	a.isTerminal = func(io.Writer) bool { return c.terminal }
	a.now = c.now
	if a.now == nil {
		a.now = func() time.Time { return testNow }
	}
	ticks := 0
	a.tick = func(context.Context, time.Duration) bool {
		ticks++
		if c.onTick == nil {
			t.Fatal("the command waits")
		}
		return c.onTick(ticks)
	}
	ctx := c.ctx
	if ctx == nil {
		ctx = t.Context()
	}
	code := a.execute(ctx, args)
	return result{out.String(), errOut.String(), code}
}
