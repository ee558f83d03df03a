package h1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// FuzzRequestIsReadAsNetHTTPDoes holds that what we accept is a subset of what http.ReadRequest accepts, with the same method, host, target,
// framing and body, one pipelined request after another.
func FuzzRequestIsReadAsNetHTTPDoes(f *testing.F) {
	for _, seed := range []string{
		crlf("GET / HTTP/1.1", "Host: a", ""),
		crlf("GET / HTTP/1.1", "Host: a", "") + crlf("HEAD /2 HTTP/1.1", "Host: b:80", "Connection: close", ""),
		crlf("POST /x?y HTTP/1.1", "Host: a", "Content-Length: 3", "") + "abc" + crlf("GET / HTTP/1.0", ""),
		crlf("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Trailer: X-T", "") + "3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
		crlf("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Content-Length: 3", "") + "0\r\n\r\nabc",
		crlf("GET http://[::1]:80/%41?%zz HTTP/1.1", "Host: [::1]:80", ""),
		crlf("OPTIONS * HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 0", ""),
		"\r\nGET / HTTP/1.1\r\nHost:\ta \r\nX-Y:\r\n\r\n",
		crlf("PUT //a//b HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 1", "Connection: x, keep-alive", "X: y", "") + "1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		var ours Reader
		var req Request
		var body Body
		ours.Reset(bytes.NewReader(wire), make([]byte, MinBuffer), Limits{})
		theirs := bufio.NewReader(bytes.NewReader(wire))
		for {
			if err := ours.ReadRequest(&req); err != nil {
				checkRefusal(t, err)
				return
			}
			method, host, target := string(req.MethodName()), string(req.Host()), string(req.Target())
			framing := req.Framing()
			absolute := req.absolute
			out := req.AppendHead(nil, req.Host(), 0)
			out = append(AppendFraming(out, framing), "\r\n"...)
			checkRewritten(t, out, host, framing, req.Minor())

			if lead, err := theirs.Peek(2); err == nil && string(lead) == "\r\n" {
				theirs.Discard(2) // RFC 9112 section 2.2: we skip one empty line, net/http none
			}
			std, err := http.ReadRequest(theirs)
			if err != nil {
				t.Fatalf("we accept %q and net/http does not: %v", wire, err)
			}
			if std.Method != method || std.Host != host {
				t.Fatalf("%q: we read %s at %q, net/http %s at %q", wire, method, host, std.Method, std.Host)
			}
			if !absolute && std.RequestURI != target || absolute && !strings.HasSuffix(std.RequestURI, target) {
				t.Fatalf("%q: we read %q, net/http %q", wire, target, std.RequestURI)
			}
			if std.ContentLength >= 0 != (framing.Kind != ChunkedBody) || std.ContentLength >= 0 && std.ContentLength != framing.Length {
				t.Fatalf("%q: we read %+v, net/http %d", wire, framing, std.ContentLength)
			}
			body.Reset(&ours, framing)
			got, err := readAll(&body)
			want, stdErr := io.ReadAll(std.Body)
			if err != nil {
				checkRefusal(t, err)
				return
			}
			if stdErr != nil {
				t.Fatalf("%q: we read the body and net/http does not: %v", wire, stdErr)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%q: bodies differ: %q and %q", wire, got, want)
			}
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var refused *Error
	if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.As(err, &refused) {
		t.Fatalf("unexpected error %v", err)
	}
}

// checkRewritten holds that what we would send on is accepted by ourselves with the same meaning, unless the client gave no host.
func checkRewritten(t *testing.T, out []byte, host string, framing Framing, minor int) {
	t.Helper()
	if host == "" && minor == 0 {
		return // the proxy gives such a request a host, or refuses it
	}
	var again Request
	again.Reset()
	n, err := again.Parse(out, Limits{Head: 1 << 20, Line: 1 << 20})
	if err != nil || n != len(out) {
		t.Fatalf("we write %q and read %d bytes of it: %v", out, n, err)
	}
	if again.Framing() != framing || string(again.Host()) != host {
		t.Fatalf("we write %q with another meaning", out)
	}
	if again.has&hopByHop&^(1<<TransferEncoding) != 0 {
		t.Fatalf("hop-by-hop fields in %q", out)
	}
}

// FuzzResponseIsReadAsNetHTTPDoes is the same for response heads and bodies.
func FuzzResponseIsReadAsNetHTTPDoes(f *testing.F) {
	for _, seed := range []string{
		crlf("HTTP/1.1 200 OK", "Content-Length: 2", "") + "ok",
		crlf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "") + "2\r\nok\r\n0\r\n\r\n",
		crlf("HTTP/1.0 200", "") + "until close",
		crlf("HTTP/1.1 204 No Content", ""),
		crlf("HTTP/1.1 304 Not Modified", "Content-Length: 7", ""),
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, wire []byte, toHead bool) {
		var ours Reader
		var res Response
		var body Body
		ours.Reset(bytes.NewReader(wire), make([]byte, MinBuffer), Limits{})
		if err := ours.ReadResponse(&res, toHead); err != nil {
			checkRefusal(t, err)
			return
		}
		request := &http.Request{Method: "GET"}
		if toHead {
			request.Method = "HEAD"
		}
		std, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(wire)), request)
		if err != nil {
			t.Fatalf("we accept %q and net/http does not: %v", wire, err)
		}
		if std.StatusCode != res.Status() {
			t.Fatalf("%q: we read %d, net/http %d", wire, res.Status(), std.StatusCode)
		}
		body.Reset(&ours, res.Framing())
		got, err := readAll(&body)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		want, err := io.ReadAll(std.Body)
		if err != nil {
			t.Fatalf("%q: we read the body and net/http does not: %v", wire, err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%q: bodies differ: %q and %q", wire, got, want)
		}
	})
}
