package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// endless answers with bytes until it is stopped, and counts those that the balancer has taken.
func endless(written *atomic.Int64, most int64) http.HandlerFunc {
	piece := []byte(strings.Repeat("x", 64<<10))
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/large" {
			ok(w, r)
			return
		}
		for sent := int64(0); sent < most; {
			n, err := w.Write(piece)
			sent += int64(n)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	}
}

// still waits until a count has not changed for a while, and returns it.
func still(t *testing.T, count *atomic.Int64) int64 {
	t.Helper()
	last, since := count.Load(), time.Now()
	eventually(t, "the backend waits", func() bool {
		if now := count.Load(); now != last {
			last, since = now, time.Now()
		}
		return last > 0 && time.Since(since) > 300*time.Millisecond
	})
	return last
}

// A client that takes nothing of a large response has no more of it taken from the backend than windows and buffers of sockets hold.
func TestSlowReaderOfAnyProtocolHoldsTheBackendBack(t *testing.T) {
	const size, most = 256 << 20, 24 << 20
	everyWay(t, func(t *testing.T, front, back wire) {
		var written atomic.Int64
		w := between(t, front, back, endless(&written, size))
		res := w.do(w.ask("GET", "/large", ""))
		if n := still(t, &written); n > most {
			t.Errorf("%d MB were taken from the backend for a client that reads none", n>>20)
		}
		res.Body.Close()
		settled(t, w.server)
	})
}

// Clients that do not read share a connection to the backend with others, whom they must not hold up.
func TestSlowReadersDoNotHoldUpOthersOnTheSameConnection(t *testing.T) {
	for _, stalled := range []int{4, 40} {
		t.Run(fmt.Sprint(stalled), func(t *testing.T) {
			var written atomic.Int64
			w := between(t, wire{}, wire{http2: true}, endless(&written, 256<<20))
			for range stalled {
				w.do(w.ask("GET", "/large", ""))
			}
			still(t, &written)
			for range 20 {
				began := time.Now()
				res := w.do(w.ask("GET", "/", ""))
				if body, err := io.ReadAll(res.Body); string(body) != "ok" {
					t.Fatalf("got %d %q, %v", res.StatusCode, body, err)
				}
				if took := time.Since(began); took > 3*time.Second { // the others give up after 10 s
					t.Fatalf("a request took %v", took)
				}
			}
		})
	}
}

// A backend that does not read an upload holds its client back.
func TestBackendThatDoesNotReadHoldsTheClientBack(t *testing.T) {
	const size, most = 256 << 20, 24 << 20
	everyWay(t, func(t *testing.T, front, back wire) {
		release := make(chan struct{})
		w := between(t, front, back, func(w http.ResponseWriter, r *http.Request) { <-release })
		var sent atomic.Int64
		body, feed := io.Pipe()
		go func() {
			piece := make([]byte, 64<<10)
			for sent.Load() < size {
				n, err := feed.Write(piece)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
			feed.Close()
		}()
		r := w.ask("POST", "/", "")
		r.Body, r.ContentLength = body, -1
		done := make(chan struct{})
		go func() {
			defer close(done)
			if res, err := w.client.Do(r); err == nil {
				res.Body.Close()
			}
		}()
		if n := still(t, &sent); n > most {
			t.Errorf("%d MB were taken from the client for a backend that reads none", n>>20)
		}
		close(release)
		feed.CloseWithError(io.ErrUnexpectedEOF)
		<-done
		settled(t, w.server)
	})
}
