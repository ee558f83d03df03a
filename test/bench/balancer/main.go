//go:build linux

// Command balancer compares headroom as a load balancer with HAProxy, nginx, Caddy and the reverse proxy of Go's standard
// library: on one machine, in one run, in turn. It prints Markdown on standard output, and what it does on standard error.
//
//	go run ./test/bench/balancer -headroom bin/headroom [-only small,tls-full] [-rounds 3] [-time 2s] [-json FILE] [-svg FILE]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"headroom.dev/headroom/test/bench/contender"
	"headroom.dev/headroom/test/bench/origin"
	"headroom.dev/headroom/test/bench/program"
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

// serve runs this program as one of the servers, which have processes of their own and end by any signal.
func serve(args []string) (served bool, err error) {
	switch {
	case len(args) == 3 && args[0] == "serve-origin":
		return true, serveOrigin(contender.Kind(args[1]), args[2])
	case len(args) > 1 && args[0] == "serve-reverse-proxy":
		return true, contender.ServeReverseProxy(args[1:])
	default:
		return false, nil
	}
}

// options are what is asked for on the command line.
type options struct {
	headroom            string
	only                []string
	rounds              int
	time                time.Duration // of each proxy in each round
	proxyCore, loadCore string
	json, svg           string
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	if err := moveToLoadCores(o); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "headroom-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(o, dir, progress)
	if err != nil {
		return err
	}
	if err := program.Install(ctx, b.needs()); err != nil {
		b.say("%s: what is missing is left out", err)
	}
	results := results{Machine: report.Machine(), Peers: b.peers(), Began: time.Now().UTC(), Rounds: o.rounds}
	for _, w := range works() {
		if len(o.only) > 0 && !slices.Contains(o.only, w.name) {
			continue
		}
		result, err := b.measure(ctx, w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		results.Works = append(results.Works, result)
	}
	results.Took = time.Since(results.Began)
	results.print(out)
	return errors.Join(results.write(o.json, results.writeJSON), results.write(o.svg, results.writeSVG))
}

func parse(args []string, progress io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("bench-balancer", flag.ContinueOnError)
	flags.SetOutput(progress)
	names := []string{}
	for _, w := range works() {
		names = append(names, w.name)
	}
	only := flags.String("only", "", "which works, of "+strings.Join(names, ",")+"; all where not given")
	flags.StringVar(&o.headroom, "headroom", "bin/headroom", "the headroom to measure")
	flags.IntVar(&o.rounds, "rounds", 3, "how often each proxy is measured")
	flags.DurationVar(&o.time, "time", 2*time.Second, "how long each proxy is measured in each round; latency half as long at each rate")
	flags.StringVar(&o.proxyCore, "proxy-core", "0", "the core that the proxies run on")
	flags.StringVar(&o.loadCore, "load-cores", loadCores(report.Cores()), "the cores that load and backends run on")
	flags.StringVar(&o.json, "json", "", "write all figures to this file")
	flags.StringVar(&o.svg, "svg", "", "write a picture to this file")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	for _, name := range o.only {
		if !slices.Contains(names, name) {
			return o, fmt.Errorf("-only names %q: expected some of %s", name, strings.Join(names, ", "))
		}
	}
	if o.rounds < 1 || o.time < time.Second {
		return o, fmt.Errorf("-rounds is %d and -time %s: expected 1 or more, and 1s or more", o.rounds, o.time)
	}
	if report.Cores() < 2 {
		return o, errors.New("this machine has one core: expected one for the proxies and another for the load")
	}
	var err error
	if o.headroom, err = filepath.Abs(o.headroom); err != nil {
		return o, err
	}
	if _, err := os.Stat(o.headroom); err != nil {
		return o, fmt.Errorf("%w: make build makes it", err)
	}
	return o, nil
}

// loadCores are all but the first.
func loadCores(cores int) string {
	if cores <= 2 {
		return "1"
	}
	return fmt.Sprintf("1-%d", cores-1)
}

// moveToLoadCores starts this program anew on the cores of the load, unless it is there, so that generators, which are part
// of it, never run where a proxy does.
func moveToLoadCores(o options) error {
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return err
	}
	core := 0
	if _, err := fmt.Sscan(o.proxyCore, &core); err != nil {
		return fmt.Errorf("-proxy-core is %q: expected the number of one core", o.proxyCore)
	}
	if !may.IsSet(core) {
		return nil
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return fmt.Errorf("%w: it is in the Debian package util-linux", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(taskset, append([]string{"taskset", "-c", o.loadCore, self}, os.Args[1:]...), os.Environ())
}

func serveOrigin(kind contender.Kind, address string) error {
	switch kind {
	case contender.GRPC:
		return origin.ServeGRPC(address)
	case contender.TCP:
		return origin.ServeTunnel(address)
	default:
		return origin.ServeHTTP1(address)
	}
}
