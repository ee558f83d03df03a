//go:build linux

package generator

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestHandshakesAreFullOrResumedAsAskedFor(t *testing.T) {
	for _, handshake := range []Handshake{Plain, Full, Resumed} {
		t.Run(string(handshake), func(t *testing.T) {
			var full, resumed atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.TLS != nil && r.TLS.DidResume {
					resumed.Add(1)
				} else {
					full.Add(1)
				}
				_, _ = io.WriteString(w, "hello")
			}))
			if handshake == Plain {
				server.Start()
			} else {
				server.StartTLS()
			}
			defer server.Close()
			c := Connect{Address: server.Listener.Addr().String(), Handshake: handshake, Path: "/"}
			capacity, err := c.Capacity(t.Context(), 2, 100*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			wantFull, wantResumed := capacity.Requests, int64(0)
			if handshake == Resumed { // after one that is not counted
				wantFull, wantResumed = 1, capacity.Requests
			}
			if full.Load() != wantFull || resumed.Load() != wantResumed {
				t.Errorf("%d full and %d resumed: expected %d and %d", full.Load(), resumed.Load(), wantFull, wantResumed)
			}
			latency, err := c.Latency(t.Context(), 50, 200*time.Millisecond)
			if err != nil || latency.Sent != 10 || latency.Failed != 0 {
				t.Errorf("latency: %+v, %v", latency, err)
			}
		})
	}
}

func TestAServerThatDoesNotResumeIsFoundOut(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{SessionTicketsDisabled: true}
	server.StartTLS()
	defer server.Close()
	c := Connect{Address: server.Listener.Addr().String(), Handshake: Resumed, Path: "/"}
	if _, err := c.Capacity(t.Context(), 1, time.Second); err == nil || !strings.Contains(err.Error(), "does not resume") {
		t.Errorf("got %v", err)
	}
}
