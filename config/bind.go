package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"headroom.dev/headroom"
)

// binder sets a Config from a tree of nodes, strictly: what does not fit is a problem, and reading goes on.
type binder struct {
	found   *problems
	origins map[string]Origin
	places  map[string]place // of every path that was written
	fields  map[string]field
	failed  map[string]bool // paths that have a problem already
	dir     string          // of the first config file, absolute
	lookup  func(name string) (string, bool)
	known   func() []string // names of variables, for suggestions
	secrets []string        // files that secrets were read from, absolute
	plain   bool            // text stays as written: no variables, no files
	partial bool            // nothing is required
}

// bind sets v from n; n is nil where nothing was written. parent is where to point when something is missing.
func (b *binder) bind(v reflect.Value, f field, n *node, path string, parent place) {
	b.fields[path] = f
	if f.tag.Get("partial") == "true" && !b.partial {
		b.partial = true
		defer func() { b.partial = false }()
	}
	if n != nil && n.bad {
		b.failed[path] = true
		return
	}
	if v.Kind() == reflect.Pointer {
		if n == nil || n.kind == nullNode {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	kind := shapeOf(v.Type())
	if kind == structShape {
		b.structure(v, n, path, parent)
		return
	}
	if n == nil || (n.kind == nullNode && (kind == listShape || kind == mapShape)) {
		b.missing(v, f, path, parent)
		return
	}
	if n.kind == nullNode {
		b.problem(n.at, path, f, "has no value: give it one or leave the field out")
		return
	}
	switch kind {
	case listShape:
		b.list(v, f, n, path)
	case mapShape:
		b.table(v, f, n, path)
	case commandShape:
		b.command(v, f, n, path)
	case memoryShape:
		b.memory(v, f, n, path)
	default:
		b.scalar(v, f, n, path)
	}
}

// missing gives a field that was not written its default.
func (b *binder) missing(v reflect.Value, f field, path string, parent place) {
	if f.hasDefault() {
		text := f.tag.Get("default")
		if wrong := setText(v, text); wrong != "" {
			b.problem(parent, path, f, "has the default "+text+", which "+wrong)
			return
		}
		b.origins[path] = Origin{Value: text, Source: place{}.String()}
		return
	}
	if f.required() && !b.failed[path] && !b.partial {
		b.problem(parent, path, f, "must be given")
	}
}

func (b *binder) structure(v reflect.Value, n *node, path string, parent place) {
	fields := fieldsOf(v.Type())
	if n != nil && n.kind != mapNode && n.kind != nullNode {
		b.problem(n.at, path, b.fields[path], "must be a block of fields, is "+n.describe(n.text)) // an item of a list
		return
	}
	for _, e := range n.all() {
		if _, ok := findField(fields, e.key); !ok && (path != "" || e.key != "$schema") {
			b.unknown(e, v.Type(), path)
		}
	}
	for _, f := range fields {
		at, written, inner := joinPath(path, f.name), n.find(f.name), parent
		if written != nil {
			inner = b.note(at, n, f.name)
		}
		b.bind(v.FieldByIndex(f.index), f, written, at, inner)
	}
}

// note keeps where a path was written: of a value its own place, of a block the place of its name.
func (b *binder) note(path string, parent *node, key string) place {
	for _, e := range parent.entries {
		if e.key != key {
			continue
		}
		at := e.value.at
		if e.value.kind == mapNode || e.value.kind == nullNode {
			at = e.at
		}
		b.places[path] = at
		return e.at
	}
	return place{}
}

// unknown says which name was most likely meant, or where a name that exists elsewhere belongs.
func (b *binder) unknown(e entry, t reflect.Type, path string) {
	fields := fieldsOf(t)
	at := joinPath(path, e.key)
	b.failed[at] = true
	names := fieldNames(fields)
	for _, f := range fields {
		if shapeOf(f.typ) != structShape {
			continue
		}
		if inner, ok := findField(fieldsOf(deref(f.typ)), e.key); ok {
			b.found.add(e.at, at, fmt.Sprintf("there is no such field here; %q belongs under %q", e.key, f.name),
				fmt.Sprintf("%s: {%s}", f.name, exampleOf(inner)))
			return
		}
	}
	if near := headroom.Nearest(e.key, names); near != "" {
		f, _ := findField(fields, near)
		b.failed[joinPath(path, near)] = true // it is not missing, only mistyped
		b.found.add(e.at, at, fmt.Sprintf("there is no such field; did you mean %q?", near), exampleOf(f))
		return
	}
	slices.Sort(names)
	b.found.add(e.at, at, "there is no such field; here can be "+strings.Join(names, ", "), "")
}

func (b *binder) list(v reflect.Value, f field, n *node, path string) {
	if n.kind != listNode {
		b.problem(n.at, path, f, "must be a list, is "+n.describe(n.text))
		return
	}
	items := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		b.places[at] = item.at
		if item.kind == nullNode {
			b.problem(item.at, at, f, "has no value: give it one or remove the item")
			continue
		}
		b.bind(items.Index(i), field{name: f.name, typ: v.Type().Elem(), tag: itemTag(f)}, item, at, item.at)
	}
	if len(n.items) > 0 {
		v.Set(items)
		return
	}
	b.origins[path] = Origin{Value: "[]", Source: n.origin()}
}

// itemTag is what a list's or map's tag says of its items.
func itemTag(f field) reflect.StructTag {
	if f.isSecret() {
		return `secret:"true"`
	}
	return ""
}

// table binds a map: of services, or of texts.
func (b *binder) table(v reflect.Value, f field, n *node, path string) {
	made := reflect.MakeMapWithSize(v.Type(), len(n.entries))
	for _, e := range n.entries {
		at := joinPath(path, e.key)
		b.places[at] = e.at
		item := reflect.New(v.Type().Elem()).Elem()
		value := e.value
		if shapeOf(item.Type()) == textShape && value.kind == scalarNode {
			// A variable's value is text whatever it looks like: GOMAXPROCS: 1 is what people write.
			loose := *value
			loose.loose = true
			value = &loose
		}
		b.bind(item, field{name: e.key, typ: item.Type(), tag: itemTag(f)}, value, at, e.at)
		made.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), item)
	}
	if made.Len() > 0 {
		v.Set(made)
		return
	}
	b.origins[path] = Origin{Value: "{}", Source: n.origin()}
}

// command binds one text that is split into words, or a list of words.
func (b *binder) command(v reflect.Value, f field, n *node, path string) {
	if n.kind == scalarNode {
		b.scalar(v, f, n, path)
		return
	}
	if n.kind != listNode {
		b.problem(n.at, path, f, "must be one text or a list of words, is "+n.describe(n.text))
		return
	}
	words := make(headroom.Command, 0, len(n.items))
	for i, item := range n.items {
		if item.kind != scalarNode {
			b.problem(item.at, fmt.Sprintf("%s[%d]", path, i), f, "must be text, is "+item.describe(item.text))
			continue
		}
		text, ok := b.text(item, f, path)
		if !ok {
			continue
		}
		words = append(words, text)
	}
	v.Set(reflect.ValueOf(words))
	b.origins[path] = Origin{Value: words.String(), Source: n.origin()}
}

func (b *binder) problem(at place, path string, f field, message string) {
	b.failed[path] = true
	b.found.add(at, path, message, exampleOf(f))
}
