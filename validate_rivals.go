package headroom

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// rivals reports whether some request certainly fits both routes although neither is more specific. Of two expressions nobody can tell that cheaply:
// there the first route that is written wins.
func (r Route) rivals(other Route) bool {
	if r.Path != other.Path || r.Exact != other.Exact || r.Regexp != other.Regexp || r.rank() != other.rank() {
		return false
	}
	return !apart(r.Hosts, other.Hosts, true) && !apart(r.Methods, other.Methods, false) &&
		!differ(r.Headers, other.Headers, true) && !differ(r.Query, other.Query, false)
}

// rivalry says so in words.
func (r Route) rivalry(other Route, at string) string {
	if r.rank() == (Route{}).rank() {
		return fmt.Sprintf("is also the path of %s: give one route for it", at)
	}
	return fmt.Sprintf("and %s, for %s, fit the same requests and neither is more specific: give one of them another host, method, header or parameter", at,
		other.Path+other.Regexp)
}

func (r Route) pathField() string {
	if r.Regexp != "" {
		return "regexp"
	}
	return "path"
}

// rank is how specific the conditions of a route are, apart from its path; see edit's order.
func (r Route) rank() [4]int {
	host := 0
	for _, name := range r.Hosts {
		this := 256
		if strings.HasPrefix(name, "*") {
			this = len(name) - 1
		}
		if host == 0 || this < host {
			host = this
		}
	}
	return [4]int{host, min(1, len(r.Methods)), len(r.Headers), len(r.Query)}
}

// apart reports whether two lists, both given, have no element in common.
func apart(a, b []string, fold bool) bool {
	return len(a) > 0 && len(b) > 0 && !slices.ContainsFunc(a, func(one string) bool {
		return slices.ContainsFunc(b, func(other string) bool { return one == other || fold && strings.EqualFold(one, other) })
	})
}

// differ reports whether some name has values in both that no request can have at once, or whether that cannot be told.
func differ(a, b map[string]string, fold bool) bool {
	for name, mine := range a {
		for other, theirs := range b {
			if name == other || fold && strings.EqualFold(name, other) {
				if exclusive(mine, theirs) {
					return true
				}
			}
		}
	}
	return false
}

func exclusive(a, b string) bool {
	shapeA, isA := strings.CutPrefix(a, "~")
	shapeB, isB := strings.CutPrefix(b, "~")
	switch {
	case a == b || a == "*" || b == "*":
		return false
	case isA && isB:
		return true // cannot be told
	case isA:
		return !fitsWhole(shapeA, b)
	case isB:
		return !fitsWhole(shapeB, a)
	}
	return true
}

func fitsWhole(expression, text string) bool {
	shape, err := regexp.Compile("^(?:" + expression + ")$")
	return err == nil && shape.MatchString(text)
}
