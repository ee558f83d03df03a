package h1

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// crlf writes wire text as readable lines.
func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func parseRequest(text string) (*Request, int, error) {
	var r Request
	r.Reset()
	n, err := r.Parse([]byte(text), Limits{})
	return &r, n, err
}

func TestRequestsThatCouldBeReadInTwoWaysAreRefused(t *testing.T) {
	post := func(fields ...string) string {
		return crlf(append(append([]string{"POST / HTTP/1.1", "Host: a"}, fields...), "")...)
	}
	get := func(line string) string { return crlf(line, "Host: a", "") }
	for _, c := range []struct {
		name   string
		head   string
		status int
	}{
		{"length with coding", post("Content-Length: 5", "Transfer-Encoding: chunked"), 400},
		{"coding with length", post("Transfer-Encoding: chunked", "Content-Length: 5"), 400},
		{"two different lengths", post("Content-Length: 5", "Content-Length: 6"), 400},
		{"two equal lengths", post("Content-Length: 5", "Content-Length: 5"), 400},
		{"list of lengths", post("Content-Length: 5, 5"), 400},
		{"signed length", post("Content-Length: +5"), 400},
		{"negative length", post("Content-Length: -5"), 400},
		{"hexadecimal length", post("Content-Length: 0x5"), 400},
		{"empty length", post("Content-Length:"), 400},
		{"length with inner space", post("Content-Length: 5 5"), 400},
		{"length of 2^63", post("Content-Length: 9223372036854775808"), 400},
		{"length of 20 digits", post("Content-Length: 00000000000000000005"), 400},
		{"length with a leading zero", post("Content-Length: 05"), 400},
		{"double zero", post("Content-Length: 00"), 400},
		{"length with underscore digits", post("Content-Length: 1_000"), 400},
		{"two codings", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400},
		{"coding list", post("Transfer-Encoding: gzip, chunked"), 501},
		{"three codings in a list", post("Transfer-Encoding: br,\tgzip , Chunked"), 501},
		{"chunked not last", post("Transfer-Encoding: chunked, gzip"), 400},
		{"chunked twice in a list", post("Transfer-Encoding: chunked, chunked"), 400},
		{"identity coding", post("Transfer-Encoding: identity"), 501},
		{"unknown coding", post("Transfer-Encoding: xchunked"), 501},
		{"quoted coding", post(`Transfer-Encoding: "chunked"`), 400},
		{"quoted coding first", post(`Transfer-Encoding: "gzip", chunked`), 400},
		{"coding with parameter", post("Transfer-Encoding: chunked;q=1"), 400},
		{"coding with a comma behind", post("Transfer-Encoding: chunked,"), 400},
		{"coding with a comma before", post("Transfer-Encoding: ,chunked"), 400},
		{"empty coding", post("Transfer-Encoding:"), 400},
		{"coding with vertical tab", post("Transfer-Encoding: \vchunked"), 400},
		{"coding on HTTP/1.0", crlf("POST / HTTP/1.0", "Host: a", "Transfer-Encoding: chunked", ""), 400},

		{"bare LF after request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
		{"bare LF after field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
		{"bare LF as blank line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
		{"bare CR in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
		{"bare CR at end of value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", 400},
		{"bare CR in request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"folded field", post("X: a", " b"), 400},
		{"folded with tab", post("X: a", "\tb"), 400},
		{"space before first field", crlf("GET / HTTP/1.1", " Host: a", ""), 400},
		{"space before colon", post("Content-Length : 5"), 400},
		{"tab before colon", post("X\t: 5"), 400},
		{"NUL in value", post("X: a\x00b"), 400},
		{"control in value", post("X: a\x01b"), 400},
		{"DEL in value", post("X: a\x7fb"), 400},
		{"NUL in name", post("X\x00: a"), 400},
		{"high byte in name", post("X\xc3\xa9: a"), 400},
		{"empty name", post(": a"), 400},
		{"no colon", post("Content-Length"), 400},
		{"name with slash", post("X/Y: a"), 400},

		{"no host", crlf("GET / HTTP/1.1", ""), 400},
		{"two hosts", crlf("GET / HTTP/1.1", "Host: a", "Host: a", ""), 400},
		{"empty host", crlf("GET / HTTP/1.1", "Host:", ""), 400},
		{"host with user", crlf("GET / HTTP/1.1", "Host: u@a", ""), 400},
		{"host with path", crlf("GET / HTTP/1.1", "Host: a/b", ""), 400},
		{"host with space", crlf("GET / HTTP/1.1", "Host: a b", ""), 400},
		{"host list", crlf("GET / HTTP/1.1", "Host: a,b", ""), 400},
		{"host with bad port", crlf("GET / HTTP/1.1", "Host: a:x", ""), 400},
		{"host with port 65536", crlf("GET / HTTP/1.1", "Host: a:65536", ""), 400},
		{"host with empty port", crlf("GET / HTTP/1.1", "Host: a:", ""), 400},
		{"host with two ports", crlf("GET / HTTP/1.1", "Host: a:1:2", ""), 400},
		{"host with open bracket", crlf("GET / HTTP/1.1", "Host: [::1", ""), 400},
		{"host with IPv6 zone", crlf("GET / HTTP/1.1", "Host: [fe80::1%25eth0]", ""), 400},
		{"bad host on HTTP/1.0", crlf("GET / HTTP/1.0", "Host: a/b", ""), 400},
		{"host other than that of the target", crlf("GET http://b/ HTTP/1.1", "Host: a", ""), 400},
		{"absolute target without Host", crlf("GET http://b/ HTTP/1.1", ""), 400},
		{"absolute target with user", crlf("GET http://u@a/ HTTP/1.1", "Host: a", ""), 400},
		{"absolute target of another scheme", get("GET ftp://a/ HTTP/1.1"), 400},
		{"absolute target without host", get("GET http:/// HTTP/1.1"), 400},

		{"no version", get("GET /"), 400},
		{"no target", get("GET HTTP/1.1"), 400},
		{"two spaces before target", get("GET  / HTTP/1.1"), 400},
		{"two spaces before version", get("GET /  HTTP/1.1"), 400},
		{"space after version", get("GET / HTTP/1.1 "), 400},
		{"tab for space", get("GET\t/\tHTTP/1.1"), 400},
		{"space in target", get("GET /a b HTTP/1.1"), 400},
		{"control in target", get("GET /\x01 HTTP/1.1"), 400},
		{"high byte in target", get("GET /\xff HTTP/1.1"), 400},
		{"fragment", get("GET /#a HTTP/1.1"), 400},
		{"relative target", get("GET a HTTP/1.1"), 400},
		{"half an escape", get("GET /%4 HTTP/1.1"), 400},
		{"bad escape", get("GET /%zz HTTP/1.1"), 400},
		{"backslash in the path", get(`GET /a\..\b HTTP/1.1`), 400},
		{"asterisk of GET", get("GET * HTTP/1.1"), 400},
		{"authority form", get("GET a:80 HTTP/1.1"), 400},
		{"CONNECT", get("CONNECT a:80 HTTP/1.1"), 501},
		{"TRACE", get("TRACE / HTTP/1.1"), 501},
		{"method of 25 letters", get(strings.Repeat("A", 25) + " / HTTP/1.1"), 501},
		{"method with a delimiter", get("GE(T / HTTP/1.1"), 400},
		{"empty method", get(" / HTTP/1.1"), 400},
		{"lower case version", get("GET / http/1.1"), 400},
		{"version with extra digits", get("GET / HTTP/1.10"), 400},
		{"version without minor", get("GET / HTTP/1"), 400},
		{"version 2.0", get("GET / HTTP/2.0"), 505},
		{"version 0.9", get("GET / HTTP/0.9"), 505},
		{"version 1.2", get("GET / HTTP/1.2"), 505},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"TLS handshake", "\x16\x03\x01\x02\x00", 400},
		{"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},

		{"other expectation", post("Expect: 200-ok"), 417},
		{"two expectations", post("Expect: 100-continue", "Expect: 100-continue"), 417},
		{"list of expectations", post("Expect: 100-continue, 100-continue"), 417},
		{"Connection with a bad token", post("Connection: a b"), 400},
		{"Connection with 17 tokens", post("Connection: " + strings.Repeat("a,", 17)), 400},
		{"Trailer announcing framing", post("Trailer: Content-Length"), 400},

		{"long target", get("GET /" + strings.Repeat("a", 16<<10) + " HTTP/1.1"), 414},
		{"long head", post("X: " + strings.Repeat("a", 64<<10)), 431},
		{"many fields", post(strings.Repeat("X: a\r\n", 100)), 431},
	} {
		_, _, err := parseRequest(c.head)
		var refused *Error
		if !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want a refusal with %d", c.name, err, c.status)
			continue
		}
		if refused.Status != c.status {
			t.Errorf("%s: got %v, want %d", c.name, err, c.status)
		}
	}
}

func TestOnlyALineThatDoesNotNameHTTPIsTakenForAnotherProtocol(t *testing.T) {
	for line, want := range map[string]bool{
		"INVALID CONNECTION PREFACE": true, // h2spec's
		"HELO mail example":          true,
		"GET  / HTTP/1.1":            false,
		"GET /  HTTP/1.1":            false,
		"GET /a b HTTP/1.1":          false,
		"GET / http/1.1":             false,
		"GET / HTTPS/1.1":            false,
		"GET /":                      false,
	} {
		if _, _, err := parseRequest(crlf(line, "Host: a", "")); err == nil || (err == ErrNotHTTP) != want {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

func TestGoodRequestsAreUnderstood(t *testing.T) {
	for _, c := range []struct {
		name       string
		head       string
		method     string
		host       string
		target     string
		framing    Framing
		persistent bool
	}{
		{"plain", crlf("GET /a?b=c HTTP/1.1", "Host: example.com", ""), "GET", "example.com", "/a?b=c", Framing{}, true},
		{"after one empty line", "\r\n" + crlf("GET / HTTP/1.1", "Host: a", ""), "GET", "a", "/", Framing{}, true},
		{"close", crlf("GET / HTTP/1.1", "Host: a", "Connection: Close", ""), "GET", "a", "/", Framing{}, false},
		{"old", crlf("GET / HTTP/1.0", ""), "GET", "", "/", Framing{}, false},
		{"old, kept", crlf("GET / HTTP/1.0", "Connection: keep-alive", ""), "GET", "", "/", Framing{}, true},
		{"old, kept and closed", crlf("GET / HTTP/1.0", "Connection: keep-alive, close", ""), "GET", "", "/", Framing{}, false},
		{"length", crlf("POST / HTTP/1.1", "Host: a", "content-LENGTH: 42", ""), "POST", "a", "/", Framing{LengthBody, 42}, true},
		{"length 0", crlf("POST / HTTP/1.1", "Host: a", "Content-Length: 0", ""), "POST", "a", "/", Framing{}, true},
		{"chunked", crlf("PUT / HTTP/1.1", "Host: a", "Transfer-Encoding: Chunked", ""), "PUT", "a", "/", Framing{ChunkedBody, 0}, true},
		{"absolute", crlf("GET http://A:80/x HTTP/1.1", "Host: a:80", ""), "GET", "a:80", "/x", Framing{}, true},
		{"absolute, old", crlf("GET https://a/x HTTP/1.0", ""), "GET", "a", "/x", Framing{}, false},
		{"asterisk", crlf("OPTIONS * HTTP/1.1", "Host: a", ""), "OPTIONS", "a", "*", Framing{}, true},
		{"own method", crlf("PURGE / HTTP/1.1", "Host: a", ""), "PURGE", "a", "/", Framing{}, true},
		{"IPv6", crlf("GET / HTTP/1.1", "Host: [::1]:8080", ""), "GET", "[::1]:8080", "/", Framing{}, true},
		{"no space after colon, tabs", crlf("GET / HTTP/1.1", "Host:a\t ", ""), "GET", "a", "/", Framing{}, true},
		{"two slashes", crlf("GET //b/c HTTP/1.1", "Host: a", ""), "GET", "a", "//b/c", Framing{}, true},
		{"backslash in the query", crlf(`GET /?a\b HTTP/1.1`, "Host: a", ""), "GET", "a", `/?a\b`, Framing{}, true},
		{"bad escape in the query", crlf("GET /?%zz HTTP/1.1", "Host: a", ""), "GET", "a", "/?%zz", Framing{}, true},
	} {
		r, n, err := parseRequest(c.head)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if n != len(c.head) {
			t.Errorf("%s: used %d bytes, want %d", c.name, n, len(c.head))
		}
		if string(r.MethodName()) != c.method || string(r.Host()) != c.host || string(r.Target()) != c.target {
			t.Errorf("%s: got %s %s at %q, want %s %s at %q", c.name, r.MethodName(), r.Target(), r.Host(), c.method, c.target, c.host)
		}
		if r.Framing() != c.framing || r.Persistent() != c.persistent {
			t.Errorf("%s: got %+v, persistent %v, want %+v, %v", c.name, r.Framing(), r.Persistent(), c.framing, c.persistent)
		}
	}
}

func TestHeadsInPiecesAreReadAsWhole(t *testing.T) {
	head := crlf("POST /path HTTP/1.1", "Host: example.com", "Content-Length: 3", "Connection: x-drop", "X-Drop: 1", "X-Keep: 2", "")
	want := crlf("POST /path HTTP/1.1", "Host: example.com", "X-Keep: 2")
	for split := 0; split <= len(head); split++ {
		var r Request
		r.Reset()
		if split < len(head) {
			if _, err := r.Parse([]byte(head[:split]), Limits{}); err != ErrIncomplete {
				t.Fatalf("first %d bytes: got %v, want ErrIncomplete", split, err)
			}
		}
		n, err := r.Parse([]byte(head+"abc"), Limits{})
		if err != nil || n != len(head) {
			t.Fatalf("split at %d: got %d, %v, want %d", split, n, err, len(head))
		}
		if got := string(r.AppendHead(nil, r.Host(), 0)); got != want {
			t.Fatalf("split at %d: got %q, want %q", split, got, want)
		}
	}
}

func TestForwardedHeadLeavesOutWhatIsForThisHop(t *testing.T) {
	head := crlf("GET http://a?q HTTP/1.1", "Host: a", "Connection: close, X-Mine, X-Forwarded-For", "Keep-Alive: 5", "Proxy-Connection: x",
		"Proxy-Authorization: x", "TE: trailers", "Trailer: X-T", "Upgrade: h2c", "HTTP2-Settings: x", "X-Mine: secret",
		"X-Forwarded-For: 1.1.1.1", "X_Forwarded_For: 2.2.2.2", "Content_Length: 9", "Via: 1.0 x", "under_score: stays", "Expect: 100-continue",
		"accept: */*", "")
	r, _, err := parseRequest(head)
	if err != nil {
		t.Fatal(err)
	}
	want := crlf("GET /?q HTTP/1.1", "Host: a", "under_score: stays", "accept: */*")
	if got := string(r.AppendHead(nil, r.Host(), SetOf(Via))); got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	if got := r.AppendList(nil, XForwardedFor); got != nil {
		t.Errorf("a field named by Connection was kept: %q", got)
	}
	if r.WebSocket() {
		t.Error("h2c was taken for a WebSocket")
	}
}

func TestOptionsOfAWholeServerBecomesAnAsterisk(t *testing.T) {
	r, _, err := parseRequest(crlf("OPTIONS http://a HTTP/1.1", "Host: a", ""))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(r.AppendHead(nil, r.Host(), 0)), crlf("OPTIONS * HTTP/1.1", "Host: a"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOnlyAWholeWebSocketRequestUpgrades(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   bool
	}{
		{[]string{"Connection: Upgrade", "Upgrade: WebSocket"}, true},
		{[]string{"Connection: keep-alive, upgrade", "Upgrade: websocket"}, true},
		{[]string{"Upgrade: websocket"}, false},
		{[]string{"Connection: upgrade"}, false},
		{[]string{"Connection: upgrade", "Upgrade: websocket, h2c"}, false},
		{[]string{"Connection: upgrade", "Upgrade: websocket", "Upgrade: h2c"}, false},
		{[]string{"Connection: upgrade", "Upgrade: websocket", "Content-Length: 4"}, false},
	} {
		r, _, err := parseRequest(crlf(append(append([]string{"GET / HTTP/1.1", "Host: a"}, c.fields...), "")...))
		if err != nil {
			t.Fatal(err)
		}
		if r.WebSocket() != c.want {
			t.Errorf("%q: got %v", c.fields, r.WebSocket())
		}
	}
}

func TestContinueIsOnlyForABodyOnHTTP11(t *testing.T) {
	for head, want := range map[string]bool{
		crlf("POST / HTTP/1.1", "Host: a", "Content-Length: 1", "Expect: 100-Continue", ""): true,
		crlf("POST / HTTP/1.1", "Host: a", "Expect: 100-continue", ""):                      false,
		crlf("POST / HTTP/1.0", "Content-Length: 1", "Expect: 100-continue", ""):            false,
	} {
		r, _, err := parseRequest(head)
		if err != nil || r.Continue() != want {
			t.Errorf("%q: got %v, %v, want %v", head, r.Continue(), err, want)
		}
	}
}

func TestListsAreJoined(t *testing.T) {
	r, _, err := parseRequest(crlf("GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 1.1.1.1", "x-forwarded-for:", "X-FORWARDED-FOR: 2.2.2.2, 3.3.3.3", ""))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(r.AppendList(nil, XForwardedFor)); got != "1.1.1.1, 2.2.2.2, 3.3.3.3" {
		t.Errorf("got %q", got)
	}
	if string(r.Value(XForwardedFor)) != "1.1.1.1" || r.Value(Via) != nil {
		t.Error("single values are wrong")
	}
}

func TestEveryKnownNameIsRecognizedInAnyCaseAndItsUnderscoreAliasDropped(t *testing.T) {
	for k := Alias + 1; k < numKnown; k++ {
		name := knownNames[k]
		if got := identify([]byte(name)); got != k {
			t.Errorf("%s: got %d, want %d", name, got, k)
		}
		if got := identify([]byte(strings.ToUpper(name))); got != k {
			t.Errorf("upper case %s: got %d, want %d", name, got, k)
		}
		if alias := strings.ReplaceAll(name, "-", "_"); alias != name && identifyAlias([]byte(alias)) != Alias {
			t.Errorf("%s is not an alias", alias)
		}
	}
}

func TestReaderGivesPipelinedRequestsInOrder(t *testing.T) {
	var wire strings.Builder
	for i := range 50 {
		body := strings.Repeat("x", i)
		fmt.Fprintf(&wire, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", i, i, body)
		fmt.Fprintf(&wire, "POST /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", i)
		if i > 0 {
			fmt.Fprintf(&wire, "%x;ext=1\r\n%s\r\n", i, body)
		}
		wire.WriteString("0\r\n\r\n")
	}
	sources := map[string]io.Reader{
		"at once": strings.NewReader(wire.String()),
		"by byte": iotest.OneByteReader(strings.NewReader(wire.String())),
	}
	for name, src := range sources {
		var r Reader
		var req Request
		var body Body
		r.Reset(src, make([]byte, MinBuffer), Limits{})
		for i := range 100 {
			if err := r.ReadRequest(&req); err != nil {
				t.Fatalf("%s, request %d: %v", name, i, err)
			}
			if want := fmt.Sprintf("/%d", i/2); string(req.Target()) != want {
				t.Fatalf("%s, request %d: got %s, want %s", name, i, req.Target(), want)
			}
			body.Reset(&r, req.Framing())
			got, err := readAll(&body)
			if err != nil || len(got) != i/2 {
				t.Fatalf("%s, request %d: body of %d bytes, %v, want %d", name, i, len(got), err, i/2)
			}
		}
		if err := r.ReadRequest(&req); err != io.EOF {
			t.Fatalf("%s: got %v at the end, want io.EOF", name, err)
		}
	}
}

func TestReaderTellsACloseBetweenRequestsFromOneWithin(t *testing.T) {
	var r Reader
	var req Request
	r.Reset(strings.NewReader("GET / HT"), make([]byte, MinBuffer), Limits{})
	if err := r.ReadRequest(&req); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, want io.ErrUnexpectedEOF", err)
	}
}

func TestHeadLargerThanTheBufferIsReadUpToTheLimit(t *testing.T) {
	big := crlf("GET / HTTP/1.1", "Host: a", "X: "+strings.Repeat("a", 60<<10), "")
	var r Reader
	var req Request
	r.Reset(strings.NewReader(big+big), make([]byte, MinBuffer), Limits{})
	for range 2 {
		if err := r.ReadRequest(&req); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Buffer()) > 4*(64<<10) {
		t.Errorf("buffer grew to %d bytes", len(r.Buffer()))
	}
	r.Reset(strings.NewReader(strings.Repeat("GET", 1<<20)), make([]byte, MinBuffer), Limits{})
	var refused *Error
	if err := r.ReadRequest(&req); !errors.As(err, &refused) || refused.Status != 414 {
		t.Errorf("endless request line: got %v, want 414", err)
	}
}
