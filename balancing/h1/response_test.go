package h1

import (
	"strings"
	"testing"
)

func parseResponse(text string, toHead bool) (*Response, error) {
	var r Response
	r.Reset(toHead)
	_, err := r.Parse([]byte(text), Limits{})
	return &r, err
}

func TestResponsesThatCouldBeReadInTwoWaysAreRefused(t *testing.T) {
	ok := func(fields ...string) string {
		return crlf(append(append([]string{"HTTP/1.1 200 OK"}, fields...), "")...)
	}
	for name, head := range map[string]string{
		"length with coding":      ok("Content-Length: 5", "Transfer-Encoding: chunked"),
		"two equal lengths":       ok("Content-Length: 5", "Content-Length: 5"),
		"odd length":              ok("Content-Length: five"),
		"two codings":             ok("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
		"other coding":            ok("Transfer-Encoding: gzip, chunked"),
		"coding on HTTP/1.0":      crlf("HTTP/1.0 200 OK", "Transfer-Encoding: chunked", ""),
		"folded field":            ok("X: a", " b"),
		"space before colon":      ok("Content-Length : 5"),
		"bare LF":                 "HTTP/1.1 200 OK\nX: a\r\n\r\n",
		"bare CR":                 ok("X: a\rb"),
		"NUL":                     ok("X: \x00"),
		"HTTP/0.9":                crlf("<html>", ""),
		"HTTP/2":                  crlf("HTTP/2.0 200 OK", ""),
		"status of two digits":    crlf("HTTP/1.1 20 OK", ""),
		"status of four digits":   crlf("HTTP/1.1 2000 OK", ""),
		"status below 100":        crlf("HTTP/1.1 099 OK", ""),
		"control in the reason":   crlf("HTTP/1.1 200 O\x01K", ""),
		"two spaces after number": crlf("HTTP/1.1  200 OK", ""),
		"ICY":                     crlf("ICY 200 OK", ""),
	} {
		if _, err := parseResponse(head, false); err == nil || err == ErrIncomplete {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
}

func TestResponseBodiesEndAsTheRFCSays(t *testing.T) {
	length := "Content-Length: 5"
	chunked := "Transfer-Encoding: chunked"
	for _, c := range []struct {
		name       string
		line       string
		field      string
		toHead     bool
		framing    Framing
		persistent bool
		sent       string
	}{
		{"length", "HTTP/1.1 200 OK", length, false, Framing{LengthBody, 5}, true, length},
		{"empty", "HTTP/1.1 200 OK", "Content-Length: 0", false, Framing{}, true, "Content-Length: 0"},
		{"chunked", "HTTP/1.1 200 OK", chunked, false, Framing{ChunkedBody, 0}, true, chunked},
		{"until close", "HTTP/1.1 200 OK", "", false, Framing{Kind: UntilClose}, false, ""},
		{"old with length", "HTTP/1.0 200 OK", length, false, Framing{LengthBody, 5}, false, length},
		{"to HEAD with length", "HTTP/1.1 200 OK", length, true, Framing{}, true, length},
		{"to HEAD chunked", "HTTP/1.1 200 OK", chunked, true, Framing{}, true, ""},
		{"to HEAD without", "HTTP/1.1 200 OK", "", true, Framing{}, true, ""},
		{"304 with length", "HTTP/1.1 304 Not Modified", length, false, Framing{}, true, length},
		{"204", "HTTP/1.1 204 No Content", "", false, Framing{}, true, ""},
		{"204 with length 0", "HTTP/1.1 204 No Content", "Content-Length: 0", false, Framing{}, true, ""},
		{"204 with length", "HTTP/1.1 204 No Content", length, false, Framing{}, false, ""},
		{"204 chunked", "HTTP/1.1 204 No Content", chunked, false, Framing{}, false, ""},
		{"100", "HTTP/1.1 100 Continue", "", false, Framing{}, true, ""},
		{"103 with length", "HTTP/1.1 103 Early Hints", length, false, Framing{}, false, ""},
		{"no reason", "HTTP/1.1 200 ", length, false, Framing{LengthBody, 5}, true, length},
		{"no reason, no space", "HTTP/1.1 200", length, false, Framing{LengthBody, 5}, true, length},
	} {
		lines := []string{c.line, c.field, ""}
		if c.field == "" {
			lines = []string{c.line, ""}
		}
		r, err := parseResponse(crlf(lines...), c.toHead)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if r.Framing() != c.framing || r.Persistent() != c.persistent {
			t.Errorf("%s: got %+v, persistent %v; want %+v, %v", c.name, r.Framing(), r.Persistent(), c.framing, c.persistent)
		}
		if got := strings.TrimSuffix(string(r.AppendFraming(nil)), "\r\n"); got != c.sent {
			t.Errorf("%s: framing sent on is %q, want %q", c.name, got, c.sent)
		}
	}
}

func TestResponseHeadIsWrittenAnew(t *testing.T) {
	r, err := parseResponse(crlf("HTTP/1.0 404 Nope", "server:  x ", "Connection: close, x-hop", "X-Hop: 1", "Keep-Alive: 1", "Content-Length: 2",
		"Set-Cookie: a", "Set-Cookie: b", ""), false)
	if err != nil {
		t.Fatal(err)
	}
	want := crlf("HTTP/1.1 404 Nope", "server: x", "Set-Cookie: a", "Set-Cookie: b")
	if got := string(r.AppendHead(nil, 0)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReaderGoesPastInterimResponses(t *testing.T) {
	var r Reader
	var res Response
	r.Reset(strings.NewReader(crlf("HTTP/1.1 103 Early Hints", "Link: x", "")+crlf("HTTP/1.1 200 OK", "Content-Length: 2", "")+"ok"),
		make([]byte, MinBuffer), Limits{})
	if err := r.ReadResponse(&res, false); err != nil || !res.Interim() {
		t.Fatalf("got %d, %v, want an interim response", res.Status(), err)
	}
	if err := r.ReadResponse(&res, false); err != nil || res.Interim() || res.Status() != 200 {
		t.Fatalf("got %d, %v, want 200", res.Status(), err)
	}
	var body Body
	body.Reset(&r, res.Framing())
	if got, err := readAll(&body); err != nil || string(got) != "ok" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestBodyUntilCloseEndsWithTheConnection(t *testing.T) {
	var r Reader
	r.Reset(strings.NewReader("all of it"), make([]byte, MinBuffer), Limits{})
	var body Body
	body.Reset(&r, Framing{Kind: UntilClose})
	if got, err := readAll(&body); err != nil || string(got) != "all of it" {
		t.Fatalf("got %q, %v", got, err)
	}
}
