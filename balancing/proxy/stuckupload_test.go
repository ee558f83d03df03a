package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// An upload to a backend that reads nothing waits for pieceTime, a minute. Ending the server does not wait for that.
func TestShutdownEndsAnUploadThatTheBackendDoesNotTake(t *testing.T) {
	reached := make(chan struct{})
	address := script(t, func(_ int, conn net.Conn, _ *bufio.Reader) {
		reached <- struct{}{}
		<-time.After(patiently) // reads nothing
	})
	for _, front := range []wire{{}, {tls: true}, {http2: true}} {
		w := before(t, front, wire{}, []string{address})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			res, err := w.client.Post(w.url, "text/plain", strings.NewReader(strings.Repeat("x", 64<<20)))
			if err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		}()
		<-reached
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		began := time.Now()
		err := w.server.Shutdown(ctx)
		cancel()
		if took := time.Since(began); err == nil || took > 3*time.Second {
			t.Errorf("%v: ended with %v after %v, want soon after 200 ms", front, err, took)
		}
		<-ended
	}
}
