package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"headroom.dev/headroom"
)

// allowLargeHeads allows the largest heads that a configuration may.
func allowLargeHeads(r *headroom.ServiceRoute) { r.LoadBalancing.Limits.Header = 1 << 20 }

// numbered is a body in which each place tells where it is, so that a missing piece shows.
func numbered(size int) []byte {
	var b bytes.Buffer
	for b.Len() < size {
		fmt.Fprintf(&b, "%08d", b.Len())
	}
	return b.Bytes()[:size]
}

// A head that is larger than the buffers for large bodies leaves more of the body behind it than those could hold.
func TestNothingOfABodyIsLostBehindALargeHead(t *testing.T) {
	body := numbered(400_000)
	large := "X-Large: " + strings.Repeat("x", 140_000) + "\r\n"
	address := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			got, _ := io.ReadAll(r.Body)
			if r.Method == "POST" && !bytes.Equal(got, body) {
				fmt.Fprintf(conn, "HTTP/1.1 400 \r\nContent-Length: 0\r\n\r\n")
				continue
			}
			head := fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n", large, len(body))
			conn.Write(append([]byte(head), body...))
		}
	})
	w := before(t, wire{}, wire{}, []string{address}, allowLargeHeads)
	c := connect(t, w.server.Addr(anyPort).String())
	for range 3 {
		c.write("GET / HTTP/1.1\r\nHost: shop\r\n" + large + "\r\n")
		if res, got := c.response("GET"); res.StatusCode != 200 || got != string(body) {
			t.Fatalf("response: %d with %d bytes, the first difference at %d", res.StatusCode, len(got), firstDifference(got, string(body)))
		}
		c.write("POST / HTTP/1.1\r\nHost: shop\r\n" + large + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + string(body))
		if res, got := c.response("POST"); res.StatusCode != 200 || got != string(body) {
			t.Fatalf("request and response: %d with %d bytes", res.StatusCode, len(got))
		}
	}
}

func firstDifference(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
