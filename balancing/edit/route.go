package edit

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"headroom.dev/headroom"
)

// Route is how the requests of some paths are treated: the settings of the service with the route's own over them.
type Route struct {
	Path            string        // as it was written, or the expression in place of it; empty for the service's own
	Request         *Fields       // what changes on the way to the backend
	Response        *Fields       // what changes on the way to the client
	ResponseTimeout time.Duration // end of the request to head of the response
	RequestTimeout  time.Duration // the whole request; 0 is no limit
	MaxBody         int64         // bytes of a request's body; 0 is no limit
	Number          int           // of the route in the service's list, from 1; 0 is the service's own
	Redirect        int           // status of the redirect that answers, 301 to 308; 0 asks a backend

	conditions *conditions // nil: the path alone decides
	prefix     string      // normal form of the path
	exact      bool
	shape      *regexp.Regexp // in place of the path; nil for none
	literal    string         // that whatever fits shape begins with
	rewrite    string         // normal form, and of a shape with the names of its groups; empty for none
	location   location
}

// newRoute lays a route over the settings of its service.
func newRoute(service headroom.LoadBalancing, settings headroom.Route) *Route {
	route := &Route{
		Path:            settings.Path,
		Request:         NewFields(service.RequestHeaders, settings.RequestHeaders),
		Response:        NewFields(service.ResponseHeaders, settings.ResponseHeaders),
		ResponseTimeout: time.Duration(cmp.Or(settings.Timeouts.Response, service.Timeouts.Response)),
		RequestTimeout:  time.Duration(cmp.Or(settings.Timeouts.Request, service.Timeouts.Request)),
		MaxBody:         int64(cmp.Or(settings.MaxBody, service.Limits.Body)),
		prefix:          string(appendNormal(nil, []byte(settings.Path))),
		conditions:      newConditions(settings),
		exact:           settings.Exact,
		rewrite:         string(appendNormal(nil, []byte(settings.Rewrite))),
	}
	if settings.Regexp != "" {
		route.Path, route.prefix = settings.Regexp, ""
		route.shape = whole(settings.Regexp)
		route.rewrite = settings.Rewrite
		route.literal = literalPrefix(settings.Regexp)
	}
	if settings.Redirect.To != "" {
		route.Redirect = settings.Redirect.Status
		route.location = newLocation(settings.Redirect.To)
	}
	return route
}

// literalPrefix is what all paths begin with that fit an expression. Only of an expression without an anchor can
// package regexp tell always.
func literalPrefix(expression string) string {
	prefix, _ := regexp.MustCompile(strings.TrimPrefix(expression, "^")).LiteralPrefix()
	return prefix
}

// Rewrites reports whether AppendTarget makes another target than the client's.
func (r *Route) Rewrites() bool { return r.rewrite != "" }

// AppendTarget appends the target that the backend gets. With a rewrite that is its text and, in normal form, what followed the part of the
// path that fitted; between the two is exactly one slash. Where an expression fitted, the rewrite is all, with $1 or ${name} replaced by what
// its groups fitted, which allocates. The query stays as it is.
func (r *Route) AppendTarget(dst, target []byte) []byte {
	if !r.Rewrites() {
		return append(dst, target...)
	}
	path, query := splitTarget(target)
	if r.shape != nil {
		return append(r.expand(dst, path), query...)
	}
	var room [512]byte
	rest := r.rest(appendNormal(room[:0], path))
	dst = append(dst, r.rewrite...)
	dst = appendRest(dst, rest)
	return append(dst, query...)
}

// expand appends the rewrite with what the groups of the expression fitted.
func (r *Route) expand(dst, path []byte) []byte {
	path = appendNormal(nil, path)
	return r.shape.Expand(dst, []byte(r.rewrite), path, r.shape.FindSubmatchIndex(path))
}

// rest is what follows the part of a path in normal form that fitted.
func (r *Route) rest(path []byte) []byte {
	if r.exact || r.shape != nil || len(path) <= len(r.prefix) {
		return nil
	}
	return path[len(r.prefix):]
}

// appendRest joins the rest of a path with exactly one slash.
func appendRest(dst, rest []byte) []byte {
	if len(rest) == 0 {
		return dst
	}
	ends, begins := dst[len(dst)-1] == '/', rest[0] == '/'
	switch {
	case ends && begins:
		rest = rest[1:]
	case !ends && !begins:
		dst = append(dst, '/')
	}
	return append(dst, rest...)
}

// AppendLocation appends where the client is redirected to: a path, or an http(s) URL of an authority that the user wrote or the client
// itself asked for. host is the authority of the request.
func (r *Route) AppendLocation(dst, host, target []byte) []byte {
	path, query := splitTarget(target)
	var room [512]byte
	path = appendNormal(room[:0], path)
	return r.location.append(dst, request{host: host, path: path, rest: r.rest(path), query: query})
}
