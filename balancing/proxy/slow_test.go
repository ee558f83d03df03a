package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// dribble writes text in pieces with a pause before each.
func (c *rawClient) dribble(text string, pieces int, pause time.Duration) {
	c.t.Helper()
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	size := (len(text) + pieces - 1) / pieces
	for len(text) > 0 {
		<-ticker.C
		n := min(size, len(text))
		c.write(text[:n])
		text = text[n:]
	}
}

// A client that takes longer for a small body than the backend may take for its response: the backend has not even been asked.
func TestTimeThatAClientTakesForItsBodyIsNotTheBackends(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		<-time.After(120 * time.Millisecond) // longer than a quarter of the response's time, when the deadline is first looked at
		io.Copy(w, r.Body)
	})
	s := start(t, Options{})
	r := route(o.address())
	r.LoadBalancing.Timeouts.Response = headroom.Duration(300 * time.Millisecond)
	apply(t, s, r)
	c := connect(t, s.Addr(anyPort).String())
	c.write(request("POST /", "Content-Length: 10"))
	c.dribble("0123456789", 10, 40*time.Millisecond)
	if res, body := c.response("POST"); res.StatusCode != 200 || body != "0123456789" {
		t.Errorf("got %d %q", res.StatusCode, body)
	}
	settled(t, s)
	b := s.Measure(time.Now()).Services[0].Backends[0]
	if b.Traffic.Outcomes.Success != 1 || b.Traffic.Latency.Sum > headroom.Duration(300*time.Millisecond) {
		t.Errorf("the backend is blamed for the client: %+v, %v", b.Traffic.Outcomes, b.Traffic.Latency.Sum)
	}
}

// Slowloris: bytes that keep coming do not extend the time of the head.
func TestHeadMustBeWholeInItsTimeHoweverItDribbles(t *testing.T) {
	o := newOrigin(t, ok)
	s := start(t, Options{})
	r := route(o.address())
	r.LoadBalancing.Timeouts.Header = headroom.Duration(300 * time.Millisecond)
	apply(t, s, r)
	c := connect(t, s.Addr(anyPort).String())
	began := time.Now()
	go func() { // write errors are the end that is wanted
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		io.WriteString(c.conn, "GET / HTTP/1.1\r\nHost: shop\r\n")
		for range 200 {
			<-ticker.C
			if _, err := io.WriteString(c.conn, "X"); err != nil {
				return
			}
		}
	}()
	res, _ := c.response("GET")
	if took := time.Since(began); res.StatusCode != 408 || took > 2*time.Second {
		t.Errorf("got %d after %v, want 408 after 300ms", res.StatusCode, took)
	}
}

// A client that takes nothing of a large response costs one backend connection and two buffers; others do not notice.
func TestSlowReaderHoldsNobodyElseUpAndNoMemory(t *testing.T) {
	const size = 64 << 20
	var written int64
	done := make(chan struct{})
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/large" {
			ok(w, r)
			return
		}
		defer close(done)
		piece := []byte(strings.Repeat("x", 64<<10))
		for written < size {
			n, err := w.Write(piece)
			written += int64(n)
			if err != nil {
				return
			}
		}
	})
	s, address := serve(t, o.address())
	slow := connect(t, address)
	slow.write(request("GET /large"))
	eventually(t, "the backend is writing", func() bool { return s.loads()[0].InFlight == 1 })
	c := connect(t, address)
	for range 200 {
		c.write(request("GET /"))
		if _, body := c.response("GET"); body != "ok" {
			t.Fatalf("got %q", body)
		}
	}
	slow.conn.Close()
	<-done
	if written > size/2 {
		t.Errorf("%d bytes were taken from the backend for a client that read none", written)
	}
}
