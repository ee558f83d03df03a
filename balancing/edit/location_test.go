package edit

import (
	"bytes"
	"net/url"
	"path"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

func redirectTo(path, to string) *Routes {
	return routesOf(headroom.Route{Path: path, Redirect: headroom.Redirect{To: to, Status: 302}})
}

func TestRedirects(t *testing.T) {
	for _, c := range []struct{ path, to, host, target, want string }{
		{"/old/", "/new/", "shop", "/old/a/b?q=1", "/new/a/b?q=1"},
		{"/old", "/new/", "shop", "/old/a", "/new/a"},
		{"/old", "/new/", "shop", "/old", "/new/"},
		{"/old", "/new", "shop", "/old/a?q=1", "/new?q=1"},
		{"/old", "/new?from={path}", "shop", "/old/a?q=1", "/new?from=/old/a"},
		{"/old", "/new?x=1&{query}", "shop", "/old/a?q=1", "/new?x=1&q=1"},
		{"/", "https://{host}{path}", "shop.example:8080", "/a%2fb?c", "https://shop.example/a%2Fb?c"},
		{"/", "https://{host}:8443{path}", "[2001:db8::1]:80", "/", "https://[2001:db8::1]:8443/"},
		{"/", "https://{host}{path}", "[::1]", "", "https://[::1]/"},
		{"/", "https://www.example/", "shop", "/a?b", "https://www.example/a?b"},
		{"/", "https://www.{host}/{query}", "shop.example", "/a?b", "https://www.shop.example/b"},
		{"/", "https://{host}{path}", "", "/evil.example/", "https://localhost/evil.example/"},
	} {
		route := redirectTo(c.path, c.to).Find([]byte(c.target), nil, new([]byte))
		if got := string(route.AppendLocation([]byte("Location: "), []byte(c.host), []byte(c.target))); got != "Location: "+c.want || route.Redirect != 302 {
			t.Errorf("%s to %s: %s gives %d %q, want %q", c.path, c.to, c.target, route.Redirect, got, c.want)
		}
	}
}

// A redirect to //evil.example leads away (CWE-601), and so does one to /\evil.example.
func TestNoClientLeadsOthersAway(t *testing.T) {
	for _, c := range []struct{ path, to, target, want string }{
		{"/old/", "/", "/old//evil.example/x", "/evil.example/x"},
		{"/old/", "/", `/old/\evil.example`, "/evil.example"},
		{"/old/", "/", "/old/%5Cevil.example", "/%5Cevil.example"},
		{"/", "/{path}", "//evil.example", "/evil.example"},
		{"/", "/{path}", "/", "/"},
		{"/", "https://shop.example{path}", "/.evil.example", "https://shop.example/.evil.example"},
		{"/", "https://shop.example{path}", "/@evil.example", "https://shop.example/@evil.example"},
		{"/", "/new/", "/..//evil.example", "/new/evil.example"},
		{"/", "/new", "/?\"><script>\\", "/new?%22%3E%3Cscript%3E%5C"},
		{"/", "/new", "/?a\r\nSet-Cookie: b", "/new?a%0D%0ASet-Cookie:%20b"},
		{"/", "/new/", "/a\r\nSet-Cookie:b", "/new/a%0D%0ASet-Cookie:b"},
	} {
		got := string(redirectTo(c.path, c.to).Find([]byte(c.target), nil, new([]byte)).AppendLocation(nil, []byte("shop"), []byte(c.target)))
		if got != c.want {
			t.Errorf("%s to %s: %q gives %q, want %q", c.path, c.to, c.target, got, c.want)
		}
	}
}

func FuzzRedirectsStayWhereTheUserSent(f *testing.F) {
	for _, target := range []string{"/old/a?b", "/old//evil.example", `/old/\\evil.example`, "/old/..%2f/", "/old/%2e%2e//x", "/old?\r\n", "/%"} {
		f.Add("shop.example:80", target)
	}
	wholes := map[string]string{"/new/": "", "/": "", "/{path}": "", "https://shop.example{path}": "shop.example", "https://shop.example/": "shop.example", "http://shop.example/a?{query}": "shop.example"}
	f.Fuzz(func(t *testing.T, host, target string) {
		if !strings.HasPrefix(target, "/") {
			return
		}
		for to, want := range wholes {
			got := string(redirectTo("/old/", to).root.children["old"].belowSlash[0].AppendLocation(nil, []byte(host), []byte(target)))
			if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\", r) }) {
				t.Fatalf("%q to %s gives %q", target, to, got)
			}
			// A base shows what a browser makes of a path.
			base, _ := url.Parse("https://base.example/x")
			resolved, err := base.Parse(got)
			if err != nil {
				if strings.Contains(target, "%") {
					continue // half an escape in the query or path, which h1 refuses
				}
				t.Fatalf("%q to %s gives %q: %v", target, to, got, err)
			}
			if want == "" {
				want = "base.example"
			}
			if resolved.Host != want {
				t.Fatalf("%q to %s gives %q, which leads to %q", target, to, got, resolved.Host)
			}
		}
	})
}

func FuzzNormalForm(f *testing.F) {
	for _, path := range []string{"/", "/a/../b", "/a/./b/", "//a///b", "/%61%2e%2e/..", "/%zz", `/a\..\b`, "/ü", "/..", "/a/..", "/...", "/.a/..b"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.HasPrefix(text, "/") {
			return
		}
		got := appendNormal([]byte("x"), []byte(text))[1:]
		if again := appendNormal(nil, got); !bytes.Equal(again, got) {
			t.Fatalf("%q becomes %q and then %q", text, got, again)
		}
		if got[0] != '/' || bytes.Contains(got, []byte("//")) || bytes.ContainsAny(got, "\\ \r\n?#") {
			t.Fatalf("%q becomes %q", text, got)
		}
		if isNormal([]byte(text)) && string(got) != text {
			t.Fatalf("%q is taken for normal but becomes %q", text, got)
		}
		// The standard library, which decodes first and cleans then, must agree where an escaped slash makes no difference.
		upper := strings.ToUpper(text)
		plain, err := url.PathUnescape(text)
		if err != nil || strings.Contains(upper, "%2F") || strings.Contains(upper, "%5C") {
			return
		}
		mine, err := url.PathUnescape(string(got))
		if want := path.Clean(strings.ReplaceAll(plain, `\`, "/")); err != nil || path.Clean(mine) != want {
			t.Fatalf("%q becomes %q (%v), the library says %q", text, mine, err, want)
		}
	})
}
