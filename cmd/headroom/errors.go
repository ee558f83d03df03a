package main

import (
	"fmt"
	"slices"
	"strings"

	"headroom.dev/headroom"
)

// usageError says that the command line itself is wrong; the exit code is then 2.
type usageError struct {
	message string
	hint    string
}

func (e *usageError) Error() string { return e.message }
func (e *usageError) Hint() string  { return e.hint }

func usagef(hint, format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...), hint: hint}
}

// timeoutError says that what was waited for did not come in time; the exit code is then 3.
type timeoutError struct{ message string }

func (e *timeoutError) Error() string { return e.message }

// reportedError ends a command with a code when all there is to say has been said.
type reportedError struct{ code int }

func (e *reportedError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// hintedError adds what to do to an error.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }
func (e *hintedError) Hint() string  { return e.hint }

// didYouMean is a hint with the nearest candidate, or else all of them.
func didYouMean(name string, candidates []string) string {
	if near := headroom.Nearest(name, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(candidates) == 0 {
		return ""
	}
	sorted := slices.Clone(candidates)
	slices.Sort(sorted)
	return "there is " + strings.Join(sorted, ", ")
}

// unknownName says that nothing of a kind has a name, and which comes nearest.
func unknownName(kind, name string, known []string) error {
	return &hintedError{fmt.Errorf("there is no %s %q", kind, name), didYouMean(name, known)}
}
