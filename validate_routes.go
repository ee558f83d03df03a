package headroom

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// validateRoutes says what is wrong with the routes of a service: each by itself, two that fit the same requests, and a redirect to where it came
// from.
func validateRoutes(path string, routes []Route) []error {
	found := &findings{}
	for i, route := range routes {
		at := fmt.Sprintf("%s[%d]", path, i)
		found.add(route.Validate(at)...)
		if other := slices.IndexFunc(routes[:i], route.rivals); other >= 0 {
			found.add(&InvalidError{Field: at + "." + route.pathField(), Value: strconv.Quote(route.Path + route.Regexp),
				Expected: route.rivalry(routes[other], fmt.Sprintf("%s[%d]", path, other))})
			continue
		}
		if goesRound(routes, i) {
			found.add(&InvalidError{Field: at + ".redirect.to", Value: strconv.Quote(route.Redirect.To),
				Expected: fmt.Sprintf("lies within %s itself, so that clients would be sent round in a circle: set exact, or redirect to another path", route.Path)})
		}
	}
	return found.errors
}

// goesRound tells whether a redirect leads to a path that the same route answers, as /docs to /docs/ does.
func goesRound(routes []Route, i int) bool {
	to := routes[i].Redirect.To
	if to == "" || strings.Contains(to, "{") || routes[i].Regexp != "" || !routes[i].fits(to) {
		return false
	}
	return !slices.ContainsFunc(routes, func(other Route) bool {
		longer := len(other.Path) > len(routes[i].Path) || other.Exact && !routes[i].Exact
		return longer && other.fits(to)
	})
}

func (r Route) fits(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	if r.Exact {
		return path == r.Path
	}
	within := strings.TrimSuffix(r.Path, "/")
	return path == within || strings.HasPrefix(path, within+"/")
}

// Validate says what is wrong with one route.
func (r Route) Validate(path string) []error {
	found := &findings{}
	found.add(r.validatePath(path)...)
	found.add(r.validateConditions(path)...)
	if r.Service != "" && r.Redirect.To != "" {
		found.add(&InvalidError{Field: path + ".service", Value: strconv.Quote(r.Service),
			Expected: "the route redirects, so that no service gets its requests: remove service or redirect"})
	}
	if r.Rewrite != "" {
		if wrong := checkPath(r.Rewrite); wrong != "" {
			found.add(&InvalidError{Field: path + ".rewrite", Value: strconv.Quote(r.Rewrite), Expected: wrong + `, such as "/v2/"`})
		}
		if r.Redirect.To != "" {
			found.add(&InvalidError{Field: path + ".rewrite", Value: strconv.Quote(r.Rewrite),
				Expected: "the route redirects, so that no backend gets its requests: remove rewrite or redirect"})
		}
	}
	found.add(r.Redirect.Validate(path + ".redirect")...)
	found.add(r.RequestHeaders.Validate(path+".requestHeaders", true)...)
	found.add(r.ResponseHeaders.Validate(path+".responseHeaders", false)...)
	found.add(checkTags(path, r)...)
	return found.errors
}

// validatePath holds a route to either a path or an expression for whole ones.
func (r Route) validatePath(path string) []error {
	if r.Regexp == "" {
		if wrong := checkPath(r.Path); wrong != "" {
			return []error{&InvalidError{Field: path + ".path", Value: quoteUnlessEmpty(r.Path), Expected: wrong + `, such as "/api/"`}}
		}
		return nil
	}
	switch {
	case r.Path != "":
		return []error{&InvalidError{Field: path + ".regexp", Value: strconv.Quote(r.Regexp), Expected: "is given beside path: keep one of them"}}
	case r.Exact:
		return []error{&InvalidError{Field: path + ".exact", Value: "true", Expected: "is for path; a regexp always is for whole paths: remove it"}}
	}
	if wrong := checkExpression(r.Regexp); wrong != "" {
		return []error{&InvalidError{Field: path + ".regexp", Value: strconv.Quote(r.Regexp), Expected: wrong + `, such as "/users/[0-9]+/orders"`}}
	}
	return nil
}

// checkPath says in words what is wrong with a path, or "" where nothing is. It must be in the form that paths of requests are compared in.
func checkPath(path string) string {
	switch {
	case !strings.HasPrefix(path, "/"):
		return "must begin with a slash"
	case strings.ContainsAny(path, "?#"):
		return "must be a path alone, without query and fragment"
	case strings.Contains(path, "//") || strings.Contains(path, `\`):
		return "must have single slashes between its parts"
	}
	for i := range len(path) {
		if path[i] <= ' ' || path[i] == 0x7f {
			return "must hold no spaces and control characters"
		}
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		return "must have two hexadecimal digits after each %"
	}
	for part := range strings.SplitSeq(plain, "/") {
		if part == "." || part == ".." {
			return `must have no "." and ".." as parts`
		}
	}
	return ""
}

// Validate says what is wrong with a redirect.
func (r Redirect) Validate(path string) []error {
	found := &findings{}
	if !slices.Contains([]int{301, 302, 303, 307, 308}, r.Status) {
		found.add(&InvalidError{Field: path + ".status", Value: strconv.Itoa(r.Status), Expected: "must be one of 301, 302, 303, 307, 308"})
	}
	if r.To == "" {
		return found.errors
	}
	if wrong := checkRedirect(r.To); wrong != "" {
		found.add(&InvalidError{Field: path + ".to", Value: strconv.Quote(r.To), Expected: wrong + `, such as "/new/" or "https://{host}{path}"`})
	}
	return found.errors
}

// checkRedirect holds a redirect to a path or a URL whose authority no client can write to: {path} begins with a slash, so it may end the
// authority, but {query} may not come before that.
func checkRedirect(to string) string {
	for i := range len(to) {
		if to[i] <= ' ' || to[i] >= 0x7f || strings.IndexByte("\"<>\\^`|", to[i]) >= 0 {
			return "must hold no spaces and no characters that URLs have as escapes only"
		}
	}
	plain := strings.NewReplacer("{host}", "h", "{path}", "/", "{query}", "q").Replace(to)
	if strings.ContainsAny(plain, "{}") {
		return "must have no other braces than {host}, {path} and {query}"
	}
	if strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") {
		return ""
	}
	rest, isHTTP := strings.CutPrefix(plain, "http://")
	if !isHTTP {
		if rest, isHTTP = strings.CutPrefix(plain, "https://"); !isHTTP {
			return "must be a path that begins with one slash, or an http or https URL"
		}
	}
	parsed, err := url.Parse(plain)
	if err != nil || parsed.Host == "" || parsed.User != nil {
		return "must be a URL with a host and without a user"
	}
	authority, _, _ := strings.Cut(to[len(plain)-len(rest):], "/")
	if before, _, ok := strings.Cut(authority, "{path}"); ok {
		authority = before
	}
	if strings.Contains(authority, "{query}") || strings.Contains(authority, "?") {
		return "must have a slash or {path} after the host"
	}
	return ""
}
