package edit

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/h1"
)

// Routes finds the route of a path. They are immutable and safe for concurrent use.
type Routes struct {
	root     *node // nil where there is no route
	fallback *Route
}

// node is a path of whole segments: the root is the empty one, "/a/b" is node b under node a. A path fits at most one child at each slash, so
// finding a route costs the length of the path, however many there are. Of each kind the more specific routes come first.
type node struct {
	children   map[string]*node
	alone      []*Route // exact: "/a"
	aloneSlash []*Route // exact: "/a/"
	shaped     []*Route // by an expression that begins with "/a/" as it is written
	below      []*Route // "/a" and what is below
	belowSlash []*Route // "/a/" and what is below; also fits "/a"
}

// NewRoutes compiles the routes of a service, whose settings are valid.
func NewRoutes(service headroom.LoadBalancing) *Routes {
	routes := &Routes{fallback: newRoute(service, headroom.Route{})}
	for i, settings := range service.Routes {
		if routes.root == nil {
			routes.root = &node{}
		}
		route := newRoute(service, settings)
		route.Number = i + 1
		routes.root.add(route)
	}
	return routes
}

func (n *node) add(route *Route) {
	if route.shape != nil {
		n = n.under(wholeSegments(route.literal))
		insert(&n.shaped, route)
		return
	}
	path, slash := strings.CutSuffix(route.prefix, "/")
	n = n.under(path)
	switch {
	case route.exact && slash:
		insert(&n.aloneSlash, route)
	case route.exact:
		insert(&n.alone, route)
	case slash:
		insert(&n.belowSlash, route)
	default:
		insert(&n.below, route)
	}
}

// under returns the node of a path that does not end with a slash, and makes it where there is none.
func (n *node) under(path string) *node {
	if path == "" {
		return n
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		child := n.children[segment]
		if child == nil {
			child = &node{}
			if n.children == nil {
				n.children = map[string]*node{}
			}
			n.children[segment] = child
		}
		n = child
	}
	return n
}

// insert keeps the more specific first, and what is equally so in the order of the settings.
func insert(list *[]*Route, route *Route) {
	at, _ := slices.BinarySearchFunc(*list, route, func(have, added *Route) int {
		if order := cmp.Or(cmp.Compare(len(added.literal), len(have.literal)), have.conditions.compare(added.conditions)); order > 0 {
			return 1
		}
		return -1
	})
	*list = slices.Insert(*list, at, route)
}

// wholeSegments is the path of the whole segments that all fitting paths begin with: "/users" of /users/[0-9]+ and of /users/a[bc].
func wholeSegments(literal string) string {
	return literal[:max(0, strings.LastIndexByte(literal, '/'))]
}

// Find returns the route of a request by its target (path and query, "*", or empty) and, where routes have conditions, its head: of those that
// fit the most specific. Where none fits it is one with the settings of the service, so it is never nil. The room is for the normal form of an odd
// path, and grows where it must.
func (r *Routes) Find(target []byte, head *h1.Request, room *[]byte) *Route {
	if r.root == nil {
		return r.fallback
	}
	return cmp.Or(r.root.search(NormalPath(target, room), head), r.fallback)
}

func (n *node) search(path []byte, head *h1.Request) *Route {
	if path[0] != '/' {
		return nil // OPTIONS *
	}
	return n.find(path, path, head)
}

// find looks below n first, since there the longer paths are. rest is what of the path is left behind the segments of n: it begins with a slash.
func (n *node) find(path, rest []byte, head *h1.Request) *Route {
	rest = rest[1:]
	if len(rest) == 0 {
		return n.ending(path, head, n.aloneSlash, n.belowSlash, n.below)
	}
	end := bytes.IndexByte(rest, '/')
	if end < 0 {
		if child := n.children[string(rest)]; child != nil {
			if found := child.ending(path, head, child.alone, child.below, child.belowSlash); found != nil {
				return found
			}
		}
	} else if child := n.children[string(rest[:end])]; child != nil {
		if found := child.find(path, rest[end:], head); found != nil {
			return found
		}
	}
	return n.ending(path, head, nil, n.belowSlash, n.below)
}

// ending looks among the routes of one node: for its path alone, by expressions, and then below it in two spellings.
func (n *node) ending(path []byte, head *h1.Request, alone, spelled, other []*Route) *Route {
	if found := first(alone, head); found != nil {
		return found
	}
	if found := fitting(n.shaped, path, head); found != nil {
		return found
	}
	if found := first(spelled, head); found != nil {
		return found
	}
	return first(other, head)
}

// first returns the first route whose conditions are met.
func first(routes []*Route, head *h1.Request) *Route {
	for _, route := range routes {
		if route.conditions.met(head) {
			return route
		}
	}
	return nil
}

// fitting is first among those whose expression fits the path.
func fitting(routes []*Route, path []byte, head *h1.Request) *Route {
	for _, route := range routes {
		if route.conditions.met(head) && route.shape.Match(path) {
			return route
		}
	}
	return nil
}
