package h1

import (
	"io"
	"strings"
	"testing"
)

// browserHead is a request as a browser sends it: 11 fields, about 600 bytes.
var browserHead = crlf("GET /articles/2026/11/some-article?utm_source=feed&page=2 HTTP/1.1", "Host: www.example.com", "Connection: keep-alive",
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "Accept-Language: en-US,en;q=0.5",
	"Accept-Encoding: gzip, deflate, br, zstd", "Referer: https://www.example.com/articles/2026/11/", "Cookie: session=0123456789abcdef0123456789abcdef",
	"Sec-Fetch-Dest: document", "X-Forwarded-For: 192.0.2.1", "")

func BenchmarkParseAndRewriteRequest(b *testing.B) {
	buf := []byte(browserHead)
	out := make([]byte, 0, 2048)
	var r Request
	b.ReportAllocs()
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		r.Reset()
		if _, err := r.Parse(buf, Limits{}); err != nil {
			b.Fatal(err)
		}
		out = r.AppendHead(out[:0], r.Host(), SetOf(Via, XForwardedFor))
	}
}

func BenchmarkParseAndRewriteResponse(b *testing.B) {
	buf := []byte(crlf("HTTP/1.1 200 OK", "Server: nginx", "Date: Mon, 23 Nov 2026 10:00:00 GMT", "Content-Type: text/html", "Content-Length: 102",
		"Connection: keep-alive", "ETag: \"abc\"", "Accept-Ranges: bytes", ""))
	out := make([]byte, 0, 2048)
	var r Response
	b.ReportAllocs()
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		r.Reset(false)
		if _, err := r.Parse(buf, Limits{}); err != nil {
			b.Fatal(err)
		}
		out = r.AppendFraming(r.AppendHead(out[:0], 0))
	}
}

func BenchmarkChunkedBody(b *testing.B) {
	wire := strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", 16) + "0\r\n\r\n"
	src := strings.NewReader(wire)
	buf := make([]byte, 16<<10)
	var r Reader
	var body Body
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		src.Reset(wire)
		r.Reset(src, buf, Limits{})
		body.Reset(&r, Framing{Kind: ChunkedBody})
		var err error
		for err == nil {
			_, err = body.Next()
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
}

func TestParsingAndWritingAllocateNothing(t *testing.T) {
	buf := []byte(browserHead)
	out := make([]byte, 0, 2048)
	var r Request
	got := testing.AllocsPerRun(100, func() {
		r.Reset()
		if _, err := r.Parse(buf, Limits{}); err != nil {
			t.Fatal(err)
		}
		out = r.AppendHead(out[:0], r.Host(), SetOf(Via))
	})
	if got != 0 {
		t.Errorf("%v allocations a request, want 0", got)
	}
}
