package config

import (
	"regexp"
	"strconv"
)

// nodeKind is the shape of a node.
type nodeKind int

const (
	nullNode nodeKind = iota // nothing was written: the same as leaving the field out
	scalarNode
	listNode
	mapNode
)

// node is a value as written, before anyone asked whether it fits. Nodes are never changed once made.
type node struct {
	kind    nodeKind
	at      place
	text    string // of a scalar, as written but for quotes and escapes
	quoted  bool   // a scalar in quotes or a block: always text, whatever it looks like
	loose   bool   // a scalar that came as bare text (from a variable) and may be read as any type
	bad     bool   // stands for what could not be read and has been told
	entries []entry
	items   []*node
	// inherited marks what a service takes from the defaults block.
	inherited bool
}

// entry is one name of a map and its value.
type entry struct {
	key   string
	at    place
	value *node
}

// find returns the value of a key, or nil.
func (n *node) find(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// all returns the entries of a map; none of anything else.
func (n *node) all() []entry {
	if n == nil {
		return nil
	}
	return n.entries
}

// with returns a copy of a map in which key has the value; a new key comes last.
func (n *node) with(key string, at place, value *node) *node {
	changed := *n
	changed.kind = mapNode
	changed.entries = make([]entry, 0, len(n.entries)+1)
	found := false
	for _, e := range n.entries {
		if e.key == key {
			e, found = entry{key, at, value}, true
		}
		changed.entries = append(changed.entries, e)
	}
	if !found {
		changed.entries = append(changed.entries, entry{key, at, value})
	}
	return &changed
}

// numberPattern is a number of the YAML 1.2 core schema in base ten, without infinities. Other bases are left out:
// nobody counts replicas in octal, and "010" is far more often a slip.
var numberPattern = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*|[0-9]*\.[0-9]+|[0-9]+\.)([eE][-+]?[0-9]+)?$`)

// number reads a scalar as a finite number.
func number(text string) (float64, bool) {
	if !numberPattern.MatchString(text) {
		return 0, false
	}
	value, err := strconv.ParseFloat(text, 64)
	return value, err == nil
}

// describe says in a user's words what a node is: "a list", "the number 3", "the text \"x\"".
func (n *node) describe(text string) string {
	switch n.kind {
	case nullNode:
		return "nothing"
	case listNode:
		return "a list"
	case mapNode:
		return "a block of fields"
	}
	const longest = 60
	if short := []rune(text); len(short) > longest {
		text = string(short[:longest]) + "…"
	}
	if !n.quoted || n.loose {
		if _, isNumber := number(text); isNumber {
			return "the number " + text
		}
		if text == "true" || text == "false" {
			return text
		}
	}
	return "the text " + strconv.Quote(text)
}
