//go:build linux

// Command bench measures what docs/performance.md says of headroom: what it costs when it is idle, how fast it starts,
// adopts and decides, and what a proxied request costs beside other proxies, in one run on one machine. It prints
// Markdown tables on standard output, and what it does on standard error.
//
//	go run ./test/bench -headroom bin/headroom -shop bin/shop [-only idle,start,step,proxy]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"headroom.dev/headroom/test/bench/contender"
	"headroom.dev/headroom/test/bench/origin"
	"headroom.dev/headroom/test/bench/report"
)

func main() {
	served, err := serve(os.Args[1:])
	if !served {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// serve runs this program as one of the servers, which have processes of their own as the others do and end by any signal.
func serve(args []string) (served bool, err error) {
	switch {
	case len(args) == 2 && args[0] == "serve-backend":
		return true, origin.ServeHTTP1(args[1])
	case len(args) > 1 && args[0] == "serve-reverse-proxy":
		return true, contender.ServeReverseProxy(args[1:])
	default:
		return false, nil
	}
}

// bench is what all measurements share.
type bench struct {
	headroom, shop string // binaries, absolute
	self           string // this program, which is also the backends and the reverse proxy
	dir            string // for states and configs; one directory below for each system
	out, progress  io.Writer
	systems        int // made so far
}

// measurements in the order in which they are made.
func measurements() []measurement {
	return []measurement{
		{"idle", (*bench).idle},
		{"start", (*bench).start},
		{"step", (*bench).step},
		{"proxy", (*bench).proxy},
	}
}

type measurement struct {
	name string
	run  func(*bench, context.Context) error
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	headroomPath := flags.String("headroom", "bin/headroom", "the headroom to measure")
	shopPath := flags.String("shop", "bin/shop", "the sample service")
	only := flags.String("only", "", "which measurements, of idle,start,step,proxy; all where not given")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "headroom-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, out: out, progress: progress}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.headroom, err = filepath.Abs(*headroomPath); err != nil {
		return err
	}
	if b.shop, err = filepath.Abs(*shopPath); err != nil {
		return err
	}
	for _, binary := range []string{b.headroom, b.shop} {
		if _, err := os.Stat(binary); err != nil {
			return fmt.Errorf("%w: make build makes it", err)
		}
	}
	fmt.Fprintf(out, "Measured on %s.\n", report.Machine())
	for _, m := range measurements() {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), m.name) {
			continue
		}
		if err := m.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// say tells what is being done.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }
