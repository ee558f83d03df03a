package config

import (
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// Limits of what is read. 1 MiB is also what a Kubernetes ConfigMap may hold, and 2,000 services of fifteen lines each;
// the YAML parser takes seconds for it where one block has tens of thousands of fields. Nothing in a config is nested
// deeper than 8.
const (
	maxSize      = 1 << 20 // bytes of one file
	maxDepth     = 64      // lists and blocks within each other
	maxDocuments = 64      // JSON documents after each other in one file
	maxValues    = 100_000 // values of one file after aliases are followed ("billion laughs")
)

// checkText refuses what is no text; at is the line of it.
func checkText(text string) (line int, wrong string) {
	if len(text) > maxSize {
		return 0, fmt.Sprintf("is %d bytes: a config file may have at most %d", len(text), maxSize)
	}
	line = 1
	for i, r := range text {
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return line, "is not UTF-8 text"
			}
		case r < ' ' && r != '\t' && r != '\r', r == 0x7f:
			return line, fmt.Sprintf("has the control character %U, which no text has", r)
		}
	}
	return 0, ""
}

// checkNesting finds the token at which lists and blocks are nested deeper than maxDepth, or nil. It looks at tokens,
// since the parser that comes next calls itself for every level and the stack would run out.
func checkNesting(tokens token.Tokens) *token.Token {
	flow, leads, line := 0, 0, 0
	var indents []int
	for _, t := range tokens {
		if t.Position == nil {
			continue
		}
		if t.Position.Line != line {
			line, leads = t.Position.Line, 0
			for len(indents) > 0 && indents[len(indents)-1] >= t.Position.Column {
				indents = indents[:len(indents)-1]
			}
			indents = append(indents, t.Position.Column)
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow = max(0, flow-1)
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType, token.MappingValueType:
			if flow == 0 {
				leads++
			}
		}
		if flow > maxDepth || leads > maxDepth || len(indents) > 4*maxDepth {
			return t
		}
	}
	return nil
}
