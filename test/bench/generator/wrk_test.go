//go:build linux

package generator

import (
	"testing"
	"time"
)

// wrkReport is what wrk 4.1.0 writes.
const wrkReport = `Running 3s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.52ms    2.11ms  35.80ms   95.04%
    Req/Sec    25.04k     2.07k   28.91k    73.33%
  Latency Distribution
     50%    1.20ms
     75%    1.41ms
     90%    2.02ms
     99%   12.30ms
  74829 requests in 3.00s, 84.20MB read
Requests/sec:  24923.10
Transfer/sec:     28.05MB
`

func TestTheClientsReportIsRead(t *testing.T) {
	got, err := parseWrk(wrkReport)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Capacity{Requests: 74829, PerSecond: 24923.10, P99: 12300 * time.Microsecond}); got != want {
		t.Errorf("got %+v, expected %+v", got, want)
	}
}

func TestAReportOfFailedRequestsIsNoMeasurement(t *testing.T) {
	for _, text := range []string{
		"", wrkReport + "  Non-2xx or 3xx responses: 3\n", wrkReport + "  Socket errors: connect 0, read 1, write 0, timeout 0\n",
	} {
		if got, err := parseWrk(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}
