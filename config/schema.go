package config

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"headroom.dev/headroom"
)

// SchemaID is the $id of the JSON Schema.
const SchemaID = "https://headroom.dev/schema/config.json"

// Schema returns the JSON Schema (draft 2020-12) of the config file, indented. It accepts every single file that Load
// accepts by itself; what one field demands of another is for Load alone.
func Schema() []byte {
	s := &schemaMaker{definitions: map[string]any{}}
	root := s.object(reflect.TypeFor[headroom.Config]())
	properties := root["properties"].(map[string]any)
	properties["$schema"] = map[string]any{"type": "string", "description": "where this schema is, for editors"}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaID
	root["title"] = "Headroom configuration"
	root["type"] = "object"
	s.definitions["variable"] = map[string]any{
		"type": "string", "pattern": `\$`,
		"description": "${NAME} or ${NAME:-default}, replaced by an environment variable",
	}
	root["$defs"] = s.definitions
	// Maps, strings and numbers only: this cannot fail.
	text, _ := json.MarshalIndent(root, "", "  ")
	return append(text, '\n')
}

type schemaMaker struct{ definitions map[string]any }

// object describes a struct in place.
func (s *schemaMaker) object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range fieldsOf(t) {
		properties[f.name] = s.field(f)
		if f.required() {
			required = append(required, f.name)
		}
	}
	made := map[string]any{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		made["required"] = required
	}
	return made
}

// reference describes a struct once, under its name, and returns a reference to it.
func (s *schemaMaker) reference(t reflect.Type) map[string]any {
	name := strings.ToLower(t.Name()[:1]) + t.Name()[1:]
	if _, known := s.definitions[name]; !known {
		s.definitions[name] = nil
		made := s.object(t)
		if short, ok := shorthandOf(t); ok {
			made = map[string]any{"anyOf": append([]any{made}, s.forms(short)...)}
		}
		s.definitions[name] = made
	}
	return map[string]any{"$ref": "#/$defs/" + name}
}

// field describes a field with its meaning, default and example.
func (s *schemaMaker) field(f field) map[string]any {
	made := map[string]any{}
	if forms := s.forms(f); len(forms) == 1 {
		made = forms[0].(map[string]any)
	} else {
		made["anyOf"] = forms
	}
	if f.doc() != "" {
		made["description"] = f.doc()
	}
	if f.hasDefault() {
		made["default"] = jsonValue(f.typ, f.tag.Get("default"))
	}
	if f.example() != "" {
		made["examples"] = []any{exampleValue(f)}
	}
	return made
}

// forms lists the ways in which a field may be written.
func (s *schemaMaker) forms(f field) []any {
	t := deref(f.typ)
	variable := map[string]any{"$ref": "#/$defs/variable"}
	switch shapeOf(t) {
	case boolShape:
		return []any{map[string]any{"type": "boolean"}, variable}
	case intShape:
		return append(ranged(f, "integer"), variable)
	case floatShape:
		return append(ranged(f, "number"), variable)
	case typedShape:
		forms := []any{map[string]any{"type": "string", "pattern": patternOf(t).String()}}
		if takes, onlyZero := takesNumber(t); onlyZero {
			forms = append(forms, map[string]any{"const": 0})
		} else if takes {
			forms = append(forms, map[string]any{"type": "number", "minimum": 0})
		}
		return append(forms, variable)
	case commandShape:
		word := map[string]any{"type": []string{"string", "number", "boolean"}}
		return []any{map[string]any{"type": "string"}, map[string]any{"type": "array", "items": word}}
	case listShape:
		item := s.item(t.Elem())
		item["not"] = map[string]any{"type": "null"} // a block may be left empty, an item may not
		return []any{map[string]any{"type": []string{"array", "null"}, "items": item}}
	case mapShape:
		made := map[string]any{"type": []string{"object", "null"}, "additionalProperties": s.item(t.Elem())}
		if shapeOf(t.Elem()) == textShape {
			made["additionalProperties"] = map[string]any{"type": []string{"string", "number", "boolean"}}
		}
		return []any{made}
	case structShape:
		return []any{s.reference(t)}
	}
	if values := f.enum(); len(values) > 0 {
		return []any{map[string]any{"enum": values}, variable}
	}
	return []any{map[string]any{"type": "string"}}
}

func (s *schemaMaker) item(t reflect.Type) map[string]any {
	if shapeOf(t) == structShape {
		return s.reference(t)
	}
	return s.forms(field{typ: t})[0].(map[string]any)
}

// ranged describes a number with its limits. Zero in a field that may be left out means leaving it out.
func ranged(f field, kind string) []any {
	made := map[string]any{"type": kind}
	for _, limit := range []string{"minimum", "maximum"} {
		if value, err := strconv.ParseFloat(f.tag.Get(limit), 64); err == nil {
			made[limit] = value
		}
	}
	if minimum, ok := made["minimum"].(float64); ok && f.optional && minimum > 0 {
		return []any{made, map[string]any{"const": 0}}
	}
	return []any{made}
}

// jsonValue is a default as JSON has it.
func jsonValue(t reflect.Type, text string) any {
	switch shapeOf(t) {
	case boolShape:
		return text == "true"
	case intShape, floatShape:
		if value, ok := number(text); ok {
			return value
		}
	}
	return text
}

// exampleValue is an example as JSON has it; examples of lists and blocks are written as YAML in the tags.
func exampleValue(f field) any {
	switch shapeOf(f.typ) {
	case listShape, mapShape, structShape:
		found := &problems{}
		documents := parse(newSource(fromFile, f.name, f.example()), f.example(), found)
		if len(documents) == 1 {
			return documents[0].asJSON()
		}
	}
	return jsonValue(f.typ, f.example())
}

// asJSON gives a tree as encoding/json would: for the schema, for checking files against it, and for what only its owner can read. Numbers keep their
// digits where JSON writes them alike, since a time in nanoseconds has more of them than a float64.
func (n *node) asJSON() any {
	switch n.kind {
	case nullNode:
		return nil
	case listNode:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = item.asJSON()
		}
		return items
	case mapNode:
		fields := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			fields[e.key] = e.value.asJSON()
		}
		return fields
	}
	if value, ok := number(n.text); ok && !n.quoted {
		if json.Valid([]byte(n.text)) {
			return json.Number(n.text)
		}
		return value
	}
	if !n.quoted && (n.text == "true" || n.text == "false") {
		return n.text == "true"
	}
	return n.text
}
