package h1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
	"testing/iotest"
)

// message is what was understood of one message.
type message struct{ line, body string }

// readStream reads pipelined requests until the first that is refused or not whole, and writes them as they are sent on.
func readStream(src io.Reader) (read []message, forwarded []byte) {
	var r Reader
	var req Request
	var body Body
	r.Reset(src, make([]byte, MinBuffer), Limits{})
	for r.ReadRequest(&req) == nil {
		framing, host := req.Framing(), req.Host()
		if host == nil {
			host = []byte("proxy") // HTTP/1.0 without Host: the proxy names one
		}
		line := string(req.MethodName()) + " " + string(req.Target())
		out := req.AppendHead(nil, host, 0)
		out = append(AppendFraming(out, framing), "\r\n"...)
		body.Reset(&r, framing)
		var content []byte
		for {
			data, err := body.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return read, forwarded
			}
			content = append(content, data...)
			if framing.Kind == ChunkedBody {
				out = AppendChunkStart(out, len(data))
				data = append(data[:len(data):len(data)], "\r\n"...)
			}
			out = append(out, data...)
		}
		if framing.Kind == ChunkedBody {
			out = append(body.AppendTrailers(append(out, "0\r\n"...)), "\r\n"...)
		}
		read = append(read, message{line, string(content)})
		forwarded = append(forwarded, out...)
	}
	return read, forwarded
}

// FuzzForwardedStreamHasAsManyRequests holds that net/http reads from what we send on as many requests as we have read, with the same bodies and
// nothing behind them, and that it does not matter how the bytes come in.
func FuzzForwardedStreamHasAsManyRequests(f *testing.F) {
	for _, seed := range []string{
		crlf("GET / HTTP/1.1", "Host: a", "") + crlf("POST /2 HTTP/1.1", "Host: a", "Content-Length: 2", "") + "ok" + crlf("GET / HTTP/1.0", ""),
		crlf("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Trailer: X-T", "") + "3;a=\"b\"\r\nabc\r\n0\r\nX-T: 1\r\nHost: b\r\n\r\n" +
			crlf("GET /smuggled HTTP/1.1", "Host: a", ""),
		crlf("PUT http://a?b HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Connection: content-length, x", "X: y", "") + "a\r\n0123456789\r\n0\r\n\r\n",
		crlf("OPTIONS http://a HTTP/1.1", "Host: a", "Content-Length: 0", "Connection: close, transfer-encoding", "") + crlf("GET / HTTP/1.1", "Host: a", ""),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		want, forwarded := readStream(bytes.NewReader(wire))
		if pieces, _ := readStream(iotest.OneByteReader(bytes.NewReader(wire))); !equal(pieces, want) {
			t.Fatalf("%q: at once %q, byte by byte %q", wire, want, pieces)
		}
		theirs := bufio.NewReader(bytes.NewReader(forwarded))
		for _, m := range want {
			std, err := http.ReadRequest(theirs)
			if err != nil {
				t.Fatalf("%q is sent on as %q, which net/http does not read: %v", wire, forwarded, err)
			}
			body, err := io.ReadAll(std.Body)
			if err != nil || string(body) != m.body {
				t.Fatalf("%q: body %q is sent on as %q, which net/http reads as %q, %v", wire, m.body, forwarded, body, err)
			}
		}
		if rest, _ := io.ReadAll(theirs); len(rest) > 0 {
			t.Fatalf("%q: net/http leaves %q of %q", wire, rest, forwarded)
		}
	})
}

func equal(a, b []message) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// FuzzForwardedResponseIsReadAsItWas holds the same for a response: what a client reads is what the backend sent, and nothing is left for the next.
func FuzzForwardedResponseIsReadAsItWas(f *testing.F) {
	for _, seed := range []string{
		crlf("HTTP/1.1 200 OK", "Content-Length: 2", "") + "ok" + crlf("HTTP/1.1 200 OK", "Content-Length: 0", ""),
		crlf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X", "") + "2\r\nok\r\n0\r\nX: y\r\n\r\n",
		crlf("HTTP/1.0 200", "Connection: content-length", "Content-Length: 1", "") + "x",
		crlf("HTTP/1.1 204 No Content", "Content-Length: 5", "") + "hello",
		crlf("HTTP/1.1 304 Not Modified", "Content-Length: 7", ""),
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, wire []byte, toHead bool) {
		var r Reader
		var res Response
		var body Body
		r.Reset(bytes.NewReader(wire), make([]byte, MinBuffer), Limits{})
		if err := r.ReadResponse(&res, toHead); err != nil || res.Status() < 200 {
			return
		}
		framing, status := res.Framing(), res.Status()
		out := append(res.AppendFraming(res.AppendHead(nil, 0)), "\r\n"...)
		body.Reset(&r, framing)
		content, err := readAll(&body)
		if err != nil {
			return
		}
		if framing.Kind == ChunkedBody {
			if len(content) > 0 {
				out = append(AppendChunkStart(out, len(content)), content...)
				out = append(out, "\r\n"...)
			}
			out = append(body.AppendTrailers(append(out, "0\r\n"...)), "\r\n"...)
		} else {
			out = append(out, content...)
		}
		request := &http.Request{Method: "GET"}
		if toHead {
			request.Method = "HEAD"
		}
		theirs := bufio.NewReader(bytes.NewReader(out))
		std, err := http.ReadResponse(theirs, request)
		if err != nil {
			t.Fatalf("%q is sent on as %q, which net/http does not read: %v", wire, out, err)
		}
		got, err := io.ReadAll(std.Body)
		if err != nil || std.StatusCode != status || !bytes.Equal(got, content) {
			t.Fatalf("%q: %d with %q is sent on as %q, which net/http reads as %d with %q, %v", wire, status, content, out, std.StatusCode, got, err)
		}
		if rest, _ := io.ReadAll(theirs); len(rest) > 0 {
			t.Fatalf("%q: net/http leaves %q of %q", wire, rest, out)
		}
	})
}
