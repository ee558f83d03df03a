package main

import (
	"testing"
	"time"
)

// report is what wrk 4.1.0 writes.
const report = `Running 3s test @ http://127.0.0.1:8080/
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
	got, err := parseReport(report)
	if err != nil {
		t.Fatal(err)
	}
	if want := (clientReport{requests: 74829, perSecond: 24923.10, p99: 12300 * time.Microsecond}); got != want {
		t.Errorf("got %+v, expected %+v", got, want)
	}
}

func TestAReportOfFailedRequestsIsNoMeasurement(t *testing.T) {
	for _, text := range []string{"", report + "  Non-2xx or 3xx responses: 3\n", report + "  Socket errors: connect 0, read 1, write 0, timeout 0\n"} {
		if got, err := parseReport(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func TestTheMedianIsInTheMiddle(t *testing.T) {
	if got := median([]float64{9, 1, 5}); got != 5 {
		t.Errorf("of three: %g", got)
	}
	if got := median([]time.Duration{4, 1, 3, 2}); got != 2 { // 2.5 rounded down
		t.Errorf("of four: %d", got)
	}
}
