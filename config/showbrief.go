package config

import (
	"reflect"
	"strings"
	"unicode"

	"headroom.dev/headroom"
)

// ShowScaling writes how a service is scaled as YAML for below "services:", the bounds and what differs from the defaults, with notes in front. It loads to
// the same Scaling, where the service has something to run.
func ShowScaling(service string, s headroom.Scaling, notes []string) string {
	w := &writer{options: ShowOptions{Reveal: true}, brief: true}
	w.line(1, quote(service)+":", "")
	for _, note := range notes {
		w.line(2, "# "+strings.Map(printable, note), "")
	}
	w.line(2, "scaling:", "")
	w.structure(reflect.ValueOf(s), "", 3)
	return w.text()
}

// printable keeps text from outside within its comment.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}

// isDefault tells whether a field has the value that it would have if it were left out.
func isDefault(v reflect.Value, f field) bool {
	switch {
	case f.hasDefault():
		made := reflect.New(v.Type()).Elem()
		return setText(made, f.tag.Get("default")) == "" && reflect.DeepEqual(made.Interface(), v.Interface())
	case f.required():
		return false
	case v.Kind() != reflect.Struct || shapeOf(v.Type()) != structShape:
		return v.IsZero()
	}
	for _, inner := range fieldsOf(v.Type()) {
		if !isDefault(v.FieldByIndex(inner.index), inner) {
			return false
		}
	}
	return true
}
