package kubernetes

import (
	"errors"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What one file may have. A HorizontalPodAutoscaler of etcd's largest object has 1.5 MiB.
const (
	mostBytes  = 2 << 20
	mostValues = 100_000 // once aliases are followed
	deepest    = 50
)

// kind is the shape of a node.
type kind int

const (
	null kind = iota // the same as leaving the field out
	scalar
	list
	fields
)

func (k kind) String() string {
	return [...]string{"nothing", "a plain value", "a list", "a block of fields"}[k]
}

// node is a value as written.
type node struct {
	kind         kind
	line, column int
	text         string // of a scalar
	quoted       bool   // always text
	entries      []entry
	items        []*node
}

type entry struct {
	key   *node
	value *node
}

// find returns the value of a field, or nil where it is not there or null.
func (n *node) find(name string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key.text == name && e.value.kind != null {
			return e.value
		}
	}
	return nil
}

// parse reads the documents of a file.
func parse(data []byte, found *findings) (documents []*node) {
	if len(data) > mostBytes {
		found.add(nil, "", "the file has %d bytes, at most %d are read", len(data), mostBytes)
		return nil
	}
	// The YAML parser is not ours and has panicked on odd input before.
	defer func() {
		if recover() != nil {
			documents = nil
			found.add(nil, "", "the file cannot be read as YAML")
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if at := tooDeep(tokens); at != nil {
		found.add(at, "", "is nested deeper than %d levels", deepest)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		message, at := err.Error(), (*node)(nil)
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			message, at = syntax.GetMessage(), placeOf(syntax.GetToken())
		}
		found.add(at, "", "is not valid YAML: %s", message)
		return nil
	}
	for _, document := range file.Docs {
		c := &converter{found: found, anchors: map[string]ast.Node{}}
		if document.Body == nil || document.Body.Type() == ast.DirectiveType {
			continue
		}
		if n := c.convert(document.Body, 0); n.kind != null {
			documents = append(documents, n)
		}
	}
	return documents
}

// tooDeep bounds brackets before the parser, which recurses, sees them.
func tooDeep(tokens token.Tokens) *node {
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType, token.SequenceEntryType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		if t.Type == token.SequenceEntryType {
			depth-- // only those in one line nest without indentation
		}
		if depth > deepest || t.Position != nil && t.Position.IndentNum > 20*deepest {
			return placeOf(t)
		}
	}
	return nil
}

// placeOf is the place of a token.
func placeOf(t *token.Token) *node {
	n := &node{line: 1, column: 1}
	if t != nil && t.Position != nil {
		n.line, n.column = t.Position.Line, t.Position.Column
	}
	return n
}

// converter turns the parser's tree into ours, with aliases followed.
type converter struct {
	found   *findings
	anchors map[string]ast.Node
	values  int
	full    bool // said once
}

func (c *converter) convert(from ast.Node, depth int) *node {
	if from == nil {
		return &node{line: 1, column: 1}
	}
	n := placeOf(from.GetToken())
	if c.values++; c.values > mostValues || depth > deepest {
		if !c.full {
			c.full = true
			c.found.add(n, "", "has more than %d values, or more than %d levels", mostValues, deepest)
		}
		return n
	}
	switch from := from.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		n.kind, n.text = scalar, from.Value
		n.quoted = from.Token.Type == token.SingleQuoteType || from.Token.Type == token.DoubleQuoteType
	case *ast.LiteralNode:
		n.kind, n.text, n.quoted = scalar, from.Value.Value, true
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		n.kind, n.text = scalar, from.GetToken().Value
	case *ast.MappingNode:
		c.mapping(n, from.Values, depth)
	case *ast.MappingValueNode:
		c.mapping(n, []*ast.MappingValueNode{from}, depth)
	case *ast.SequenceNode:
		n.kind = list
		for _, item := range from.Values {
			n.items = append(n.items, c.convert(item, depth+1))
		}
	case *ast.AnchorNode:
		// Known only behind it: an alias within would never end.
		converted := c.convert(from.Value, depth+1)
		c.anchors[from.Name.GetToken().Value] = from.Value
		return converted
	case *ast.AliasNode:
		target, known := c.anchors[from.Value.GetToken().Value]
		if !known {
			c.found.add(n, "", "there is no anchor before this alias")
			return n
		}
		return c.convert(target, depth+1)
	default:
		c.found.add(n, "", "is YAML that Kubernetes' own files do not have: write the value out")
	}
	return n
}

func (c *converter) mapping(n *node, values []*ast.MappingValueNode, depth int) {
	n.kind = fields
	seen := map[string]bool{}
	for i, value := range values {
		key := placeOf(value.Key.GetToken())
		key.kind, key.text = scalar, value.Key.GetToken().Value
		if i == 0 {
			n.line, n.column = key.line, key.column
		}
		if seen[key.text] || value.Key.IsMergeKey() {
			c.found.add(key, key.text, "is given twice in one block, or a merge key: write each field once")
			continue
		}
		seen[key.text] = true
		n.entries = append(n.entries, entry{key, c.convert(value.Value, depth+1)})
	}
}
