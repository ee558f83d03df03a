package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"headroom.dev/headroom"
)

// overlay lays the HEADROOM_ variables over a tree, those of .env files first. Unknown ones are warnings, not errors:
// platforms put variables into every environment, and a process must not fail to start over its name.
func overlay(root *node, env environment, found *problems) (tree *node, sources []*source, warnings []string) {
	for _, layer := range []map[string]variable{env.dotenv, env.real} {
		// Shorter names first: HEADROOM_SERVICES may name the services that the others speak of.
		names := make([]string, 0, len(layer))
		for name := range layer {
			if strings.HasPrefix(name, prefix) && !slices.Contains(ReservedVariables(), name) && layer[name].value != "" {
				names = append(names, name)
			}
		}
		slices.SortFunc(names, compareLengths)
		for _, name := range names {
			v := layer[name]
			services := serviceNames(root)
			hits := targets(reflect.TypeFor[headroom.Config](), strings.TrimPrefix(name, prefix), nil, services)
			if len(hits) == 0 {
				if !injected.MatchString(name) {
					warnings = append(warnings, unknownVariable(v, services))
				}
				continue
			}
			src := v.source()
			sources = append(sources, src)
			at := place{source: src, line: 1, column: 1, width: 1}
			if len(hits) > 1 {
				found.add(at, "", fmt.Sprintf("can mean %s as well as %s: set one of them in the file instead", hits[0].path(), hits[1].path()), "")
				continue
			}
			root = merge(root, v.tree(src, at, hits[0], found))
		}
	}
	return root, sources, warnings
}

func compareLengths(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func (v variable) source() *source {
	if v.file == "" {
		return newSource(fromEnvironment, v.name, v.value)
	}
	src := newSource(fromDotEnv, v.name, v.value)
	src.dotenv, src.lineBase = v.file, v.line-1
	return src
}

// tree is the variable's value, wrapped in the blocks that lead to its field.
func (v variable) tree(src *source, at place, to target, found *problems) *node {
	value := &node{kind: scalarNode, at: at, text: v.value, loose: true}
	if v.isTree(to.typ) {
		documents := parse(src, v.value, found)
		if len(documents) != 1 {
			if len(documents) > 1 {
				found.add(at, to.path(), "must be one YAML or JSON value, has several documents", "")
			}
			return nil
		}
		value = documents[0]
	}
	for _, key := range slices.Backward(to.keys) {
		value = &node{kind: mapNode, at: at, entries: []entry{{key, at, value}}}
	}
	return normalize(value, configField(), "", found)
}

// isTree tells whether a variable's text is to be read as YAML: lists and blocks are, and what may be one looks like
// one where it begins with a bracket.
func (v variable) isTree(t reflect.Type) bool {
	text := strings.TrimSpace(v.value)
	switch shapeOf(t) {
	case listShape, mapShape:
		return true
	case commandShape:
		return strings.HasPrefix(text, "[")
	case structShape:
		_, short := shorthandOf(t)
		return !short || strings.HasPrefix(text, "{") || strings.Contains(text, "\n")
	default:
		return false
	}
}

// configField stands for the file as a whole.
func configField() field { return field{typ: reflect.TypeFor[headroom.Config]()} }

func unknownVariable(v variable, services []string) string {
	where := "environment variable " + v.name
	if v.file != "" {
		where = fmt.Sprintf("%s:%d: variable %s", v.file, v.line, v.name)
	}
	const most = 100 // services whose variables are worth suggesting
	known := append(variableNames(reflect.TypeFor[headroom.Config](), "", services[:min(most, len(services))]), ReservedVariables()...)
	if near := headroom.Nearest(v.name, known); near != "" {
		return fmt.Sprintf("%s sets nothing: there is no such field; did you mean %s?", where, near)
	}
	if strings.HasPrefix(v.name, prefix+"SERVICES_") && len(services) > 0 {
		return fmt.Sprintf("%s sets nothing: there is no such service or field; services are %s", where, strings.Join(services, ", "))
	}
	return where + " sets nothing: there is no such field"
}

func serviceNames(root *node) []string {
	services := root.find("services")
	if services == nil {
		return nil
	}
	names := make([]string, len(services.entries))
	for i, e := range services.entries {
		names[i] = e.key
	}
	return names
}

// normalize turns a bare value in place of a block into the block with the one field that it sets (run: ./shop), so
// that trees can be merged without knowing the types. Anything else in place of a block is a problem: merging would
// hide it.
func normalize(n *node, f field, path string, found *problems) *node {
	t := deref(f.typ)
	kind := shapeOf(t)
	if n.bad || n.kind == nullNode || (kind != structShape && kind != mapShape) {
		return n
	}
	if n.kind != mapNode {
		if short, ok := shorthandOf(t); ok {
			return &node{kind: mapNode, at: n.at, entries: []entry{{short.name, n.at, n}}}
		}
		wanted := "a block of fields"
		if kind == mapShape {
			wanted = "a block of names and values"
		}
		shown := n.describe(n.text)
		if f.isSecret() {
			rest := n.at
			rest.width = maxSize // the line to its end
			rest.hide()
			shown = "something else"
		}
		found.add(n.at, path, "must be "+wanted+", is "+shown, exampleOf(f))
		return &node{at: n.at, bad: true}
	}
	if kind == mapShape {
		return n.mapValues(func(key string, value *node) *node {
			return normalize(value, field{name: key, typ: t.Elem()}, joinPath(path, key), found)
		})
	}
	fields := fieldsOf(t)
	return n.mapValues(func(key string, value *node) *node {
		if inner, ok := findField(fields, key); ok {
			return normalize(value, inner, joinPath(path, key), found)
		}
		return value
	})
}

func (n *node) mapValues(change func(key string, value *node) *node) *node {
	changed := *n
	changed.entries = make([]entry, len(n.entries))
	for i, e := range n.entries {
		e.value = change(e.key, e.value)
		changed.entries[i] = e
	}
	return &changed
}
