package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A backend that answers before it has read a body, and closes: the client gets its answer, whether the body is sent in passing or by a
// goroutine of its own.
func TestEarlyAnswerOfABackendThatClosesIsPassedOn(t *testing.T) {
	for _, size := range []int{20_000, 100_000, 250_000, 2_000_000} {
		address := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
		})
		_, front := serve(t, address)
		for range 20 {
			c := connect(t, front)
			go io.WriteString(c.conn, request("POST /", fmt.Sprintf("Content-Length: %d", size))+strings.Repeat("x", size))
			res, err := http.ReadResponse(c.in, nil)
			if err != nil {
				t.Errorf("%d bytes: %v", size, err)
				continue
			}
			if res.StatusCode != 413 {
				t.Errorf("%d bytes: got %d", size, res.StatusCode)
			}
			c.conn.Close()
		}
	}
}

// flow writes a body in pieces between which there is no pause that is worth a goroutine of its own.
func (c *rawClient) flow(size, piece int, pause time.Duration) {
	text := strings.Repeat("x", piece)
	for ; size > 0; size -= piece {
		for began := time.Now(); time.Since(began) < pause; {
			runtime.Gosched() // timers are too coarse
		}
		if _, err := io.WriteString(c.conn, text[:min(size, piece)]); err != nil {
			return
		}
	}
}

// An answer that comes while the body still flows is not held back until it ends.
func TestEarlyAnswerDoesNotWaitForABodyThatFlows(t *testing.T) {
	address := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
		io.Copy(io.Discard, in)
	})
	_, front := serve(t, address)
	best := patiently
	for range 5 {
		c := connect(t, front)
		c.write(request("POST /", "Content-Length: 250000"))
		began := time.Now()
		go c.flow(250_000, 25, 100*time.Microsecond)
		if res, body := c.response("POST"); res.StatusCode != 413 || body != "big" {
			t.Errorf("got %d %q", res.StatusCode, body)
		}
		best = min(best, time.Since(began))
		c.conn.Close()
	}
	if best > 500*time.Millisecond { // the body takes a second
		t.Errorf("the fastest of five answers took %v", best)
	}
}
