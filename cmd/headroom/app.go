package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// The exit codes of every command. 1 is also what a command ends with that was canceled before it had an answer.
const (
	exitOK       = 0
	exitError    = 1
	exitUsage    = 2
	exitTimedOut = 3
	exitWorse    = 4
)

// app is what every command works with in place of global state: where it reads and writes, what time it is, and the
// flags that all commands share. It is used by one goroutine.
type app struct {
	in          io.Reader
	out, errOut io.Writer
	environment []string // as os.Environ gives it
	now         func() time.Time
	tick        func(context.Context, time.Duration) bool // waits; false when the context ended first
	version     string
	// isTerminal says whether a person looks at what is written there: only then there is color, progress and redrawing.
	isTerminal func(io.Writer) bool

	flags flags
}

// flags are those that every command has.
type flags struct {
	configs []string // files of --config, in order
	api     string
	token   string
	output  string // table, json or yaml
	watch   bool
	noColor bool
}

// newApp is the app of a real process.
func newApp(in io.Reader, out, errOut io.Writer, environment []string) *app {
	return &app{
		in: in, out: out, errOut: errOut,
		environment: environment,
		now:         time.Now,
		tick:        wait,
		version:     buildVersion(),
		isTerminal:  isTerminal,
	}
}

// execute runs the command line (without the program's name) and returns the exit code. What went wrong is on errOut.
func (a *app) execute(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	return a.report(root.ExecuteContext(ctx))
}

// report prints an error and says which exit code it is.
func (a *app) report(err error) int {
	if err == nil {
		return exitOK
	}
	var reported *reportedError
	if errors.As(err, &reported) {
		return reported.code
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(a.errOut, "headroom: interrupted")
		return exitError
	}
	fmt.Fprintf(a.errOut, "%s %s\n", a.errorStyle().failure("headroom:"), errorMessage(err))
	if hint := errorHint(err); hint != "" {
		fmt.Fprintf(a.errOut, "hint: %s\n", hint)
	}
	var usage *usageError
	var late *timeoutError
	var worse *gateError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &late):
		return exitTimedOut
	case errors.As(err, &worse):
		return exitWorse
	default:
		return exitError
	}
}

// getenv is the value of a variable, the last one where it is given twice.
func (a *app) getenv(name string) string {
	value := ""
	for _, pair := range a.environment {
		if rest, ok := strings.CutPrefix(pair, name+"="); ok {
			value = rest
		}
	}
	return value
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// wait waits for a time; false when the context ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
