package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestConnectionsAreKeptOnBothSides(t *testing.T) {
	o := newOrigin(t, ok)
	_, address := serve(t, o.address())
	c := connect(t, address)
	for range 50 {
		c.write(request("GET /"))
		if res, body := c.response("GET"); res.StatusCode != 200 || body != "ok" || res.Close {
			t.Fatalf("got %d %q, close %v", res.StatusCode, body, res.Close)
		}
	}
	if n := o.conns.Load(); n != 1 {
		t.Errorf("%d connections to the backend, want 1", n)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.URL.Path, body)
	})
	_, address := serve(t, o.address(), o.address())
	c := connect(t, address)
	var all strings.Builder
	for i := range 20 {
		all.WriteString(request(fmt.Sprintf("POST /%d", i), "Content-Length: 1") + "x")
		all.WriteString(request(fmt.Sprintf("POST /%dc", i), "Transfer-Encoding: chunked") + "1\r\ny\r\n0\r\n\r\n")
	}
	c.write(all.String())
	for i := range 20 {
		for _, want := range []string{fmt.Sprintf("/%d x", i), fmt.Sprintf("/%dc y", i)} {
			if _, got := c.response("POST"); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	}
}

func TestChunkedBodiesAndTrailersPassBothWays(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		body, _ := io.ReadAll(r.Body)
		w.(http.Flusher).Flush()
		w.Write(body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-In"))
	})
	_, address := serve(t, o.address())
	c := connect(t, address)
	for range 2 {
		c.write(request("POST /", "Transfer-Encoding: chunked", "Trailer: X-In") + "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-In: 42\r\n\r\n")
		res, body := c.response("POST")
		if body != "abcde" || res.Trailer.Get("X-Sum") != "42" || res.TransferEncoding == nil {
			t.Fatalf("got %q, trailers %v, %v", body, res.Trailer, res.TransferEncoding)
		}
	}
}

func TestLargeBodiesPassBothWays(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		if r.ContentLength > 0 {
			w.Header().Set("Content-Length", fmt.Sprint(r.ContentLength))
		}
		io.Copy(w, r.Body) // full duplex is not needed: the client reads while it writes
	})
	o.Config.Handler = fullDuplex(o.Config.Handler)
	_, address := serve(t, o.address())
	data := make([]byte, 10<<20)
	source := rand.NewChaCha8([32]byte{1})
	source.Read(data)
	want := sha256.Sum256(data)
	for name, length := range map[string]int64{"length": int64(len(data)), "chunked": -1} {
		req, _ := http.NewRequest("POST", "http://"+address, bytes.NewReader(data))
		req.ContentLength = length
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		n, err := io.Copy(sum, res.Body)
		res.Body.Close()
		if err != nil || n != int64(len(data)) || !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Errorf("%s: %d bytes, %v, or other ones", name, n, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func fullDuplex(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		h.ServeHTTP(w, r)
	})
}

func TestResponsesWithoutBodyKeepTheConnection(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.WriteHeader(304)
		default:
			io.WriteString(w, strings.Repeat("x", 10))
		}
	})
	_, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("HEAD /"))
	if res, body := c.response("HEAD"); res.ContentLength != 10 || body != "" {
		t.Errorf("HEAD: length %d, body %q", res.ContentLength, body)
	}
	for _, status := range []int{204, 304, 204} {
		c.write(request(fmt.Sprintf("GET /%d", status)))
		if res, _ := c.response("GET"); res.StatusCode != status {
			t.Errorf("got %d, want %d", res.StatusCode, status)
		}
	}
	c.write(request("GET /"))
	if _, body := c.response("GET"); body != "xxxxxxxxxx" {
		t.Errorf("got %q", body)
	}
	if n := o.conns.Load(); n != 1 {
		t.Errorf("%d connections to the backend, want 1", n)
	}
}

func TestOldClientsGetWhatTheyUnderstand(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "part")
		w.(http.Flusher).Flush() // makes it chunked
		io.WriteString(w, "s")
	})
	_, address := serve(t, o.address())
	c := connect(t, address)
	c.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	text, err := io.ReadAll(c.in)
	if err != nil || !strings.HasSuffix(string(text), "\r\n\r\nparts") || strings.Contains(strings.ToLower(string(text)), "chunked") {
		t.Errorf("got %q, %v", text, err)
	}

	o2 := newOrigin(t, ok)
	_, address = serve(t, o2.address())
	c = connect(t, address)
	for range 2 {
		c.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		if res, body := c.response("GET"); body != "ok" || !strings.EqualFold(res.Header.Get("Connection"), "keep-alive") {
			t.Errorf("got %q, %v", body, res.Header)
		}
	}
}

