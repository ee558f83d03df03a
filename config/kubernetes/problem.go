package kubernetes

import (
	"fmt"
	"strings"
)

// Problem is one thing that cannot be taken over, and what to do instead.
type Problem struct {
	Line    int    // from 1
	Column  int    // from 1, in characters
	Path    string // as in the file: "spec.metrics[0].pods"; "" for the document as a whole
	Message string // with what to write instead
}

func (p *Problem) Error() string {
	where := fmt.Sprintf("line %d, column %d: ", p.Line, p.Column)
	if p.Path != "" {
		where += p.Path + ": "
	}
	return where + p.Message
}

// Error is everything that cannot be taken over, in the order of the file: at most 100 problems, and how many more there are.
type Error struct {
	Problems []*Problem
	More     int
}

func (e *Error) Error() string {
	texts := make([]string, len(e.Problems), len(e.Problems)+1)
	for i, problem := range e.Problems {
		texts[i] = problem.Error()
	}
	if e.More > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(texts, "\n")
}

// Unwrap gives all problems, so that errors.As finds the first.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, problem := range e.Problems {
		errs[i] = problem
	}
	return errs
}

// mostProblems bounds what is told at once.
const mostProblems = 100

// findings collects problems.
type findings struct {
	list []*Problem
	more int
}

func (f *findings) add(at *node, path, format string, arguments ...any) {
	if len(f.list) == mostProblems {
		f.more++
		return
	}
	problem := &Problem{Line: 1, Column: 1, Path: path, Message: fmt.Sprintf(format, arguments...)}
	if at != nil {
		problem.Line, problem.Column = max(at.line, 1), max(at.column, 1)
	}
	f.list = append(f.list, problem)
}

func (f *findings) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Problems: f.list, More: f.more}
}
