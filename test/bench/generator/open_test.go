//go:build linux

package generator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRequestsLeaveAtTheRateThatIsAskedFor(t *testing.T) {
	var got atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if len(body) == 200_000 { // more than a socket takes at once
			got.Add(1)
		}
		_, _ = io.WriteString(w, "hello")
	}))
	defer server.Close()
	request := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 200_000)
	o := Open{Address: strings.TrimPrefix(server.URL, "http://"), Request: []byte(request), Rate: 200, Time: 500 * time.Millisecond, Connections: 4}
	report, err := o.Run(t.Context())
	if err != nil || report.Sent != 100 || report.Failed != 0 || got.Load() != 100 { // 200 a second for half a second
		t.Errorf("got %+v, %v; the server got %d", report, err, got.Load())
	}
	if report.P50 <= 0 || report.P50 > report.P99 || report.P99 > report.P999 {
		t.Errorf("the quantiles are %s, %s and %s", report.P50, report.P99, report.P999)
	}
}

func TestTimeSpentWaitingForAConnectionIsLatency(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(50 * time.Millisecond): // the service time of this backend
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	request := []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	o := Open{Address: strings.TrimPrefix(server.URL, "http://"), Request: request, Rate: 100, Time: 100 * time.Millisecond, Connections: 1}
	report, err := o.Run(t.Context())
	// Ten requests, 10 ms apart and 50 ms each over one connection: the last is meant to leave at 90 ms and ends at 500.
	if err != nil || report.Sent != 10 || report.Failed != 0 || report.P999 < 400*time.Millisecond {
		t.Errorf("got %+v, %v; expected a latency of 410 ms or more", report, err)
	}
}

func TestAConnectionThatBreaksInARequestIsAFailure(t *testing.T) {
	var count atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if count.Add(1) == 3 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Connection", "close") // one that ends after its answer is none
	}))
	defer server.Close()
	request := []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	o := Open{Address: strings.TrimPrefix(server.URL, "http://"), Request: request, Rate: 100, Time: 100 * time.Millisecond, Connections: 1}
	report, err := o.Run(t.Context())
	if err != nil || report.Sent != 10 || report.Failed != 1 {
		t.Errorf("got %+v, %v; expected one of ten to fail", report, err)
	}
}