func TestBodyUntilCloseIsSentChunked(t *testing.T) {
	address := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		http.ReadRequest(in)
		io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\nall there is")
	})
	_, address = serve(t, address)
	c := connect(t, address)
	for range 2 {
		c.write(request("GET /"))
		if res, body := c.response("GET"); body != "all there is" || res.Close || res.TransferEncoding == nil {
			t.Errorf("got %q, close %v, %v", body, res.Close, res.TransferEncoding)
		}
	}
}

func TestEventsAreFlushedAtOnce(t *testing.T) {
	next := make(chan string)
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case event, more := <-next:
				if !more {
					return
				}
				io.WriteString(w, event)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	_, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("GET /"))
	next <- "data: 1\n\n"
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len("data: 1\n\n"))
	for i := 1; i <= 3; i++ {
		want := fmt.Sprintf("data: %d\n\n", i)
		if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != want {
			t.Fatalf("got %q, %v, want %q", buf, err, want)
		}
		if i < 3 {
			next <- fmt.Sprintf("data: %d\n\n", i+1)
		}
	}
	close(next)
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
		t.Errorf("at the end: %q, %v", rest, err)
	}
}

func TestContinueComesFromTheBackend(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(417)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	})
	_, address := serve(t, o.address())

	c := connect(t, address)
	c.write(request("POST /yes", "Content-Length: 4", "Expect: 100-continue"))
	if line, _ := c.in.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q", line)
	}
	c.in.ReadString('\n')
	c.write("body")
	if res, body := c.response("POST"); body != "body" || res.Close {
		t.Fatalf("got %q, close %v", body, res.Close)
	}

	c = connect(t, address)
	c.write(request("POST /no", "Content-Length: 4", "Expect: 100-continue"))
	if res, _ := c.response("POST"); res.StatusCode != 417 || !res.Close {
		t.Errorf("got %d, close %v; want 417 and close, since the body may or may not come", res.StatusCode, res.Close)
	}
}

func TestClientThatWaitsForContinueInVainGetsOne(t *testing.T) {
	backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		// Reads head and body and never sends 100, as an HTTP/1.0 server.
		for line := ""; line != "\r\n"; {
			line, _ = in.ReadString('\n')
		}
		body := make([]byte, 4)
		io.ReadFull(in, body)
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%s", body)
	})
	_, address := serve(t, backend)
	c := connect(t, address)
	c.write(request("POST /", "Content-Length: 4", "Expect: 100-continue"))
	if line, _ := c.in.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q", line)
	}
	c.in.ReadString('\n')
	c.write("body")
	if _, body := c.response("POST"); body != "body" {
		t.Errorf("got %q", body)
	}
}

func TestEarlyResponseReachesTheClientAndEndsBothConnections(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(413) })
	s, address := serve(t, o.address())
	c := connect(t, address)
	c.write(request("POST /", "Content-Length: 100000000"))
	c.write(strings.Repeat("x", 100000))
	if res, _ := c.response("POST"); res.StatusCode != 413 || !res.Close {
		t.Errorf("got %d, close %v", res.StatusCode, res.Close)
	}
	c.conn.Close()
	eventually(t, "the request ended", func() bool { return s.loads()[0].InFlight == 0 })
	c = connect(t, address)
	c.write(request("GET /"))
	c.response("GET")
	if n := o.conns.Load(); n != 2 {
		t.Errorf("%d connections to the backend, want 2: the first is not to be trusted", n)
	}
}

func TestInterimResponsesArePassedOn(t *testing.T) {
	backend := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		http.ReadRequest(in)
		io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	_, address := serve(t, backend)
	c := connect(t, address)
	c.write(request("GET /"))
	if line, _ := c.in.ReadString('\n'); line != "HTTP/1.1 103 Early Hints\r\n" {
		t.Fatalf("got %q", line)
	}
}
