package config

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"headroom.dev/headroom"
)

// ShowOptions says how a configuration is written out.
type ShowOptions struct {
	Origins bool // behind each value, as a comment, where it came from
	Reveal  bool // secrets in clear; otherwise they are "********"
}

// Show writes the configuration as YAML with every value spelled out. With Reveal the text loads to the same Config.
func (l *Loaded) Show(options ShowOptions) string {
	w := &writer{options: options, origins: l.Origins, top: l.Config}
	w.structure(reflect.ValueOf(l.Config), "", 0)
	return w.text()
}

const masked = `"********"`

// writer makes the lines; comments are aligned at the end.
type writer struct {
	options ShowOptions
	brief   bool // what has its default is left out
	origins map[string]Origin
	top     headroom.Config
	lines   []string
	notes   []string // of each line; "" for none
}

func (w *writer) text() string {
	widest := 0
	for i, line := range w.lines {
		// Values up to 60 characters share a column; longer ones push only their own comment.
		if n := utf8.RuneCountInString(line); w.notes[i] != "" && n <= 60 {
			widest = max(widest, n)
		}
	}
	var out strings.Builder
	for i, line := range w.lines {
		out.WriteString(line)
		if w.notes[i] != "" {
			out.WriteString(strings.Repeat(" ", max(0, widest-utf8.RuneCountInString(line))) + "  # " + w.notes[i])
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func (w *writer) line(depth int, text, path string) {
	note := ""
	if w.options.Origins && path != "" {
		if origin, ok := w.origins[path]; ok {
			note = strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return '\uFFFD'
				}
				return r
			}, origin.Source)
		}
	}
	w.lines = append(w.lines, strings.Repeat("  ", depth)+text)
	w.notes = append(w.notes, note)
}

func (w *writer) structure(v reflect.Value, path string, depth int) {
	for _, f := range fieldsOf(v.Type()) {
		at := joinPath(path, f.name)
		if w.leaveOut(v, f, at) {
			continue
		}
		w.value(v.FieldByIndex(f.index), f, at, f.name+":", depth)
	}
}

// leaveOut tells whether a field need not be written, since leaving it out means the same.
func (w *writer) leaveOut(parent reflect.Value, f field, path string) bool {
	v := parent.FieldByIndex(f.index)
	if w.brief {
		return isDefault(v, f) && f.name != "minReplicas" && f.name != "maxReplicas" // one wants to see the bounds
	}
	if service, ok := parent.Interface().(headroom.Service); ok && f.name == "scaling" && service.Run == nil {
		return true // it would be refused: what is there is only the defaults
	}
	if !f.optional || !v.IsZero() {
		return false
	}
	return w.defaultOf(path).IsZero()
}

// defaultOf returns what the defaults block at the top has for a service's field; invalid (zero) where there is none.
func (w *writer) defaultOf(path string) optionalValue {
	parts := strings.SplitN(path, ".", 3)
	if len(parts) < 3 || parts[0] != "services" {
		return optionalValue{}
	}
	v := reflect.ValueOf(w.top)
	for name := range strings.SplitSeq(parts[2], ".") {
		if v.Kind() != reflect.Struct {
			return optionalValue{}
		}
		f, ok := findField(fieldsOf(v.Type()), name)
		if !ok {
			return optionalValue{}
		}
		v = v.FieldByIndex(f.index)
	}
	return optionalValue{v}
}

type optionalValue struct{ value reflect.Value }

// IsZero holds for a value that is missing or zero.
func (o optionalValue) IsZero() bool { return !o.value.IsValid() || o.value.IsZero() }

// value writes one field or item; lead is "name:" or "-".
func (w *writer) value(v reflect.Value, f field, path, lead string, depth int) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch shapeOf(v.Type()) {
	case structShape:
		w.line(depth, lead, "")
		before := len(w.lines)
		w.structure(v, path, depth+1)
		if len(w.lines) == before {
			w.lines[before-1] += " {}" // nothing would be read as not given
		}
	case listShape:
		if v.Len() == 0 {
			w.line(depth, lead+" []", path)
			return
		}
		w.line(depth, lead, "")
		for i := range v.Len() {
			at, first := fmt.Sprintf("%s[%d]", path, i), len(w.lines)
			if shapeOf(v.Type().Elem()) != structShape {
				w.value(v.Index(i), field{name: f.name, typ: v.Type().Elem(), tag: itemTag(f)}, at, "-", depth+1)
				continue
			}
			w.structure(v.Index(i), at, depth+2)
			w.lines[first] = strings.Repeat("  ", depth+1) + "- " + strings.TrimLeft(w.lines[first], " ")
		}
	case mapShape:
		if v.Len() == 0 {
			w.line(depth, lead+" {}", path)
			return
		}
		w.line(depth, lead, "")
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			inner := field{name: key.String(), typ: v.Type().Elem(), tag: itemTag(f)}
			w.value(v.MapIndex(key), inner, joinPath(path, key.String()), quote(key.String())+":", depth+1)
		}
	case commandShape:
		words := make([]string, v.Len())
		for i := range words {
			words[i] = quote(escape(v.Index(i).String()))
		}
		w.line(depth, lead+" ["+strings.Join(words, ", ")+"]", path)
	default:
		w.line(depth, lead+" "+w.scalar(v, f), path)
	}
}

func (w *writer) scalar(v reflect.Value, f field) string {
	if f.isSecret() {
		if !w.options.Reveal {
			return masked
		}
		text := v.String()
		if _, rest := cutScheme(text); strings.HasPrefix(rest, filePrefix) || strings.HasPrefix(text, literalPrefix) {
			text = literalPrefix + text
		}
		return quote(escape(text))
	}
	if marshaler, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := marshaler.MarshalText(); err == nil {
			return quote(string(text))
		}
	}
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	default:
		return quote(escape(v.String()))
	}
}

// escape keeps dollar signs from being taken for variables.
func escape(text string) string { return strings.ReplaceAll(text, "$", "$$") }

// quote writes text so that YAML reads it back as text: bare where it is a plain word, else in double quotes.
func quote(text string) string {
	if isPlainWord(text) {
		return text
	}
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case r < ' ' || (r >= 0x7f && r <= 0xa0) || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

var (
	plainWord     = regexp.MustCompile(`^(\.?/|[a-zA-Z])[a-zA-Z0-9/._-]*$`)
	plainQuantity = regexp.MustCompile(`^([0-9]+(ns|us|ms|s|m|h|d))+$|^[0-9]+[KMGT]iB$`)
)

// isPlainWord is deliberately narrow: words, paths and quantities with units, and none of the words that some YAML
// reader takes for something else.
func isPlainWord(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf":
		return false
	}
	return plainWord.MatchString(text) || plainQuantity.MatchString(text)
}
