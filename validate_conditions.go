package headroom

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// validateConditions says what is wrong with what a route asks of requests beside their path.
func (r Route) validateConditions(path string) []error {
	found := &findings{}
	found.add(validateHosts(path+".hosts", r.Hosts)...)
	for i, method := range r.Methods {
		if !isToken(method) {
			found.add(&InvalidError{Field: fmt.Sprintf("%s.methods[%d]", path, i), Value: strconv.Quote(method), Expected: `must be a method, such as "GET"`})
		} else if upper := strings.ToUpper(method); upper != method {
			found.add(&InvalidError{Field: fmt.Sprintf("%s.methods[%d]", path, i), Value: strconv.Quote(method),
				Expected: fmt.Sprintf("methods differ by case: did you mean %q?", upper)})
		}
	}
	found.add(validateValues(path+".headers", "header field", r.Headers)...)
	found.add(validateValues(path+".query", "parameter", r.Query)...)
	return found.errors
}

// validateValues says what is wrong with conditions on named values of a kind: header field, cookie or parameter.
func validateValues(path, kind string, values map[string]string) []error {
	found := &findings{}
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		at := path + "." + name
		if name == "" || kind != "parameter" && !isToken(name) {
			found.add(&InvalidError{Field: at, Value: strconv.Quote(name), Expected: "must be the name of a " + kind})
			continue
		}
		if kind == "header field" {
			if other, twice := seen[strings.ToLower(name)]; twice {
				found.add(&InvalidError{Field: at, Value: strconv.Quote(name), Expected: "is the same header field as " + strconv.Quote(other) + ": keep one"})
			}
			seen[strings.ToLower(name)] = name
		}
		if expression, ok := strings.CutPrefix(values[name], "~"); ok {
			if wrong := checkExpression(expression); wrong != "" {
				found.add(&InvalidError{Field: at, Value: strconv.Quote(values[name]), Expected: wrong + `, such as "~.*Firefox.*"`})
			}
		}
	}
	return found.errors
}

// checkExpression says in words what is wrong with a regular expression, or "".
func checkExpression(expression string) string {
	const longest = 1000 // beyond, nobody can tell what it fits, and it costs each request
	if len(expression) > longest {
		return fmt.Sprintf("must have at most %d characters", longest)
	}
	if _, err := regexp.Compile(expression); err != nil {
		return "must be a regular expression as RE2 has them (" + strings.TrimPrefix(err.Error(), "error parsing regexp: ") + ")"
	}
	return ""
}
