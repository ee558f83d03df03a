//go:build linux

// Command algorithms shows what docs/algorithms.md says: the algorithms in the simulator, and beside HAProxy and nginx before real processes that
// are unequal.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	headroom := flag.String("headroom", "bin/headroom", "the program that is measured")
	svg := flag.String("svg", "", "write the picture of the simulated part here")
	seeds := flag.Int("seeds", 3, "runs of each scenario, which are counted together")
	span := flag.Duration("for", 20*time.Second, "how long each real run lasts")
	only := flag.String("only", "", "simulated or real; both where it is empty")
	serve := flag.String("origin", "", "be a backend at this address")
	mean := flag.Duration("mean", 5*time.Millisecond, "of the backend's times")
	fails := flag.Bool("fails", false, "the backend fails at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *serve, *mean, *fails, *only, *svg, *seeds, real{headroom: *headroom, span: *span}); err != nil {
		fmt.Fprintln(os.Stderr, "bench-algorithms:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, serve string, mean time.Duration, fails bool, only, svg string, seeds int, r real) error {
	if serve != "" {
		return origin(serve, mean, fails)
	}
	if only != "real" {
		if err := simulated(ctx, svg, seeds); err != nil {
			return err
		}
	}
	if only != "simulated" {
		return r.run(ctx)
	}
	return nil
}
