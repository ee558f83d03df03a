package h1

import "testing"

func TestFieldsCookiesAndParametersAreFoundByName(t *testing.T) {
	r, _, err := parseRequest(crlf("GET /a?x=1&y=&x=2&z HTTP/1.1", "Host: h", "X-Beta: yes", "x-beta: no", "X_Gamma: g", "Empty:", "Connection: X-Hop", "X-Hop: 1",
		`Cookie: a=1; b="two"; ab=3;c`, "Cookie: a=5", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind  string
		find  func(string) ([]byte, bool)
		name  string
		value string
		found bool
	}{
		{"field", r.Field, "x-BETA", "yes", true}, {"field", r.Field, "Empty", "", true}, {"field", r.Field, "X-Bet", "", false},
		{"field of this hop", r.Field, "X-Hop", "", false}, {"field", r.Field, "X_Gamma", "g", true}, {"field", r.Field, "host", "h", true},
		{"cookie", r.Cookie, "a", "1", true}, {"cookie", r.Cookie, "b", "two", true}, {"cookie", r.Cookie, "ab", "3", true},
		{"cookie", r.Cookie, "c", "", true}, {"cookie", r.Cookie, "A", "", false}, {"cookie", r.Cookie, "", "", false},
		{"parameter", r.Query, "x", "1", true}, {"parameter", r.Query, "y", "", true}, {"parameter", r.Query, "z", "", true}, {"parameter", r.Query, "a", "", false},
	} {
		value, found := c.find(c.name)
		if string(value) != c.value || found != c.found {
			t.Errorf("%s %q is %q (%v), want %q (%v)", c.kind, c.name, value, found, c.value, c.found)
		}
	}
}
