package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parse reads the documents of one text, YAML or JSON. What is wrong goes to found; the documents before it are
// returned. Documents without content are left out.
func parse(src *source, text string, found *problems) (documents []*node) {
	if line, wrong := checkText(unixLines(text)); wrong != "" {
		found.add(place{source: src, line: max(1, line), column: 1}, "", wrong, "")
		return nil
	}
	text = unixLines(strings.TrimPrefix(text, "\uFEFF"))
	parts := splitJSON(text)
	if len(parts) > maxDocuments {
		found.add(place{source: src, line: 1, column: 1}, "", fmt.Sprintf("has more than %d JSON documents after each other", maxDocuments), "")
		return nil
	}
	for _, part := range parts {
		documents = append(documents, parsePart(src, part, found)...)
	}
	return documents
}

func parsePart(src *source, text string, found *problems) (documents []*node) {
	// The YAML parser is not ours and has panicked on odd input before; a config must never end the process.
	defer func() {
		if recover() != nil {
			found.add(place{source: src, line: 1, column: 1}, "", "cannot be read as YAML or JSON", "")
		}
	}()
	tokens := lexer.Tokenize(text)
	if t := checkNesting(tokens); t != nil {
		found.add(placeOf(src, t), "", fmt.Sprintf("is nested deeper than %d levels", maxDepth), "")
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		found.addSyntax(src, err)
		return nil
	}
	c := &converter{source: src, found: found, anchors: map[string]ast.Node{}, open: map[string]bool{}}
	for _, document := range file.Docs {
		if document.Body == nil || document.Body.Type() == ast.DirectiveType {
			continue
		}
		clear(c.anchors)
		if n := c.convert(document.Body, 0); n != nil && n.kind != nullNode {
			documents = append(documents, n)
		}
	}
	return documents
}

// addSyntax turns an error of the YAML parser into a problem, with a hint for the slips that its words do not explain.
func (p *problems) addSyntax(src *source, err error) {
	at, message := place{source: src, line: 1, column: 1}, err.Error()
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		message = syntax.GetMessage()
		if t := syntax.GetToken(); t != nil {
			at = placeOf(src, t)
		}
	}
	for _, hint := range []struct{ contains, advice string }{
		{"mapping value is not allowed", `a text that has ": " in it must be in quotes`},
		{"tab character", "indent with spaces"},
		{"reserved character", "a text that begins with such a character must be in quotes"},
		{"value is not allowed in this context", "look at the indentation and at missing commas or colons"},
		{"non-map value is specified", `write "name: value", with a space after the colon`},
		{"end token", "a bracket or brace is never closed"},
		{"end character", "a quote is never closed"},
		{"flow map", "between braces write {name: value, name: value}"},
		{"sequence was used where mapping is expected", "a list item stands among the fields of a block"},
	} {
		if strings.Contains(message, hint.contains) {
			message += ": " + hint.advice
			break
		}
	}
	if strings.Contains(message, "tab character") {
		at.column, at.width = 1, 1 // the parser points behind it
	}
	if at.line >= 1 && at.line <= len(src.lines) {
		// Nothing is known of the fields yet, so a line that looks secret is not shown at all.
		lower := strings.ToLower(src.lines[at.line-1])
		for _, word := range []string{"token", "password", "secret", "key"} {
			if strings.Contains(lower, word) {
				place{source: src, line: at.line, column: 1, width: utf8.RuneCountInString(lower)}.hide()
				break
			}
		}
	}
	p.add(at, "", "is not valid YAML: "+message, "")
}

func placeOf(src *source, t *token.Token) place {
	at := place{source: src, line: 1, column: 1, width: 1}
	if t == nil || t.Position == nil {
		return at
	}
	at.line, at.column = max(1, t.Position.Line), max(1, t.Position.Column)
	at.width = max(1, utf8.RuneCountInString(t.Value))
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		at.width += 2
	}
	return at
}

// converter turns the parser's tree into ours: aliases followed, tags checked, keys made plain.
type converter struct {
	source  *source
	found   *problems
	anchors map[string]ast.Node
	open    map[string]bool // anchors that are being converted: an alias to one would never end
	values  int
	full    bool // too many values: said once, the rest left out
}

