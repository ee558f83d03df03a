//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/test/bench/contender"
	"headroom.dev/headroom/test/bench/generator"
	"headroom.dev/headroom/test/bench/program"
	"headroom.dev/headroom/test/bench/report"
)

// real runs the proxies before four backends of 5 ms, of which one is ten times slower, or fails.
type real struct {
	headroom string
	span     time.Duration
}

// entrant is a proxy with an algorithm.
type entrant struct {
	proxy     contender.Proxy
	algorithm string // in its own words
}

func (r real) entrants() []entrant {
	own := contender.Headroom(r.headroom, "balancer")
	return []entrant{
		{own, string(headroom.Adaptive)}, {own, string(headroom.LeastResponseTime)}, {own, string(headroom.LeastConnections)},
		{contender.HAProxy(), "leastconn"}, {contender.HAProxy(), "random(2)"}, {contender.Nginx(), "least_conn"},
	}
}

func (r real) run(ctx context.Context) error {
	for _, c := range []struct {
		title string
		first []string // arguments of the first backend
		rate  float64
	}{
		{"one of 50 ms, 200 requests/s", []string{"-mean", "50ms"}, 200},
		{"one of 50 ms, 800 requests/s", []string{"-mean", "50ms"}, 800},
		{"one failing fast, 800 requests/s", []string{"-fails"}, 800},
	} {
		if err := r.compare(ctx, c.title, c.first, c.rate); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
	}
	return nil
}

func (r real) compare(ctx context.Context, title string, first []string, rate float64) error {
	var backends []string
	for i := range 4 {
		var arguments []string
		if i == 0 {
			arguments = first
		}
		address, started, err := startOrigin(arguments)
		if err != nil {
			return err
		}
		defer started.Kill()
		backends = append(backends, address)
	}
	var rows [][]string
	for _, e := range r.entrants() {
		row, err := r.measure(ctx, e, backends, rate)
		if errors.Is(err, program.ErrNotInstalled) {
			row = []string{"not installed: make deps"}
		} else if err != nil {
			return fmt.Errorf("%s %s: %w", e.proxy.Name, e.algorithm, err)
		}
		rows = append(rows, append([]string{e.proxy.Name + " " + e.algorithm}, row...))
	}
	report.Table(os.Stdout, title, []string{"proxy", "p50", "p99", "p99.9", "failed", "generator late, p99"}, rows)
	return nil
}

// startOrigin starts this program as a backend.
func startOrigin(arguments []string) (address string, started *program.Program, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	if address, err = program.FreeAddress(); err != nil {
		return "", nil, err
	}
	if started, err = program.Start("", self, append([]string{"-origin", address}, arguments...)...); err != nil {
		return "", nil, err
	}
	if err := started.AwaitListener(address); err != nil {
		started.Kill()
		return "", nil, err
	}
	return address, started, nil
}

const (
	// settling is how long each has to learn of its backends before it is measured.
	settling = 3 * time.Second
	// connections are of the generator: more than are ever in use at once.
	connections = 256
)

func (r real) measure(ctx context.Context, e entrant, backends []string, rate float64) ([]string, error) {
	dir, err := os.MkdirTemp("", "bench-algorithms-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	files := filepath.Join(dir, "proxy")
	if err := os.Mkdir(files, 0o700); err != nil {
		return nil, err
	}
	running, err := e.proxy.Start(contender.Setup{Dir: files, Kind: contender.HTTP, Backends: backends, Algorithm: e.algorithm})
	if err != nil {
		return nil, err
	}
	defer running.Program.Kill()
	load := generator.Open{Address: running.Address, Request: []byte("GET / HTTP/1.1\r\nHost: bench\r\n\r\n"), Rate: rate, Time: settling, Connections: connections}
	if _, err := load.Run(ctx); err != nil {
		return nil, err
	}
	load.Time = r.span
	got, err := load.Run(ctx)
	if err != nil {
		return nil, err
	}
	return []string{report.FineMilliseconds(got.P50), report.FineMilliseconds(got.P99), report.FineMilliseconds(got.P999),
		fmt.Sprintf("%d of %d", got.Failed, got.Sent), report.FineMilliseconds(got.Lag)}, nil
}
