package proxy

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"headroom.dev/headroom"
)

// fronts are the protocols of clients that features must be the same for.
func fronts() []wire { return []wire{{}, {http2: true}} }

func TestBodyBeyondItsLimitIsRefusedByAnyProtocol(t *testing.T) {
	for _, front := range fronts() {
		for _, back := range fronts() {
			w := between(t, front, back, echo, func(r *headroom.ServiceRoute) { r.LoadBalancing.Limits.Body = 50_000 })
			for _, known := range []bool{true, false} {
				for size, want := range map[int]int{50_000: 200, 50_001: 413, 200_000: 413} {
					r := w.ask("POST", "/?known", strings.Repeat("x", size))
					if !known {
						r.Body, r.ContentLength = io.NopCloser(unsized{strings.NewReader(strings.Repeat("x", size))}), -1
					}
					res := w.do(r)
					if io.Copy(io.Discard, res.Body); res.StatusCode != want {
						t.Errorf("%v to %v, %d bytes, announced %v: got %d, want %d", front, back, size, known, res.StatusCode, want)
					}
				}
			}
		}
	}
}

func TestHeadBeyondItsLimitsIsRefusedByAnyProtocol(t *testing.T) {
	for _, front := range fronts() {
		w := between(t, front, wire{}, ok, func(r *headroom.ServiceRoute) {
			r.LoadBalancing.Limits.Header, r.LoadBalancing.Limits.HeaderFields = 8<<10, 20
		})
		for name, change := range map[string]func(http.Header){
			"a large field": func(h http.Header) { h.Set("X-Large", strings.Repeat("x", 9<<10)) },
			"too many fields": func(h http.Header) {
				for i := range 30 {
					h.Set(fmt.Sprint("X-", i), "x")
				}
			},
		} {
			r := w.ask("GET", "/", "")
			change(r.Header)
			res, err := w.client.Do(r)
			if err != nil {
				if front.http2 && strings.Contains(err.Error(), "request header list larger than peer's advertised limit") {
					continue // net/http keeps to what we announce
				}
				t.Fatalf("%v, %s: %v", front, name, err)
			}
			if res.Body.Close(); res.StatusCode != 431 {
				t.Errorf("%v, %s: got %d", front, name, res.StatusCode)
			}
		}
	}
}

func TestConnectionsOfOneClientAreBounded(t *testing.T) {
	w := between(t, wire{}, wire{}, ok, func(r *headroom.ServiceRoute) { r.LoadBalancing.Limits.ConnectionsPerClient = 3 })
	address := w.server.Addr(anyPort).String()
	var held []*rawClient
	for range 3 {
		c := connect(t, address)
		c.write(request("GET /"))
		c.response("GET")
		held = append(held, c)
	}
	over := connect(t, address)
	over.write(request("GET /"))
	if res, body := over.response("GET"); res.StatusCode != 503 || !strings.Contains(body, "connectionsPerClient") {
		t.Errorf("got %d %s", res.StatusCode, body)
	}
	held[0].conn.Close()
	eventually(t, "there is a place again", func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patiently))
		io.WriteString(conn, request("GET /", "Connection: close"))
		answer, _ := io.ReadAll(conn)
		return bytes.Contains(answer, []byte("200 OK"))
	})
}

func decoded(t *testing.T, coding string, body io.Reader) string {
	t.Helper()
	var plain io.Reader
	var err error
	switch coding {
	case "gzip":
		plain, err = gzip.NewReader(body)
	case "br":
		plain = brotli.NewReader(body)
	case "zstd":
		plain, err = zstd.NewReader(body)
	default:
		plain = body
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		t.Fatalf("%s: %v", coding, err)
	}
	return string(text)
}

func TestCompressionIsTheSameForAnyProtocol(t *testing.T) {
	text := strings.Repeat("it is always the same, ", 20_000)
	for _, front := range fronts() {
		for _, back := range fronts() {
			w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				switch r.URL.Path {
				case "/encoded":
					w.Header().Set("Content-Encoding", "gzip")
				case "/304":
					w.WriteHeader(304)
					return
				}
				io.WriteString(w, text)
			}, func(r *headroom.ServiceRoute) { r.LoadBalancing.Compression.Enabled = true })
			for _, c := range []struct{ method, path, accept, coding string }{
				{"GET", "/", "gzip", "gzip"}, {"GET", "/", "br", "br"}, {"GET", "/", "zstd", "zstd"}, {"GET", "/", "", ""},
				{"GET", "/", "deflate", ""}, {"HEAD", "/", "gzip", "-"}, {"GET", "/304", "gzip", "-"}, {"GET", "/encoded", "br", "as it was"},
			} {
				r := w.ask(c.method, c.path, "")
				if c.accept != "" {
					r.Header.Set("Accept-Encoding", c.accept)
				}
				res := w.do(r)
				got := res.Header.Get("Content-Encoding")
				switch c.coding {
				case "-":
					if body, err := io.ReadAll(res.Body); len(body) > 0 || err != nil {
						t.Errorf("%v to %v, %+v: %d bytes, %v", front, back, c, len(body), err)
					}
				case "as it was":
					if body, _ := io.ReadAll(res.Body); got != "gzip" || string(body) != text {
						t.Errorf("%v to %v, %+v: %s", front, back, c, got)
					}
				default:
					if got != c.coding || decoded(t, got, res.Body) != text {
						t.Errorf("%v to %v, %+v: %q", front, back, c, got)
					}
				}
			}
		}
	}
}

// Events arrive as they happen, compressed or not.
func TestEventsAreFlushedAtOnceByAnyProtocol(t *testing.T) {
	for _, front := range fronts() {
		for _, back := range fronts() {
			for _, accept := range []string{"identity", "gzip"} {
				seen := make(chan bool)
				w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					for i := range 3 {
						fmt.Fprintf(w, "data: %d\n\n", i)
						http.NewResponseController(w).Flush()
						<-seen // the next comes only when the client has this one
					}
				}, func(r *headroom.ServiceRoute) { r.LoadBalancing.Compression.Enabled = true })
				r := w.ask("GET", "/", "")
				r.Header.Set("Accept-Encoding", accept)
				res := w.do(r)
				var body io.Reader = res.Body
				if res.Header.Get("Content-Encoding") == "gzip" {
					var err error
					if body, err = gzip.NewReader(res.Body); err != nil {
						t.Fatal(err)
					}
				}
				for i := range 3 {
					want := fmt.Sprintf("data: %d\n\n", i)
					got := make([]byte, len(want))
					if _, err := io.ReadFull(body, got); err != nil || string(got) != want {
						t.Fatalf("%v to %v, %s: %q, %v", front, back, accept, got, err)
					}
					seen <- true
				}
			}
		}
	}
}

func TestRequestsThatTakeTooLongEndByAnyProtocol(t *testing.T) {
	for _, front := range fronts() {
		for _, back := range fronts() {
			w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/begun" {
					w.Write([]byte("some"))
					http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			}, func(r *headroom.ServiceRoute) {
				r.LoadBalancing.Timeouts.Request = headroom.Duration(300 * time.Millisecond)
			})
			began := time.Now()
			if res := w.do(w.ask("GET", "/", "")); res.StatusCode != 504 {
				t.Errorf("%v to %v: got %d", front, back, res.StatusCode)
			}
			res, err := w.client.Do(w.ask("GET", "/begun", ""))
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if err == nil {
				t.Errorf("%v to %v: a response that was cut is taken for whole", front, back)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%v to %v: it took %v", front, back, took)
			}
			settled(t, w.server)
		}
	}
}
