//go:build linux

package generator

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"headroom.dev/headroom/test/bench/program"
)

// H2load sends requests by h2load(1) over one HTTP/2 connection with as many streams at once.
type H2load struct {
	Cores   string
	URL     string // https, or http for HTTP/2 by prior knowledge
	Streams int
	Time    time.Duration
	Args    []string // further arguments of h2load
}

// Capacity sends as many as are answered.
func (h H2load) Capacity(ctx context.Context) (Capacity, error) {
	output, err := h.run(ctx)
	if err != nil {
		return Capacity{}, err
	}
	return parseH2load(output)
}

func (h H2load) run(ctx context.Context, args ...string) (string, error) {
	all := append([]string{"-t", "1", "-c", "1", "-m", fmt.Sprint(h.Streams), "-D", fmt.Sprintf("%dms", h.Time.Milliseconds()),
		"--groups", "X25519", "--tls13-ciphers", "TLS_AES_128_GCM_SHA256"}, h.Args...)
	return program.Output(ctx, h.Cores, "h2load", append(append(all, args...), h.URL)...)
}

func parseH2load(output string) (c Capacity, err error) {
	if c.PerSecond, err = strconv.ParseFloat(group(output, `finished in [^,]+, ([\d.]+) req/s`), 64); err != nil {
		return c, fmt.Errorf("h2load wrote no rate:\n%s", output)
	}
	if c.Requests, err = strconv.ParseInt(group(output, `requests: .* (\d+) succeeded`), 10, 64); err != nil {
		return c, fmt.Errorf("h2load wrote no number of requests:\n%s", output)
	}
	if failed := group(output, `requests: .* (\d+) failed`); failed != "0" {
		return c, fmt.Errorf("%s requests failed:\n%s", failed, output)
	}
	if c.Requests == 0 {
		return c, fmt.Errorf("no request was answered:\n%s", output)
	}
	return c, nil
}

// Latency sends requests at a rate; it waits for no answer until as many streams as may be are in use. Latency is from when
// they left, which is what h2load's log tells.
func (h H2load) Latency(ctx context.Context, rate float64, dir string) (Latency, error) {
	log, err := os.CreateTemp(dir, "h2load")
	if err != nil {
		return Latency{}, err
	}
	log.Close()
	defer os.Remove(log.Name())
	if _, err := h.run(ctx, "--rps", fmt.Sprintf("%.0f", rate), "--log-file", log.Name()); err != nil {
		return Latency{}, err
	}
	file, err := os.Open(log.Name())
	if err != nil {
		return Latency{}, err
	}
	defer file.Close()
	return readH2loadLog(bufio.NewScanner(file), rate)
}

// readH2loadLog reads lines of when a request began, its status and what it took, in microseconds.
func readH2loadLog(lines *bufio.Scanner, rate float64) (Latency, error) {
	report, took := Latency{Rate: rate}, newHistogram()
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			return report, fmt.Errorf("h2load logged %q: expected three numbers", lines.Text())
		}
		report.Sent++
		if fields[1] != "200" {
			report.Failed++
			continue
		}
		micros, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return report, fmt.Errorf("h2load logged the time %q", fields[2])
		}
		record(took, time.Duration(micros)*time.Microsecond)
	}
	if report.Sent == report.Failed {
		return report, fmt.Errorf("of %d requests none was answered", report.Sent)
	}
	report.P50, report.P99, report.P999 = quantile(took, 50), quantile(took, 99), quantile(took, 99.9)
	return report, lines.Err()
}
