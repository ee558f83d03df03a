package edit

import (
	"bytes"
	"cmp"
	"strings"

	"headroom.dev/headroom"
)

// Routes finds the route of a path. They are immutable and safe for concurrent use.
type Routes struct {
	root     *node // nil where there is no route
	fallback *Route
}

// node is a path of whole segments: the root is the empty one, "/a/b" is node b under node a. A path fits at most one child at each slash, so
// finding a route costs the length of the path, however many there are.
type node struct {
	children   map[string]*node
	alone      *Route // exact: "/a"
	aloneSlash *Route // exact: "/a/"
	below      *Route // "/a" and what is below
	belowSlash *Route // "/a/" and what is below; also fits "/a"
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
	path, slash := strings.CutSuffix(route.prefix, "/")
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if path == "" {
			break
		}
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
	at := &n.below
	switch {
	case route.exact && slash:
		at = &n.aloneSlash
	case route.exact:
		at = &n.alone
	case slash:
		at = &n.belowSlash
	}
	*at = cmp.Or(*at, route) // of two spellings of one path the first
}

// Find returns the route of a request's target (path and query, "*", or empty): of those that fit the one with the longest path, an exact
// one before others. Where none fits it is one with the settings of the service, so it is never nil.
func (r *Routes) Find(target []byte) *Route {
	if r.root == nil {
		return r.fallback
	}
	path, _ := splitTarget(target)
	if isNormal(path) {
		return cmp.Or(r.root.find(path), r.fallback)
	}
	return cmp.Or(r.findOdd(path), r.fallback)
}

// findOdd brings a path into its normal form first. Most fit into the room on the stack.
func (r *Routes) findOdd(path []byte) *Route {
	var room [512]byte
	return r.root.find(appendNormal(room[:0], path))
}

func (n *node) find(path []byte) *Route {
	if path[0] != '/' {
		return nil // OPTIONS *
	}
	var best *Route
	for {
		path = path[1:]
		best = cmp.Or(n.belowSlash, n.below, best)
		if len(path) == 0 {
			return cmp.Or(n.aloneSlash, best)
		}
		end := bytes.IndexByte(path, '/')
		if end < 0 {
			child := n.children[string(path)]
			if child == nil {
				return best
			}
			return cmp.Or(child.alone, child.below, child.belowSlash, best)
		}
		n = n.children[string(path[:end])]
		if n == nil {
			return best
		}
		path = path[end:]
	}
}
