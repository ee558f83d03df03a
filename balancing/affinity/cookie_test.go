package affinity

import (
	"testing"
	"time"

	"headroom.dev/headroom"
)

func TestOnlyTheCookieOfTheNameIsRemoved(t *testing.T) {
	c := NewCookie("shop", headroom.CookieSettings{Name: "ours"})
	for field, want := range map[string]string{
		"ours=1":                         "",
		"a=1; ours=2; b=3":               "a=1; b=3",
		"a=1;ours=2;b=3":                 "a=1; b=3",
		"ours=1; ours=2":                 "",
		"a=1; OURS=2":                    "a=1; OURS=2",
		"a=ours=1; b=\"ours=2\"; ours=3": "a=ours=1; b=\"ours=2\"",
		"ours; a=1":                      "a=1",
		" ;; a=1 ;; ":                    "a=1",
		"":                               "",
	} {
		if got := string(c.AppendWithout(nil, []byte(field))); got != want {
			t.Errorf("of %q is left %q, want %q", field, got, want)
		}
	}
}

func TestCookieHasTheAttributesThatWereAskedFor(t *testing.T) {
	k := NewKey(secret, "shop")
	tag := k.Tag("shop-1")
	value := string(k.Append(nil, tag, Nonce{}))
	for _, test := range []struct {
		settings headroom.CookieSettings
		tls      bool
		want     string
	}{
		{headroom.CookieSettings{}, false, "headroom-shop=" + value + "; Path=/; HttpOnly; SameSite=Lax"},
		{headroom.CookieSettings{Secure: "auto"}, true, "headroom-shop=" + value + "; Path=/; HttpOnly; SameSite=Lax; Secure"},
		{headroom.CookieSettings{Secure: "never"}, true, "headroom-shop=" + value + "; Path=/; HttpOnly; SameSite=Lax"},
		{headroom.CookieSettings{Name: "at", Path: "/shop", Secure: "always", SameSite: "none", MaxAge: headroom.Duration(90 * time.Minute)}, false,
			"at=" + value + "; Path=/shop; HttpOnly; SameSite=None; Max-Age=5400; Secure"},
		{headroom.CookieSettings{SameSite: "strict"}, false, "headroom-shop=" + value + "; Path=/; HttpOnly; SameSite=Strict"},
	} {
		got := string(NewCookie("shop", test.settings).AppendField(nil, k, tag, Nonce{}, test.tls))
		if got != "Set-Cookie: "+test.want+"\r\n" {
			t.Errorf("%+v: got %q, want %q", test.settings, got, test.want)
		}
	}
}
