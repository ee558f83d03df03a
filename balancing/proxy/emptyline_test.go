package proxy

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// Some clients end a body with an empty line that is no part of it. They are idle behind it like all others: no time for a head begins, and
// no answer comes that the next request would take for its own.
func TestEmptyLineBehindARequestBeginsNoOther(t *testing.T) {
	const head = time.Second // also the time of the TLS handshake
	texts := []string{
		request("GET /") + "\r\n", request("POST /", "Content-Length: 2") + "ab\r\n",
		request("POST /", "Content-Length: 9000") + strings.Repeat("x", 9000) + "\r\n",
	}
	for _, front := range []wire{{}, {tls: true}} {
		w := between(t, front, wire{}, ok, func(r *headroom.ServiceRoute) { r.LoadBalancing.Timeouts.Header = headroom.Duration(head) })
		open := func() *rawClient {
			c := connect(t, w.server.Addr(anyPort).String())
			if front.tls {
				c.secure()
			}
			return c
		}
		var clients []*rawClient
		for _, text := range texts {
			c := open()
			c.write(text)
			c.response("GET")
			clients = append(clients, c)
		}
		other := open()
		for began := time.Now(); time.Since(began) < head*3/2; <-time.After(head / 20) { // longer than a head may take
			other.write(request("GET /"))
			other.response("GET")
		}
		for i, c := range clients {
			c.write(request("GET /"))
			if res, body := c.response("GET"); res.StatusCode != 200 || body != "ok" {
				t.Errorf("%v, %.20q: the next request got %d %q", front, texts[i], res.StatusCode, body)
			}
		}
	}
}

func TestConnectionIsParkedAlsoBehindAnEmptyLine(t *testing.T) {
	w := between(t, wire{}, wire{}, ok)
	c := connect(t, w.server.Addr(anyPort).String())
	for range 2 {
		parked := w.server.lot.Times()
		c.write("\r\n")
		eventually(t, "the connection is parked", func() bool { return w.server.lot.Times() > parked })
		c.write(request("GET /"))
		c.response("GET")
	}
}

func TestEmptyLinesDoNotProlongTheTimeOfAnIdleConnection(t *testing.T) {
	for _, front := range []wire{{}, {tls: true}} {
		w := between(t, front, wire{}, ok, func(r *headroom.ServiceRoute) {
			r.LoadBalancing.Timeouts.Idle, r.LoadBalancing.Timeouts.Header = headroom.Duration(2*time.Second), headroom.Duration(2*time.Second)
		})
		c := connect(t, w.server.Addr(anyPort).String())
		if front.tls {
			c.secure()
		}
		c.write(request("GET /"))
		c.response("GET")
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, c.in)
			ended <- err
		}()
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for open := true; open; {
			select {
			case err := <-ended:
				if open = false; errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%v: the connection stays open", front)
				}
			case <-ticker.C:
				io.WriteString(c.conn, "\r\n") // it fails once the connection has ended
			}
		}
	}
}
