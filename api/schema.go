package api

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"headroom.dev/headroom"
)

// schemas is a huma.Registry that describes the vocabulary as it is on the wire. Huma's own would not do: it reads the
// `default` and `example` tags, which our types write as users write them in YAML, as JSON of the Go type, and panics on
// a Duration's default "5m"; and it cannot say that an object may be null.
type schemas struct {
	byName map[string]*huma.Schema
	types  map[string]reflect.Type
	// partial is true while what an input holds is described: nothing is required there.
	partial bool
}

// partialSuffix ends the names of the types of which nothing is required.
const partialSuffix = "Input"

const schemaPrefix = "#/components/schemas/"

func newSchemas() *schemas {
	return &schemas{byName: map[string]*huma.Schema{}, types: map[string]reflect.Type{}}
}

// Schema implements huma.Registry. Structs become references to a component named as the type.
func (s *schemas) Schema(t reflect.Type, allowRef bool, hint string) *huma.Schema {
	nullable := t.Kind() == reflect.Pointer
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[huma.ErrorModel]() {
		t = reflect.TypeFor[Problem]() // finish turns one into the other
	}
	if of, ok := reflect.Zero(t).Interface().(interface{ describes() reflect.Type }); ok {
		defer func(partial bool) { s.partial = partial }(s.partial)
		s.partial = true
		return s.Schema(of.describes(), allowRef, hint)
	}
	if schema := textSchema(t); schema != nil {
		schema.Nullable = nullable
		schema.PrecomputeMessages()
		return schema
	}
	schema := &huma.Schema{Nullable: nullable}
	switch t.Kind() {
	case reflect.Bool:
		schema.Type = huma.TypeBoolean
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		schema.Type, schema.Format = huma.TypeInteger, "int64"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		schema.Type, schema.Format, schema.Minimum = huma.TypeInteger, "int64", new(float64)
	case reflect.Float32, reflect.Float64:
		schema.Type, schema.Format = huma.TypeNumber, "double"
	case reflect.String:
		schema.Type = huma.TypeString
	case reflect.Slice, reflect.Array:
		// A nil slice of the vocabulary is written as null.
		schema.Type, schema.Nullable = huma.TypeArray, t.Kind() == reflect.Slice
		schema.Items = s.Schema(t.Elem(), true, hint+"Item")
	case reflect.Map:
		schema.Type, schema.AdditionalProperties = huma.TypeObject, s.Schema(t.Elem(), true, hint+"Value")
	case reflect.Struct:
		return s.component(t, allowRef, hint)
	case reflect.Interface:
		return &huma.Schema{} // anything
	default:
		return nil
	}
	schema.PrecomputeMessages()
	return schema
}

// textSchema describes the types that are written as text; nil for any other.
func textSchema(t reflect.Type) *huma.Schema {
	text := func(pattern, says string, examples ...any) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Pattern: pattern, PatternDescription: says, Examples: examples}
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{exampleTime().Format(time.RFC3339Nano)}}
	case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[headroom.PolicyMemory]():
		return &huma.Schema{}
	case reflect.TypeFor[headroom.Duration]():
		return text(`^([0-9]{1,5}d|0|([0-9]*\.?[0-9]+(ns|us|µs|μs|ms|s|m|h))+)$`,
			`a duration such as "250ms", "30s", "1h30m" or "30d"`, "30s", "1h30m", "30d")
	case reflect.TypeFor[headroom.Bytes]():
		return text(`^[0-9]*\.?[0-9]+ ?([KMGTk]i?B?|B)?$`, `a size such as "512MiB" or "2GiB"`, "512MiB")
	case reflect.TypeFor[headroom.CPU]():
		return text(`^[0-9]*\.?[0-9]+m?$`, `a processor share such as "2", "0.5" or "500m"`, "500m")
	case reflect.TypeFor[headroom.PortRange]():
		return text(`^[0-9]{1,5} ?- ?[0-9]{1,5}$`, `a port range such as "20000-29999"`, "20000-29999")
	case reflect.TypeFor[headroom.Metric]():
		names := make([]any, 0, len(headroom.Metrics()))
		for _, metric := range headroom.Metrics() {
			names = append(names, string(metric))
		}
		return &huma.Schema{Type: huma.TypeString, Examples: names}
	}
	if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return &huma.Schema{Type: huma.TypeString}
	}
	return nil
}

