package edit

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/h1"
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
		if got := routes.Find([]byte(target), nil, new([]byte)).Path; got != want {
			t.Errorf("%q fits %q, want %q", target, got, want)
		}
	}
	if got := routes.Find([]byte("/api/users"), nil, new([]byte)); !got.Rewrites() {
		t.Error("the exact route does not come first")
	}
	if got := routes.Find([]byte("/api/users/7"), nil, new([]byte)); got.Rewrites() {
		t.Error("the exact route fits what is below it")
	}
}

func TestARouteForEverythingFitsEverything(t *testing.T) {
	routes := routesOf(headroom.Route{Path: "/"}, headroom.Route{Path: "/", Exact: true, Rewrite: "/home"})
	for target, want := range map[string]string{"/": "/home", "": "/home", "?q": "/home?q", "/x": "/x", "/x/": "/x/"} {
		if got := string(routes.Find([]byte(target), nil, new([]byte)).AppendTarget(nil, []byte(target))); got != want {
			t.Errorf("%q becomes %q, want %q", target, got, want)
		}
	}
	if got := routes.Find([]byte("*"), nil, new([]byte)).Path; got != "" {
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
		r := routes.Find([]byte(target), nil, new([]byte))
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
		if got := string(routes.Find([]byte(c.target), nil, new([]byte)).AppendTarget([]byte("GET "), []byte(c.target))); got != "GET "+c.want {
			t.Errorf("%s rewritten to %s: %s becomes %q, want %q", c.path, c.rewrite, c.target, got, c.want)
		}
	}
}

// Signatures are over the bytes that the client sent.
func TestWithoutRewritingTheTargetStaysByteByByte(t *testing.T) {
	routes := routesOf(headroom.Route{Path: "/bucket/"})
	for _, target := range []string{"/bucket//a/%7Eb/./c?x=%7E", "*", "/other//x"} {
		if got := string(routes.Find([]byte(target), nil, new([]byte)).AppendTarget(nil, []byte(target))); got != target {
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
	room := make([]byte, 0, 100)
	routes := manyRoutes()
	redirect := routesOf(headroom.Route{Path: "/", Redirect: headroom.Redirect{To: "https://{host}{path}", Status: 308}})
	host, dst := []byte("shop.example:80"), make([]byte, 0, 2048)
	for _, target := range [][]byte{[]byte("/tenant-700/api/v7/orders/12?x=1"), []byte("/tenant-700/%61pi//v7/./orders/12?x=1")} {
		if n := testing.AllocsPerRun(100, func() {
			route := routes.Find(target, nil, &room)
			if !route.Rewrites() {
				t.Fatalf("%s has no route", target)
			}
			dst = route.AppendTarget(dst[:0], target)
			dst = redirect.Find(target, nil, &room).AppendLocation(dst[:0], host, target)
		}); n != 0 {
			t.Errorf("%s: %g allocations", target, n)
		}
	}
}

// A path of thousands of slashes must not cost more than its length.
func BenchmarkFind(b *testing.B) {
	var room []byte
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
				routes.Find(target, nil, &room)
			}
		})
	}
}

