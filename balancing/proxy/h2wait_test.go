package proxy

import (
	"bufio"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"headroom.dev/headroom"
)

// A backend that is slow to say that a connection takes one request at a time: requests that waited for others' connections for as long as
// opening one may take open their own, rather than wait in turn.
func TestRequestDoesNotWaitForOthersConnectionsForEver(t *testing.T) {
	const requests, settling = 30, 200 * time.Millisecond
	var conns atomic.Int64
	address := script(t, func(_ int, conn net.Conn, _ *bufio.Reader) {
		conns.Add(1)
		<-time.After(settling)
		conn.Write([]byte{0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1}) // SETTINGS: MAX_CONCURRENT_STREAMS 1
		io.Copy(io.Discard, conn)
	})
	w := before(t, wire{}, wire{http2: true}, []string{address}, func(r *headroom.ServiceRoute) {
		r.LoadBalancing.Timeouts.Connect = headroom.Duration(2 * settling)
	})
	began := time.Now()
	for range requests {
		go func() {
			if res, err := w.client.Do(w.ask("GET", "/", "")); err == nil {
				res.Body.Close()
			}
		}()
	}
	eventually(t, "each request has a connection", func() bool { return conns.Load() == requests })
	if took, inTurn := time.Since(began), requests*settling; took > inTurn/2 {
		t.Errorf("took %v, want far less than %v", took, inTurn)
	}
}
