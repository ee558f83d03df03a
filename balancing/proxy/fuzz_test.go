package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// recorder is an origin that notes the requests it sees.
type recorder struct {
	*origin
	mu   sync.Mutex
	seen []string
}

func newRecorder(t tester) *recorder {
	r := &recorder{}
	r.origin = newOrigin(t, func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		note := fmt.Sprintf("%s %q", q.Method, body)
		if err != nil {
			note = q.Method + " cut off"
		}
		r.mu.Lock()
		r.seen = append(r.seen, note)
		r.mu.Unlock()
	})
	return r
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// byTheBook is what net/http reads in a stream, up to the first thing that it does not understand.
func byTheBook(stream []byte) []string {
	var list []string
	in := bufio.NewReader(bytes.NewReader(stream))
	for {
		if lead, err := in.Peek(2); err == nil && string(lead) == "\r\n" {
			in.Discard(2)
		}
		q, err := http.ReadRequest(in)
		if err != nil {
			return list
		}
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return append(list, q.Method+" cut off")
		}
		list = append(list, fmt.Sprintf("%s %q", q.Method, body))
	}
}

// FuzzStreamYieldsAsManyRequestsBehindTheProxyAsItCounted sends a stream through the proxy to a Go origin. The origin must see as many
// requests as the proxy counted for it, and these must be the first ones that net/http reads in the stream itself.
func FuzzStreamYieldsAsManyRequestsBehindTheProxyAsItCounted(f *testing.F) {
	for _, seed := range streams() {
		f.Add([]byte(seed))
	}
	o := newRecorder(f)
	s := start(f, Options{})
	r := route(o.address())
	r.LoadBalancing.Timeouts.Idle = headroom.Duration(40 * time.Millisecond)
	r.LoadBalancing.Timeouts.Header = headroom.Duration(40 * time.Millisecond)
	apply(f, s, r)
	address := s.Addr(anyPort).String()
	f.Fuzz(func(t *testing.T, stream []byte) {
		o.take()
		s.Measure(time.Now())
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patiently))
		go conn.Write(append(stream, "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"...))
		io.Copy(io.Discard, conn)
		conn.Close()
		settled(t, s)
		counted := int(s.Measure(time.Now()).Services[0].Backends[0].Traffic.Arrivals)
		eventually(t, "the origin has seen what was sent to it", func() bool { return o.count() >= counted })
		seen := o.take()
		if len(seen) != counted {
			t.Fatalf("%q: the origin saw %d requests and the proxy counted %d", stream, len(seen), counted)
		}
		want := byTheBook(append(stream[:len(stream):len(stream)], "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"...))
		for i, note := range seen {
			if i >= len(want) || note != want[i] && !strings.HasSuffix(note, "cut off") {
				t.Fatalf("%q: request %d arrived as %s, net/http reads %q", stream, i, note, want)
			}
		}
	})
}

// streams are attacks and their neighbors, each with something behind it that must not be taken for a request, or must.
func streams() []string {
	get := "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	post := func(fields string) string { return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n" }
	list := []string{
		get, get + get, "\r\n" + get, "\n" + get,
		post("Content-Length: 3") + "abc" + get,
		post("Content-Length: 44") + get,
		post("Content-Length: 3\r\nTransfer-Encoding: chunked") + "0\r\n\r\n" + get,
		post("Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n" + get,
		post("Transfer-Encoding: chunked") + "3;a\r\nabc\r\n0\r\nX: y\r\n\r\n" + get,
		post("Transfer-Encoding: chunked") + "3\nabc\n0\n\n" + get,
		post("Transfer-Encoding: chunked") + "0x3\r\nabc\r\n0\r\n\r\n" + get,
		post("Transfer-Encoding : chunked") + "0\r\n\r\n" + get,
		post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x") + "0\r\n\r\n" + get,
		post("Transfer-Encoding: \x0bchunked") + "0\r\n\r\n" + get,
		post("X: y\r\n Transfer-Encoding: chunked") + get,
		post("X: y\rContent-Length: 30") + get,
		post("Content-Length: 0\r\nConnection: Content-Length") + get,
		post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked") + "2\r\nab\r\n0\r\n\r\n" + get,
		post("Content_Length: 44") + get,
		post("Content-Length: 9000") + strings.Repeat("x", 9000) + get,
		post("Content-Length: 9000") + strings.Repeat("x", 100),
		post("Expect: 100-continue\r\nContent-Length: 3") + "abc" + get,
		post("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\nContent-Length: 0") + get,
		"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n" + get,
		"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n" + get,
		"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab" + get,
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get,
	}
	// The same with a byte lost, doubled or changed here and there.
	for i, text := range list[:8] {
		at := len(text) * (i + 1) / 10
		list = append(list, text[:at]+text[at+1:], text[:at+1]+text[at:], text[:at]+"\x00"+text[at+1:])
	}
	return list
}
