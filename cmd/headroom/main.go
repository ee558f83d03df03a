// Command headroom keeps a service fast at the least cost: it balances its traffic, watches it, and scales it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"headroom.dev/headroom/platform/process"
)

func main() {
	// A replica with limits starts as a copy of this program that joins its cgroup and then becomes the user's command.
	process.RunShimIfAsked(os.Args)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := newApp(os.Stdin, os.Stdout, os.Stderr, os.Environ()).execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
