package edit

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"headroom.dev/headroom"
)

func routesOf(routes ...headroom.Route) *Routes {
	return NewRoutes(headroom.LoadBalancing{Routes: routes})
}

func TestTheLongestPathThatFitsWins(t *testing.T) {
	routes := routesOf(
		headroom.Route{Path: "/api"}, headroom.Route{Path: "/api/"}, headroom.Route{Path: "/api/users"}, headroom.Route{Path: "/api/users", Exact: true, Rewrite: "/exact"},
		headroom.Route{Path: "/a/b/c/"}, headroom.Route{Path: "/only", Exact: true}, headroom.Route{Path: "/only/", Exact: true}, headroom.Route{Path: "/%C3%BC"}, headroom.Route{Path: "/a%2fb"},
	)
	for target, want := range map[string]string{
		"/api": "/api", "/api/": "/api/", "/api/x": "/api/", "/api?x=/api/users": "/api", "/apix": "", "/ap": "", "/api/usersx": "/api/",
		"/api/users": "/api/users", "/api/users/": "/api/users", "/api/users/7": "/api/users",
		"/a/b/c": "/a/b/c/", "/a/b/c/": "/a/b/c/", "/a/b/c/d/e": "/a/b/c/", "/a/b/cd": "", "/a/b": "", "/a/b/": "",
		"/only": "/only", "/only/": "/only/", "/only/x": "", "/": "", "": "", "?a": "", "*": "", "/API": "",
		"/ü": "/%C3%BC", "/%c3%bc/x": "/%C3%BC", "/a%2Fb": "/a%2fb", "/a%2fb/": "/a%2fb",
		// Other spellings of the same paths.
		"//api//x": "/api/", "/./api": "/api", "/x/../api/y": "/api/", "/%61pi/y": "/api/", "/x/%2e%2E/api/y": "/api/", "/api/users/..": "/api/",
		"/api/users/.": "/api/users", "/../../api": "/api", `/x\..\api\y`: "/api/", "/api/../secret": "", "/api/..": "",
	} {
		if got := routes.Find([]byte(target)).Path; got != want {
			t.Errorf("%q fits %q, want %q", target, got, want)
		}
	}
	if got := routes.Find([]byte("/api/users")); !got.Rewrites() {
		t.Error("the exact route does not come first")
	}
	if got := routes.Find([]byte("/api/users/7")); got.Rewrites() {
		t.Error("the exact route fits what is below it")
	}
}

func TestARouteForEverythingFitsEverything(t *testing.T) {
	routes := routesOf(headroom.Route{Path: "/"}, headroom.Route{Path: "/", Exact: true, Rewrite: "/home"})
	for target, want := range map[string]string{"/": "/home", "": "/home", "?q": "/home?q", "/x": "/x", "/x/": "/x/"} {
		if got := string(routes.Find([]byte(target)).AppendTarget(nil, []byte(target))); got != want {
			t.Errorf("%q becomes %q, want %q", target, got, want)
		}
	}
	if got := routes.Find([]byte("*")).Path; got != "" {
		t.Errorf("OPTIONS * is for the server, not for route %q", got)
	}
}

func TestARouteHasTheSettingsOfItsServiceWhereItHasNone(t *testing.T) {
	minutes := func(n int) headroom.Duration { return headroom.Duration(time.Duration(n) * time.Minute) }
	routes := NewRoutes(headroom.LoadBalancing{
		Timeouts:       headroom.Timeouts{Response: minutes(1), Request: minutes(2)},
		Limits:         headroom.Limits{Body: 100},
		RequestHeaders: headroom.HeaderEdits{Remove: []string{"Cookie"}},
		Routes: []headroom.Route{
			{Path: "/slow", Timeouts: headroom.RouteTimeouts{Response: minutes(5)}},
			{Path: "/large", Timeouts: headroom.RouteTimeouts{Request: minutes(10)}, MaxBody: 1000, RequestHeaders: headroom.HeaderEdits{Remove: []string{"X-A"}}},
		},
	})
	for target, want := range map[string]struct {
		response, request time.Duration
		body              int64
		removesXA         bool
	}{
		"/": {time.Minute, 2 * time.Minute, 100, false}, "/slow": {5 * time.Minute, 2 * time.Minute, 100, false}, "/large": {time.Minute, 10 * time.Minute, 1000, true},
	} {
		r := routes.Find([]byte(target))
		if r.ResponseTimeout != want.response || r.RequestTimeout != want.request || r.MaxBody != want.body || r.Redirect != 0 {
			t.Errorf("%s has %s, %s, %d bytes, redirect %d", target, r.ResponseTimeout, r.RequestTimeout, r.MaxBody, r.Redirect)
		}
		if !r.Request.Removes([]byte("cookie")) || r.Request.Removes([]byte("x-a")) != want.removesXA || !r.Response.Empty() {
			t.Errorf("%s edits other fields", target)
		}
	}
}

