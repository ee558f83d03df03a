package edit

import (
	"time"

	"headroom.dev/headroom"
)

// Routes finds the route of a path. They are immutable and safe for concurrent use.
type Routes struct{ fallback *Route }

// NewRoutes compiles the routes of a service; the settings are valid.
func NewRoutes(service headroom.LoadBalancing) *Routes { return &Routes{fallback: &Route{}} }

// Find returns the route of a request's target (path and query, "*", or empty): of those that fit the one with the longest path, an exact
// one before others. Where none fits it is one with the settings of the service, so it is never nil.
func (r *Routes) Find(target []byte) *Route { return r.fallback }

// Route is how the requests of some paths are treated: the settings of the service with the route's own over them.
type Route struct {
	Path            string        // as it was written; empty for the service's own
	Request         *Fields       // what changes on the way to the backend
	Response        *Fields       // what changes on the way to the client
	ResponseTimeout time.Duration // end of the request to head of the response
	RequestTimeout  time.Duration // the whole request; 0 is no limit
	MaxBody         int64         // bytes of a request's body; 0 is no limit
	Redirect        int           // status of the redirect that answers, 301 to 308; 0 asks a backend
}

// Rewrites reports whether AppendTarget makes another target than the client's.
func (r *Route) Rewrites() bool { return false }

// AppendTarget appends the target that the backend gets.
func (r *Route) AppendTarget(dst, target []byte) []byte { return append(dst, target...) }

// AppendLocation appends where the client is redirected to: a path, or an http(s) URL of an authority that the user wrote or the client
// itself asked for. host is the authority of the request, which must not be empty.
func (r *Route) AppendLocation(dst, host, target []byte) []byte { return dst }
