package edit

import (
	"cmp"
	"slices"
	"strings"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/h1"
)

// conditions are what a request must meet beside its path. They are immutable.
type conditions struct {
	hosts   []string // lower case
	below   []string // ".example.com", of wildcards
	methods []string
	headers Values
	query   Values
}

// newConditions returns nil where a route is for all requests of its path. The settings are valid.
func newConditions(settings headroom.Route) *conditions {
	c := &conditions{methods: settings.Methods, headers: NewValues(settings.Headers), query: NewValues(settings.Query)}
	for _, host := range settings.Hosts {
		host = strings.ToLower(host)
		if rest, wildcard := strings.CutPrefix(host, "*"); wildcard {
			c.below = append(c.below, rest)
			continue
		}
		c.hosts = append(c.hosts, host)
	}
	if len(c.hosts)+len(c.below)+len(c.methods)+len(c.headers)+len(c.query) == 0 {
		return nil
	}
	return c
}

// met reports whether a request meets all conditions. Nil ones always are.
func (c *conditions) met(r *h1.Request) bool {
	if c == nil {
		return true
	}
	if len(c.hosts)+len(c.below) > 0 && !c.hasHost(r) {
		return false
	}
	if len(c.methods) > 0 && !c.hasMethod(r.MethodName()) {
		return false
	}
	return c.headers.Met(r.Field) && c.query.metEscaped(r)
}

func (c *conditions) hasMethod(method []byte) bool {
	for _, name := range c.methods {
		if string(method) == name {
			return true
		}
	}
	return false
}

func (c *conditions) hasHost(r *h1.Request) bool {
	var room [256]byte
	host := h1.HostName(r.Host(), &room)
	for _, name := range c.hosts {
		if string(host) == name {
			return true
		}
	}
	for _, rest := range c.below {
		if len(host) > len(rest) && string(host[len(host)-len(rest):]) == rest {
			return true
		}
	}
	return false
}

// compare orders conditions of routes for one path, the more specific first: by host, a name before a wildcard and a longer one before a shorter;
// with a method; by the number of header fields; by that of parameters. It is the order of Kubernetes' Gateway API (HTTPRouteRule).
func (c *conditions) compare(other *conditions) int {
	if c == nil || other == nil {
		return cmp.Compare(boolean(other != nil), boolean(c != nil))
	}
	return cmp.Or(
		cmp.Compare(other.hostRank(), c.hostRank()),
		cmp.Compare(boolean(len(other.methods) > 0), boolean(len(c.methods) > 0)),
		cmp.Compare(len(other.headers), len(c.headers)),
		cmp.Compare(len(other.query), len(c.query)),
	)
}

// hostRank is by how much of a host a route is found at least; names are longer than any wildcard.
func (c *conditions) hostRank() int {
	if len(c.below) == 0 {
		return boolean(len(c.hosts) > 0) * 256
	}
	return len(slices.MinFunc(c.below, func(a, b string) int { return cmp.Compare(len(a), len(b)) }))
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}