// component describes a struct once, under its type's name.
func (s *schemas) component(t reflect.Type, allowRef bool, hint string) *huma.Schema {
	name := t.Name()
	if name == "" {
		name = hint
	}
	if s.partial {
		name += partialSuffix
	}
	known, ok := s.types[name]
	if ok && known != t {
		// Reached by a programming error only, when the API is put together.
		panic(fmt.Sprintf("two types are named %s: %v and %v", name, known, t))
	}
	if !ok {
		schema := &huma.Schema{}
		s.types[name], s.byName[name] = t, schema // first, for types that refer to themselves
		schema.Type, schema.AdditionalProperties = huma.TypeObject, false
		schema.Properties = map[string]*huma.Schema{}
		s.addFields(schema, t)
		schema.PrecomputeMessages()
	}
	if allowRef {
		return &huma.Schema{Ref: schemaPrefix + name}
	}
	return s.byName[name]
}

func (s *schemas) addFields(object *huma.Schema, t reflect.Type) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			s.addFields(object, field.Type)
			continue
		case !field.IsExported() || name == "-":
			continue
		case name == "":
			name = field.Name
		}
		if object.Properties[name] != nil {
			continue // hidden by that of the struct around
		}
		optional := strings.Contains(options, "omit")
		object.Properties[name] = s.property(field, optional)
		if !optional && !s.partial {
			object.Required = append(object.Required, name)
		}
	}
}

func (s *schemas) property(field reflect.StructField, optional bool) *huma.Schema {
	schema := s.Schema(field.Type, true, field.Name)
	if optional && field.Type.Kind() != reflect.Struct {
		schema.Nullable = false // left out rather than null
	}
	schema.Description = field.Tag.Get("doc")
	schema.ReadOnly = field.Tag.Get("readOnly") == "true"
	if field.Tag.Get("nullable") == "false" {
		schema.Nullable = false
	}
	if schema.Ref != "" {
		if field.Type.Kind() == reflect.Pointer && !optional {
			return &huma.Schema{AnyOf: []*huma.Schema{{Ref: schema.Ref}, {Type: "null"}}, Description: schema.Description}
		}
		return schema
	}
	if example := tagValue(schema, field.Tag.Get("example")); example != nil {
		schema.Examples = []any{example}
	}
	schema.Default = tagValue(schema, field.Tag.Get("default"))
	if enum := field.Tag.Get("enum"); enum != "" {
		for value := range strings.SplitSeq(enum, ",") {
			schema.Enum = append(schema.Enum, value)
		}
		if schema.Nullable {
			schema.Enum = append(schema.Enum, nil)
		}
		schema.Examples = nil
	}
	schema.Minimum = tagNumber(schema.Minimum, field.Tag.Get("minimum"))
	schema.Maximum = tagNumber(schema.Maximum, field.Tag.Get("maximum"))
	if length, err := strconv.Atoi(field.Tag.Get("maxLength")); err == nil {
		schema.MaxLength = &length
	}
	if length, err := strconv.Atoi(field.Tag.Get("minLength")); err == nil {
		schema.MinLength = &length
	}
	if pattern := field.Tag.Get("pattern"); pattern != "" {
		schema.Pattern, schema.PatternDescription = pattern, field.Tag.Get("patternDescription")
	}
	schema.PrecomputeMessages()
	return schema
}

// tagValue reads a tag's text as a value of the schema's type; nil where it is empty or not JSON (lists and maps are
// written as YAML in the tags).
func tagValue(schema *huma.Schema, text string) any {
	if text == "" {
		return nil
	}
	if schema.Type == huma.TypeString {
		return text
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return nil
	}
	return value
}

func tagNumber(otherwise *float64, text string) *float64 {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return otherwise
	}
	return &number
}

// SchemaFromRef implements huma.Registry.
func (s *schemas) SchemaFromRef(ref string) *huma.Schema {
	return s.byName[strings.TrimPrefix(ref, schemaPrefix)]
}

// TypeFromRef implements huma.Registry.
func (s *schemas) TypeFromRef(ref string) reflect.Type {
	return s.types[strings.TrimPrefix(ref, schemaPrefix)]
}

// Map implements huma.Registry.
func (s *schemas) Map() map[string]*huma.Schema { return s.byName }

// RegisterTypeAlias implements huma.Registry; nothing here uses aliases.
func (s *schemas) RegisterTypeAlias(reflect.Type, reflect.Type) {}

// MarshalJSON writes the components of the OpenAPI description.
func (s *schemas) MarshalJSON() ([]byte, error) { return json.Marshal(s.byName) }
