// Command shop is the sample service: a small HTTP and gRPC server whose cost per request, start-up and failures are flags.
//
// The quickstart and the end-to-end tests run it as replicas, so it behaves as a well-made service does: it listens on
// the port it is given, tells its health apart from its existence, and on SIGTERM finishes what it has begun.
//
// One replica carries workers/(cpu+latency) requests per second: with --workers 10 --latency 20ms it is 500.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// Exit codes: what went wrong is readable without the output.
const (
	exitOK      = 0
	exitFailure = 1 // it could not listen, or --crash-after came
	exitUsage   = 2 // a flag is wrong
)

func main() {
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is main with its surroundings passed in. It returns the exit code once the server has stopped.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	// The signal is caught from the first instant, so that a stop during --start-delay is a clean exit too.
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer release()

	o, err := parseOptions(args, getenv, stdout)
	if errors.Is(err, errHelpShown) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "shop: %v\nRun shop --help to see every flag.\n", err)
		return exitUsage
	}

	var crash <-chan time.Time // nil, never ready: no crash asked for
	if o.crashAfter >= 0 {
		crash = time.After(o.crashAfter)
	}
	held := hold(o.memory)
	defer held.release()

	select {
	case <-time.After(o.startDelay):
	case <-crash:
		fmt.Fprintf(stderr, "shop: crashing on purpose: --crash-after %v\n", o.crashAfter)
		return exitFailure
	case <-ctx.Done():
		return exitOK
	}

	listener, err := net.Listen("tcp", net.JoinHostPort(o.address, strconv.Itoa(o.port)))
	if err != nil {
		fmt.Fprintf(stderr, "shop: cannot listen: %v\n", err)
		return exitFailure
	}
	o.port = listener.Addr().(*net.TCPAddr).Port

	shop := newService(o, time.Now())
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // for gRPC
	server := &http.Server{
		Handler:           shop,
		Protocols:         &protocols,
		ReadHeaderTimeout: 10 * time.Second,
		// Longer than the balancer keeps an idle connection, so that it is never we who close one in use.
		IdleTimeout: 5 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Fprintf(stdout, "shop: listening on http://%s (pid %d)\n", listener.Addr(), os.Getpid())

	select {
	case err := <-failed:
		fmt.Fprintf(stderr, "shop: serving failed: %v\n", err)
		return exitFailure
	case <-crash:
		fmt.Fprintf(stderr, "shop: crashing on purpose: --crash-after %v\n", o.crashAfter)
		return exitFailure
	case <-ctx.Done():
	}
	release() // a second signal ends the process at once

	fmt.Fprintln(stdout, "shop: stopping: finishing the requests in flight")
	// No deadline of our own: whoever sent SIGTERM knows how long the grace is, and follows with SIGKILL.
	if err := server.Shutdown(context.Background()); err != nil {
		fmt.Fprintf(stderr, "shop: stopping failed: %v\n", err)
		return exitFailure
	}
	fmt.Fprintf(stdout, "shop: stopped after %d requests\n", shop.requests.Load())
	return exitOK
}
