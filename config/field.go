package config

import (
	"encoding"
	"reflect"
	"strings"

	"headroom.dev/headroom"
)

// field is one field of a struct of the vocabulary, as its tags describe it.
type field struct {
	name     string
	index    []int // of reflect.Value.FieldByIndex
	typ      reflect.Type
	tag      reflect.StructTag
	optional bool // zero means "not set"
}

func (f field) doc() string      { return f.tag.Get("doc") }
func (f field) example() string  { return f.tag.Get("example") }
func (f field) isSecret() bool   { return f.tag.Get("secret") == "true" }
func (f field) shorthand() bool  { return f.tag.Get("shorthand") == "true" }
func (f field) enum() []string   { return splitTag(f.tag.Get("enum")) }
func (f field) hasDefault() bool { _, ok := f.tag.Lookup("default"); return ok }

// required tells whether a user must write the field: it has no default, no meaning when empty, and no fields of
// its own that could have defaults.
func (f field) required() bool {
	return !f.optional && !f.hasDefault() && shapeOf(f.typ) != structShape
}

func splitTag(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// fieldsOf lists the fields of a struct that a user can write, in the order of the declaration.
func fieldsOf(t reflect.Type) []field {
	fields := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			for _, inner := range fieldsOf(f.Type) {
				if _, hidden := findField(fields, inner.name); hidden {
					continue
				}
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
			continue
		}
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		fields = append(fields, field{name: name, index: []int{i}, typ: f.Type, tag: f.Tag, optional: options == "omitempty" || options == "omitzero"})
	}
	return fields
}

func fieldNames(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

func findField(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// shorthandOf returns the field that a bare value in place of the struct sets.
func shorthandOf(t reflect.Type) (field, bool) {
	if shapeOf(t) != structShape {
		return field{}, false
	}
	for _, f := range fieldsOf(deref(t)) {
		if f.shorthand() {
			return f, true
		}
	}
	return field{}, false
}

// shape is how values of a type are written.
type shape int

const (
	textShape    shape = iota // a string
	boolShape                 // true or false
	intShape                  // a whole number
	floatShape                // a number
	typedShape                // text or number with a meaning: duration, size, share of processor, range of ports
	commandShape              // one text or a list of words
	listShape
	mapShape
	structShape
	memoryShape // what a policy remembers: anything
)

func shapeOf(t reflect.Type) shape {
	t = deref(t)
	switch {
	case t == reflect.TypeFor[headroom.Command]():
		return commandShape
	case t == reflect.TypeFor[headroom.PolicyMemory]():
		return memoryShape
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return typedShape
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolShape
	case reflect.Int, reflect.Int64:
		return intShape
	case reflect.Float64:
		return floatShape
	case reflect.Slice:
		return listShape
	case reflect.Map:
		return mapShape
	case reflect.Struct:
		return structShape
	default:
		return textShape
	}
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// exampleOf shows how a field may be written, as "name: value".
func exampleOf(f field) string {
	value := f.example()
	switch {
	case value != "":
	case f.tag.Get("default") != "":
		value = f.tag.Get("default")
	case len(f.enum()) > 0:
		value = f.enum()[0]
	case shapeOf(f.typ) == structShape:
		for _, inner := range fieldsOf(deref(f.typ)) {
			if shapeOf(inner.typ) != structShape && exampleOf(inner) != "" {
				return f.name + ": {" + exampleOf(inner) + "}"
			}
		}
		return ""
	case shapeOf(f.typ) == listShape && shapeOf(f.typ.Elem()) == structShape:
		var inner []string
		for _, g := range fieldsOf(f.typ.Elem()) {
			if g.required() {
				inner = append(inner, exampleOf(g))
			}
		}
		return f.name + ": [{" + strings.Join(inner, ", ") + "}]"
	default:
		return ""
	}
	return f.name + ": " + value
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
