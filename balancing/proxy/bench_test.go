package proxy

import (
	"bytes"
	"io"
	"net"
	"net/http/httputil"
	"net/url"
	"testing"

	"net/http"
	"net/http/httptest"
)

// quiet is a backend that allocates nothing: it answers each head it reads with the same response.
func quiet(t tester) string {
	t.Helper()
	ln, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	response := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nhello, world\n")
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, 4096)
				for {
					n, err := conn.Read(buf)
					if err != nil || !bytes.Contains(buf[:n], []byte("\r\n\r\n")) {
						return
					}
					if _, err := conn.Write(response); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// pinger sends the same request again and again over one connection and reads one read's worth of answer.
type pinger struct {
	conn    net.Conn
	request []byte
	buf     []byte
}

func newPinger(t tester, address, text string) *pinger {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &pinger{conn: conn, request: []byte(text), buf: make([]byte, 4096)}
}

func (p *pinger) ping(t tester) {
	if _, err := p.conn.Write(p.request); err != nil {
		t.Fatal(err)
	}
	n, err := p.conn.Read(p.buf)
	if err != nil || !bytes.HasSuffix(p.buf[:n], []byte("hello, world\n")) {
		t.Fatalf("got %q, %v", p.buf[:n], err)
	}
}

func BenchmarkSmallKeepAliveRequest(b *testing.B) {
	_, address := serve(b, quiet(b), quiet(b))
	p := newPinger(b, address, request("GET /", "User-Agent: bench", "Accept: */*"))
	p.ping(b)
	b.ReportAllocs()
	for b.Loop() {
		p.ping(b)
	}
}

// BenchmarkSmallKeepAliveRequestThroughReverseProxy is net/http's for comparison.
func BenchmarkSmallKeepAliveRequestThroughReverseProxy(b *testing.B) {
	target := &url.URL{Scheme: "http", Host: quiet(b)}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: 100}})
	defer server.Close()
	p := newPinger(b, server.Listener.Addr().String(), request("GET /", "User-Agent: bench", "Accept: */*"))
	p.ping(b)
	b.ReportAllocs()
	for b.Loop() {
		p.ping(b)
	}
}

func BenchmarkResponseOf1MB(b *testing.B) {
	data := bytes.Repeat([]byte("x"), 1<<20)
	o := newOrigin(b, func(w http.ResponseWriter, r *http.Request) { w.Write(data) })
	_, address := serve(b, o.address())
	client := &http.Client{Transport: &http.Transport{}}
	b.ReportAllocs()
	b.SetBytes(1 << 20)
	for b.Loop() {
		res, err := client.Get("http://" + address)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			b.Fatal(err)
		}
		res.Body.Close()
	}
}
