package edit

import (
	"bytes"
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"headroom.dev/headroom/balancing/h1"
)

// Values are what header fields, parameters or cookies must have, by their names. They are immutable.
type Values []value

// value is what a field or a parameter must have: one text, something that fits an expression, or anything.
type value struct {
	name  string
	text  string
	any   bool
	shape *regexp.Regexp // nil: text
}

// NewValues compiles valid conditions: a text, "*" for any, or "~" with an expression that must fit the whole.
func NewValues(settings map[string]string) Values {
	var values Values
	for name, text := range settings {
		made := value{name: name, text: text, any: text == "*"}
		if shape, ok := strings.CutPrefix(text, "~"); ok {
			made.shape = whole(shape)
		}
		values = append(values, made)
	}
	slices.SortFunc(values, func(a, b value) int { return cmp.Compare(a.name, b.name) })
	return values
}

// whole compiles an expression, which is valid, so that it fits whole texts only.
func whole(expression string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + expression + `)$`) }

// Met reports whether all values are there and fit; find returns the one of a name.
func (v Values) Met(find func(name string) ([]byte, bool)) bool {
	for i := range v {
		got, found := find(v[i].name)
		if !found || !v[i].fits(got) {
			return false
		}
	}
	return true
}

// metEscaped is Met for parameters of a query.
func (v Values) metEscaped(r *h1.Request) bool {
	for i := range v {
		got, found := r.Query(v[i].name)
		if !found || !v[i].fitsEscaped(got) {
			return false
		}
	}
	return true
}

func (v *value) fits(got []byte) bool {
	switch {
	case v.any:
		return true
	case v.shape != nil:
		return v.shape.Match(got)
	}
	return string(got) == v.text
}

// fitsEscaped is fits for a value of a query.
func (v *value) fitsEscaped(got []byte) bool {
	if v.any || !bytes.ContainsAny(got, "%+") {
		return v.fits(got)
	}
	plain, err := url.QueryUnescape(string(got))
	return err == nil && v.fits([]byte(plain))
}