func TestRewritingReplacesThePartThatFitted(t *testing.T) {
	for _, c := range []struct {
		path, rewrite string
		exact         bool
		target, want  string
	}{
		{"/api/", "/v2/", false, "/api/x/y?q=1", "/v2/x/y?q=1"},
		{"/api/", "/v2/", false, "/api", "/v2/"},
		{"/api/", "/v2", false, "/api/x", "/v2/x"},
		{"/api", "/v2", false, "/api/x", "/v2/x"},
		{"/api", "/v2", false, "/api/", "/v2/"},
		{"/api", "/v2", false, "/api?a=b?c", "/v2?a=b?c"},
		{"/api", "/", false, "/api/x", "/x"},
		{"/", "/v2/", false, "/x", "/v2/x"},
		{"/api", "/v2", true, "/api?q", "/v2?q"},
		{"/api/", "/v2/", false, "//api/./a//b/../%63%2f%2e?%2e", "/v2/a/c%2F.?%2e"},
		{"/api/", "/ü/", false, "/api/x", "/%C3%BC/x"},
	} {
		routes := routesOf(headroom.Route{Path: c.path, Rewrite: c.rewrite, Exact: c.exact})
		if got := string(routes.Find([]byte(c.target)).AppendTarget([]byte("GET "), []byte(c.target))); got != "GET "+c.want {
			t.Errorf("%s rewritten to %s: %s becomes %q, want %q", c.path, c.rewrite, c.target, got, c.want)
		}
	}
}

// Signatures are over the bytes that the client sent.
func TestWithoutRewritingTheTargetStaysByteByByte(t *testing.T) {
	routes := routesOf(headroom.Route{Path: "/bucket/"})
	for _, target := range []string{"/bucket//a/%7Eb/./c?x=%7E", "*", "/other//x"} {
		if got := string(routes.Find([]byte(target)).AppendTarget(nil, []byte(target))); got != target {
			t.Errorf("%q becomes %q", target, got)
		}
	}
}

func manyRoutes() *Routes {
	var service headroom.LoadBalancing
	for i := range 10_000 {
		service.Routes = append(service.Routes, headroom.Route{Path: fmt.Sprintf("/tenant-%d/api/v%d/", i/10, i%10), Rewrite: "/v/"})
	}
	return NewRoutes(service)
}

func TestRoutesAreUsedWithoutAllocations(t *testing.T) {
	routes := manyRoutes()
	redirect := routesOf(headroom.Route{Path: "/", Redirect: headroom.Redirect{To: "https://{host}{path}", Status: 308}})
	host, dst := []byte("shop.example:80"), make([]byte, 0, 2048)
	for _, target := range [][]byte{[]byte("/tenant-700/api/v7/orders/12?x=1"), []byte("/tenant-700/%61pi//v7/./orders/12?x=1")} {
		if n := testing.AllocsPerRun(100, func() {
			route := routes.Find(target)
			if !route.Rewrites() {
				t.Fatalf("%s has no route", target)
			}
			dst = route.AppendTarget(dst[:0], target)
			dst = redirect.Find(target).AppendLocation(dst[:0], host, target)
		}); n != 0 {
			t.Errorf("%s: %g allocations", target, n)
		}
	}
}

// A path of thousands of slashes must not cost more than its length.
func BenchmarkFind(b *testing.B) {
	routes := manyRoutes()
	for name, target := range map[string][]byte{
		"of10000":   []byte("/tenant-700/api/v7/orders/12?x=1"),
		"none":      []byte("/images/logo.svg"),
		"odd":       []byte("/tenant-700/%61pi//v7/./orders/12?x=1"),
		"16KBslash": bytes.Repeat([]byte("/a"), 8<<10),
		"16KBdots":  bytes.Repeat([]byte("/a/.."), 16<<10/5),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				routes.Find(target)
			}
		})
	}
}
