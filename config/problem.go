package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong, with everything needed to mend it.
type Problem struct {
	Where   string // "headroom.yaml:4:5" or "environment variable HEADROOM_LOG_LEVEL"; "" where nothing was written
	File    string // the file, where it is in one
	Line    int    // from 1; 0 where it is in no file
	Column  int    // from 1, in characters; 0 where it is in no file
	Path    string // of the field: "services.shop.scaling.minReplicas"; "" for the file as a whole
	Message string // what is wrong and what was expected, without Path
	Excerpt string // the line and, under it, a caret; "" where there is none
	Example string // how it may look: "minReplicas: 2"; "" where the message says it already

	at place
}

// Error gives the problem over several lines: where and what, the line with a caret, an example.
func (p *Problem) Error() string {
	var text strings.Builder
	for _, part := range []string{p.Where, p.Path} {
		if part != "" {
			text.WriteString(part + ": ")
		}
	}
	text.WriteString(p.Message)
	if p.Excerpt != "" {
		text.WriteString("\n" + p.Excerpt)
	}
	if p.Example != "" {
		text.WriteString("\n  example: " + p.Example)
	}
	return text.String()
}

// Error is everything that is wrong with a configuration, in the order of the files: at most 100 problems, and how many
// more there are.
type Error struct {
	Problems []*Problem
	More     int
}

// Error gives all problems, one after the other, and how many there are where it is more than one.
func (e *Error) Error() string {
	texts := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		texts[i] = problem.Error()
	}
	if len(texts) == 1 {
		return texts[0]
	}
	if e.More > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", e.More))
	}
	return fmt.Sprintf("%d problems in the configuration:\n%s", len(e.Problems)+e.More, strings.Join(texts, "\n"))
}

// problems collects what is wrong while a configuration is read.
type problems struct {
	list []*Problem
	seen map[problemKey]bool
	more int // beyond mostProblems
}

// mostProblems bounds what is told at once: a file of the wrong kind may have a problem in each of 100,000 lines.
const mostProblems = 100

type problemKey struct {
	at            place
	message, name string
}

// add notes a problem at a place. The same message on the same field at the same place is kept once: a default that is
// wrong would otherwise be told again for every service.
func (p *problems) add(at place, path, message, example string) {
	key := problemKey{at, message, lastName(path)}
	if at.source != nil && p.seen[key] {
		return
	}
	if len(p.list) == mostProblems {
		p.more++
		return
	}
	if p.seen == nil {
		p.seen = map[problemKey]bool{}
	}
	p.seen[key] = true
	problem := &Problem{Where: at.inWords(), Path: path, Message: message, Example: example, at: at}
	if at.source != nil && (at.source.kind == fromFile || at.source.kind == fromText) {
		problem.File, problem.Line, problem.Column = at.source.name, at.line, at.column
	}
	p.list = append(p.list, problem)
}

func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// err returns nil or the [Error]. Excerpts are made only now, when it is known which values are secret.
func (p *problems) err(order []*source) error {
	if len(p.list) == 0 {
		return nil
	}
	rank := func(problem *Problem) int { return slices.Index(order, problem.at.source) }
	slices.SortStableFunc(p.list, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for _, problem := range p.list {
		problem.Excerpt = problem.at.excerpt()
	}
	return &Error{Problems: p.list, More: p.more}
}
