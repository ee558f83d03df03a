//go:build linux

package generator

import (
	"bufio"
	"strings"
	"testing"
	"time"
)

// h2loadReport is what h2load 1.52.0 writes, without the lines that are not read.
const h2loadReport = `finished in 1.01s, 38615.00 req/s, 5.61MB/s
requests: 38615 total, 38715 started, 38615 done, 38615 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 38615 2xx, 0 3xx, 0 4xx, 0 5xx
`

func TestWhatH2loadReportsIsRead(t *testing.T) {
	if got, err := parseH2load(h2loadReport); err != nil || got != (Capacity{Requests: 38615, PerSecond: 38615}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, text := range []string{
		"", strings.ReplaceAll(h2loadReport, " 0 failed", " 2 failed"), strings.ReplaceAll(h2loadReport, "38615 succeeded", "0 succeeded"),
	} {
		if got, err := parseH2load(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func TestTheLogOfH2loadIsRead(t *testing.T) {
	var log strings.Builder
	for range 98 {
		log.WriteString("1762000000000000\t200\t500\n")
	}
	log.WriteString("1762000000000000\t200\t4000\n1762000000000000\t-1\t9000\n")
	got, err := readH2loadLog(bufio.NewScanner(strings.NewReader(log.String())), 100)
	if err != nil || got.Sent != 100 || got.Failed != 1 || got.P50 != 500*time.Microsecond ||
		got.P999.Round(100*time.Microsecond) != 4*time.Millisecond {
		t.Errorf("got %+v, %v", got, err)
	}
}
