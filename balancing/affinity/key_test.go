package affinity

import (
	"strings"
	"testing"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

func TestCookieLeadsBackToItsBackendInEveryProcessThatHasTheSecret(t *testing.T) {
	one, other := NewKey(secret, "shop"), NewKey(secret, "shop")
	value := one.Append(nil, one.Tag("shop-3"), Nonce{1, 2, 3})
	tag, nonce, ok := other.Open(value)
	if !ok || tag != other.Tag("shop-3") || tag == other.Tag("shop-4") || nonce != (Nonce{1, 2, 3}) {
		t.Errorf("opened as %v %v %v", tag, nonce, ok)
	}
	if len(value) != ValueLength || strings.Contains(string(value), "shop") {
		t.Errorf("the value is %s", value)
	}
}

func TestForgedAndForeignCookiesAreIgnored(t *testing.T) {
	key := NewKey(secret, "shop")
	good := string(key.Append(nil, key.Tag("shop-3"), Nonce{}))
	foreign := NewKey(secret, "blog")
	stranger := NewKey([]byte("another secret, which nobody has"), "shop")
	values := map[string]string{
		"of another service":     string(foreign.Append(nil, foreign.Tag("shop-3"), Nonce{})),
		"of another secret":      string(stranger.Append(nil, stranger.Tag("shop-3"), Nonce{})),
		"empty":                  "",
		"short":                  good[:ValueLength-1],
		"long":                   good + "A",
		"not base64url":          strings.Repeat("+", ValueLength),
		"with a line break":      good[:ValueLength-1] + "\n",
		"an address":             "127.0.0.1:9001",
		"nothing but the letter": strings.Repeat("A", ValueLength),
	}
	for i := range good { // each character holds 6 of the 192 bits, and there are no others
		values["changed at "+string(rune('0'+i/10))+string(rune('0'+i%10))] = good[:i] + map[bool]string{true: "B", false: "A"}[good[i] == 'A'] + good[i+1:]
	}
	for name, value := range values {
		if _, _, ok := key.Open([]byte(value)); ok {
			t.Errorf("%s: %q was believed", name, value)
		}
	}
	if _, _, ok := key.Open([]byte(good)); !ok {
		t.Error("the good one was not, so that nothing was tested")
	}
}

func FuzzNoValueButOneOfOursOpens(f *testing.F) {
	key := NewKey(secret, "shop")
	f.Add(key.Append(nil, key.Tag("shop-3"), Nonce{}))
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, value []byte) {
		tag, nonce, ok := key.Open(value)
		if ok && string(key.Append(nil, tag, nonce)) != string(value) {
			t.Errorf("%q opens, and is not what is made of it", value)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	key := NewKey(secret, "shop")
	value := key.Append(nil, key.Tag("shop-3"), Nonce{})
	b.ReportAllocs()
	for b.Loop() {
		key.Open(value)
	}
}