func (c *converter) convert(from ast.Node, depth int) *node {
	if from == nil {
		return &node{at: place{source: c.source, line: 1, column: 1}}
	}
	at := placeOf(c.source, from.GetToken())
	c.values++
	switch {
	case c.full:
		return &node{at: at}
	case c.values > maxValues:
		c.full = true
		return c.wrong(at, fmt.Sprintf("has more than %d values once aliases (*name) are followed", maxValues))
	case depth > maxDepth:
		return c.wrong(at, fmt.Sprintf("is nested deeper than %d levels", maxDepth))
	}
	switch from := from.(type) {
	case *ast.NullNode:
		return &node{at: at}
	case *ast.StringNode:
		quoted := from.Token.Type == token.SingleQuoteType || from.Token.Type == token.DoubleQuoteType
		return &node{kind: scalarNode, at: at, text: from.Value, quoted: quoted}
	case *ast.LiteralNode:
		return &node{kind: scalarNode, at: at, text: from.Value.Value, quoted: true}
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		text := from.GetToken().Value
		if b, ok := from.(*ast.BoolNode); ok {
			text = fmt.Sprint(b.Value) // True and TRUE are true as well
		}
		return &node{kind: scalarNode, at: at, text: text}
	case *ast.MappingNode:
		return c.mapping(from.Values, at, depth)
	case *ast.MappingValueNode:
		return c.mapping([]*ast.MappingValueNode{from}, at, depth)
	case *ast.SequenceNode:
		list := &node{kind: listNode, at: at}
		for _, item := range from.Values {
			list.items = append(list.items, c.convert(item, depth+1))
		}
		return list
	case *ast.AnchorNode:
		name := from.Name.GetToken().Value
		c.anchors[name] = from.Value
		c.open[name] = true
		defer delete(c.open, name)
		return c.convert(from.Value, depth+1)
	case *ast.AliasNode:
		return c.alias(from, depth)
	case *ast.TagNode:
		return c.tagged(from, at, depth)
	}
	return c.wrong(at, "cannot be used in a config")
}

func (c *converter) wrong(at place, message string) *node {
	c.found.add(at, "", message, "")
	return &node{at: at, bad: true}
}

func (c *converter) alias(from *ast.AliasNode, depth int) *node {
	at := placeOf(c.source, from.GetToken())
	if from.Value == nil {
		return c.wrong(at, "an alias needs the name of an anchor: *name")
	}
	name := from.Value.GetToken().Value
	at.width += utf8.RuneCountInString(name)
	target, known := c.anchors[name]
	if !known {
		return c.wrong(at, fmt.Sprintf("there is no anchor &%s before this alias; a text that begins with * must be in quotes", name))
	}
	if c.open[name] {
		return c.wrong(at, fmt.Sprintf("the anchor &%s would contain itself", name))
	}
	c.open[name] = true
	defer delete(c.open, name)
	return c.convert(target, depth+1)
}

// tagged reads the tags of the core schema that say what a plain value is anyway; others have no meaning here.
func (c *converter) tagged(from *ast.TagNode, at place, depth int) *node {
	n := c.convert(from.Value, depth+1)
	switch tag := from.GetToken().Value; tag {
	case "!!str":
		tagged := *n
		tagged.quoted = true
		return &tagged
	case "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq":
		return n
	default:
		return c.wrong(at, fmt.Sprintf("the tag %s has no meaning here: leave it out", tag))
	}
}

func (c *converter) mapping(values []*ast.MappingValueNode, at place, depth int) *node {
	made := &node{kind: mapNode, at: at}
	lines := map[string]place{}
	var merged []*node
	for _, value := range values {
		keyAt := placeOf(c.source, value.Key.GetToken())
		if value.Key.IsMergeKey() {
			merged = append(merged, c.mergeKey(value, depth)...)
			continue
		}
		key, ok := plainKey(value.Key)
		if !ok {
			c.wrong(keyAt, "a field's name must be plain text")
			continue
		}
		n := c.convert(value.Value, depth+1)
		if first, twice := lines[key]; twice {
			c.found.add(keyAt, "", fmt.Sprintf("%q is given twice in one block, first in line %d: keep one", key, first.line), "")
			continue
		}
		lines[key] = keyAt
		if len(made.entries) == 0 {
			made.at = keyAt
		}
		made.entries = append(made.entries, entry{key, keyAt, n})
	}
	for _, base := range merged {
		for _, e := range base.entries {
			if _, own := lines[e.key]; !own {
				lines[e.key] = e.at
				made.entries = append(made.entries, e)
			}
		}
	}
	return made
}

// mergeKey reads "<<: *name" and "<<: [*a, *b]" of YAML 1.1: fields that the block has unless it says otherwise.
func (c *converter) mergeKey(value *ast.MappingValueNode, depth int) []*node {
	n := c.convert(value.Value, depth+1)
	bases := []*node{n}
	if n.kind == listNode {
		bases = n.items
	}
	for _, base := range bases {
		if base.kind != mapNode {
			c.wrong(placeOf(c.source, value.Key.GetToken()), "<< needs an alias of a block of fields: <<: *name")
			return nil
		}
	}
	return bases
}

func plainKey(key ast.MapKeyNode) (string, bool) {
	switch key := key.(type) {
	case *ast.StringNode:
		return key.Value, true
	case *ast.MappingKeyNode:
		inner, ok := key.Value.(ast.MapKeyNode)
		if !ok {
			return "", false
		}
		return plainKey(inner)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return key.GetToken().Value, true
	default:
		return "", false
	}
}