func TestTheMostSpecificRouteWhoseConditionsAreMetWins(t *testing.T) {
	routes := routesOf(
		headroom.Route{Path: "/", Rewrite: "/0"},
		headroom.Route{Path: "/api/", Rewrite: "/1"},
		headroom.Route{Path: "/api/", Methods: []string{"POST", "PUT"}, Rewrite: "/2"},
		headroom.Route{Path: "/api/", Headers: map[string]string{"x-beta": "1"}, Rewrite: "/3"},
		headroom.Route{Path: "/api/", Headers: map[string]string{"X-Beta": "1", "User-Agent": "~.*Firefox.*"}, Rewrite: "/4"},
		headroom.Route{Path: "/api/", Query: map[string]string{"v": "a b"}, Rewrite: "/5"},
		headroom.Route{Path: "/api/", Hosts: []string{"*.example.com"}, Rewrite: "/6"},
		headroom.Route{Path: "/api/", Hosts: []string{"*.eu.example.com"}, Rewrite: "/7"},
		headroom.Route{Path: "/api/", Hosts: []string{"WWW.example.com"}, Rewrite: "/8"},
		headroom.Route{Path: "/api/only", Exact: true, Headers: map[string]string{"X-Any": "*"}, Rewrite: "/9"},
		headroom.Route{Regexp: "/api/users/[0-9]+", Rewrite: "/a"},
		headroom.Route{Regexp: "/api/users/(?P<id>[0-9]+)/(.*)", Rewrite: "/by/${id}/$2"},
		headroom.Route{Path: "/api/users/7", Rewrite: "/b"},
		headroom.Route{Path: "/api/users", Rewrite: "/c"},
		headroom.Route{Regexp: `.*\.png`, Rewrite: "/d"},
		headroom.Route{Regexp: "/api/[a-z]*", Rewrite: "/e"},
	)
	for _, c := range []struct{ method, target, fields, want string }{
		{"GET", "/x", "", "/0/x"},
		{"GET", "/x.png", "", "/d"}, {"GET", "/x.png.txt", "", "/0/x.png.txt"}, {"GET", "/deep/x.png", "", "/d"},
		{"GET", "/api/x.png", "", "/1/x.png"}, // a path is longer than what this expression says of its own
		{"GET", "/api/1", "", "/1/1"}, {"GET", "/api/word", "", "/e"}, {"POST", "/api/word", "", "/e"},
		{"POST", "/api/1", "", "/2/1"}, {"DELETE", "/api/1", "", "/1/1"},
		{"POST", "/api/1", "X-Beta: 1\r\n", "/2/1"}, {"GET", "/api/1", "X-BETA: 1\r\n", "/3/1"}, {"GET", "/api/1", "X-Beta: 2\r\n", "/1/1"},
		{"GET", "/api/1", "X-Beta: 1\r\nUser-Agent: A Firefox/1\r\n", "/4/1"},
		{"GET", "/api/1?v=a+b", "", "/5/1?v=a+b"}, {"GET", "/api/1?v=a%20b", "", "/5/1?v=a%20b"}, {"GET", "/api/1?v=a", "", "/1/1?v=a"}, {"GET", "/api/1?v=%zz", "", "/1/1?v=%zz"},
		{"POST", "/api/1", "Host: a.b.example.com:80\r\n", "/6/1"}, {"GET", "/api/1", "Host: a.eu.example.com\r\n", "/7/1"}, {"GET", "/api/1", "Host: www.EXAMPLE.com.\r\n", "/8/1"},
		{"GET", "/api/1", "Host: example.com\r\n", "/1/1"},
		{"GET", "/api/only", "X-Any:\r\n", "/9"}, {"GET", "/api/only", "", "/e"},
		{"GET", "/api/users/7", "", "/b"}, {"GET", "/api/users/8", "", "/a"}, {"GET", "/api/users/%38", "", "/a"}, {"GET", "/api/users/x", "", "/c/x"},
		{"GET", "/api/users/8/a/b?q", "", "/by/8/a/b?q"}, {"GET", "/api/users/7/a", "", "/b/a"},
	} {
		fields := c.fields
		if !bytes.Contains([]byte(fields), []byte("Host:")) {
			fields += "Host: other\r\n"
		}
		var r h1.Request
		r.Reset()
		if _, err := r.Parse([]byte(c.method+" "+c.target+" HTTP/1.1\r\n"+fields+"\r\n"), h1.Limits{}); err != nil {
			t.Fatal(err)
		}
		if got := string(routes.Find(r.Target(), &r, new([]byte)).AppendTarget(nil, r.Target())); got != c.want {
			t.Errorf("%s %s with %q becomes %s, want %s", c.method, c.target, c.fields, got, c.want)
		}
	}
}
