package kubernetes

import (
	"math/big"
	"strconv"
	"strings"
)

// block reads the fields of one node, each once; what was not read in the end is not known.
type block struct {
	found *findings
	path  string
	at    *node
	read  map[string]bool
}

// open begins to read a block; what is none is a problem, and reads as an empty one.
func open(found *findings, path string, n *node) *block {
	b := &block{found: found, path: path, at: n, read: map[string]bool{}}
	if n != nil && n.kind != fields {
		found.add(n, path, "must be a block of fields, is %s", n.kind)
		b.at = &node{line: n.line, column: n.column}
	}
	return b
}

func (b *block) join(name string) string {
	if b.path == "" {
		return name
	}
	return b.path + "." + name
}

// take marks a field as read and returns it; nil where it is not there or null.
func (b *block) take(name string) *node {
	b.read[name] = true
	return b.at.find(name)
}

func (b *block) has(name string) bool { return b.at.find(name) != nil }

// ignore marks fields as read that do not bear on decisions.
func (b *block) ignore(names ...string) {
	for _, name := range names {
		b.read[name] = true
	}
}

// refuse says of a field that is known what to do instead of it.
func (b *block) refuse(name, instead string) {
	if n := b.take(name); n != nil {
		b.found.add(n, b.join(name), "%s", instead)
	}
}

func (b *block) problem(n *node, name, format string, arguments ...any) {
	if n == nil {
		n = b.at
	}
	b.found.add(n, b.join(name), format, arguments...)
}

// block opens a field that is a block; nil where it is not there.
func (b *block) block(name string) *block {
	n := b.take(name)
	if n == nil {
		return nil
	}
	return open(b.found, b.join(name), n)
}

// list returns the items of a field that is a list, and whether it is there.
func (b *block) list(name string) ([]*node, bool) {
	n := b.take(name)
	switch {
	case n == nil:
		return nil, false
	case n.kind != list:
		b.problem(n, name, "must be a list, is %s", n.kind)
		return nil, false
	}
	return n.items, true
}

// text returns a plain value as written; "" and nil where it is not there.
func (b *block) text(name string) (string, *node) {
	n := b.take(name)
	switch {
	case n == nil:
		return "", nil
	case n.kind != scalar:
		b.problem(n, name, "must be a plain value, is %s", n.kind)
		return "", nil
	}
	return n.text, n
}

// needed is text that has to be there.
func (b *block) needed(name, such string) string {
	text, n := b.text(name)
	if n == nil && !b.has(name) {
		b.problem(nil, name, "must be given, such as %s", such)
	} else if n != nil && strings.TrimSpace(text) == "" {
		b.problem(n, name, "is empty: expected something such as %s", such)
	}
	return text
}

// whole returns a whole number, or the other where it is not there.
func (b *block) whole(name string, other, least, most int) int {
	text, n := b.text(name)
	if n == nil {
		return other
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < least || value > most {
		b.problem(n, name, "%s: must be a whole number from %d to %d", strconv.Quote(text), least, most)
		return other
	}
	return value
}

// truth returns true or false, or the other where it is not there.
func (b *block) truth(name string, other bool) bool {
	text, n := b.text(name)
	switch {
	case n == nil:
		return other
	case text != "true" && text != "false":
		b.problem(n, name, "%s: must be true or false", strconv.Quote(text))
		return other
	}
	return text == "true"
}

// one returns one of several words; the first of them where it is not there.
func (b *block) one(name string, words ...string) string {
	text, n := b.text(name)
	if n == nil {
		return words[0]
	}
	for _, word := range words {
		if text == word {
			return text
		}
	}
	b.problem(n, name, "%s: must be one of %s", strconv.Quote(text), strings.Join(words, ", "))
	return words[0]
}

// quantity returns an amount of Kubernetes in its own unit; nil where it is not there or wrong.
func (b *block) quantity(name string) (*big.Rat, *node) {
	text, n := b.text(name)
	if n == nil {
		return nil, nil
	}
	value, err := quantity(text)
	if err != nil {
		b.problem(n, name, "%v", err)
		return nil, n
	}
	return value, n
}

// done says which fields are not known.
func (b *block) done(known string) {
	for _, e := range b.at.entries {
		if !b.read[e.key.text] {
			b.found.add(e.key, b.join(e.key.text), "is no field that %s has here, or none that headroom knows: take it out, or look for a slip in its name", known)
		}
	}
}
