package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// errHelpShown says that --help was asked for and answered.
var errHelpShown = errors.New("help shown")

// maxMemory is 1 TiB: past any machine this runs on, and far below where a Go slice cannot be made.
const maxMemory = 1 << 40

// options are the flags of one shop.
type options struct {
	address      string        // host to listen on
	port         int           // 0..65535; 0 lets the kernel choose
	replica      string        // REPLICA_ID from the environment, may be empty
	cpu          time.Duration // CPU time burnt per request
	latency      time.Duration // mean waiting time per request
	distribution string        // "fixed" or "exponential"
	workers      int           // requests served at once; 0 is unlimited
	startDelay   time.Duration // from start to listening
	readyDelay   time.Duration // from listening to healthy
	memory       int64         // bytes held
	failRate     float64       // 0..1, part of the requests answered 500
	crashAfter   time.Duration // from start to exit 1; negative is never
	neverHealthy bool
}

// parseOptions reads the flags. Errors name the flag, the value and what was expected.
func parseOptions(args []string, getenv func(string) string, help io.Writer) (options, error) {
	o := options{replica: getenv("REPLICA_ID")}
	var port, memory string
	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&port, "port", getenv("PORT"), "`port` to listen on, 0 for any free one; the default is $PORT")
	flags.StringVar(&o.address, "address", "127.0.0.1", "`host` to listen on")
	flags.DurationVar(&o.cpu, "cpu", 0, "CPU time burnt per request")
	flags.DurationVar(&o.latency, "latency", 20*time.Millisecond, "mean time each request waits")
	flags.StringVar(&o.distribution, "latency-distribution", "fixed", "`shape` of the waiting time: fixed or exponential")
	flags.IntVar(&o.workers, "workers", 0, "`requests` served at once, the others wait in order; 0 is unlimited")
	flags.DurationVar(&o.startDelay, "start-delay", 0, "time before it listens")
	flags.DurationVar(&o.readyDelay, "ready-delay", 0, "time it listens and answers 503 before it is healthy")
	flags.StringVar(&memory, "memory", "0", "`bytes` of memory to hold, such as 64MiB")
	flags.Float64Var(&o.failRate, "fail-rate", 0, "`part` of the requests answered 500, from 0 to 1")
	flags.DurationVar(&o.crashAfter, "crash-after", -1, "exit 1 this long after the start; 0s at once, negative never")
	flags.BoolVar(&o.neverHealthy, "never-healthy", false, "answer /health with 503 for ever")

	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(help, "shop is a sample service: its cost per request and its failures are flags.")
		flags.SetOutput(help)
		flags.PrintDefaults()
		return o, errHelpShown
	}
	if err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: shop takes flags only", flags.Arg(0))
	}
	if o.port, err = parsePort(port); err != nil {
		return o, err
	}
	if o.memory, err = parseBytes(memory); err != nil {
		return o, fmt.Errorf("--memory: %w", err)
	}
	return o, o.validate()
}

func (o options) validate() error {
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{
		{"--cpu", o.cpu}, {"--latency", o.latency}, {"--start-delay", o.startDelay}, {"--ready-delay", o.readyDelay},
	} {
		if d.value < 0 {
			return fmt.Errorf("%s is %v: expected a duration of 0 or more, such as 20ms", d.flag, d.value)
		}
	}
	if o.distribution != "fixed" && o.distribution != "exponential" {
		return fmt.Errorf("--latency-distribution is %q: expected fixed or exponential", o.distribution)
	}
	if o.workers < 0 {
		return fmt.Errorf("--workers is %d: expected 0 (unlimited) or more", o.workers)
	}
	if !(o.failRate >= 0 && o.failRate <= 1) { // written so that NaN is refused
		return fmt.Errorf("--fail-rate is %v: expected a number from 0 to 1", o.failRate)
	}
	return nil
}

func parsePort(s string) (int, error) {
	if s == "" {
		return 0, errors.New("no port: give --port 8081, or set PORT in the environment")
	}
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("--port (or PORT) is %q: expected a number from 0 to 65535", s)
	}
	return int(port), nil
}

// parseBytes reads a size: a whole number with an optional unit, KiB, MiB, GiB (powers of 1024) or KB, MB, GB (of 1000).
func parseBytes(s string) (int64, error) {
	digits := strings.TrimRight(s, "KMGiB")
	unit := int64(1)
	switch s[len(digits):] {
	case "", "B":
	case "KB":
		unit = 1e3
	case "MB":
		unit = 1e6
	case "GB":
		unit = 1e9
	case "KiB":
		unit = 1 << 10
	case "MiB":
		unit = 1 << 20
	case "GiB":
		unit = 1 << 30
	default:
		return 0, fmt.Errorf("%q: unknown unit, expected a size such as 64MiB", s)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > maxMemory/unit {
		return 0, fmt.Errorf("%q: expected a size from 0 to 1024GiB, such as 64MiB", s)
	}
	return n * unit, nil
}
