package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/simulate/load"
)

// loadFlags are the flags of headroom load.
type loadFlags struct {
	url, method string
	rate        float64
	steps, sine string
	trace       string
	speed       float64
	scale       float64
	per         time.Duration
	duration    time.Duration
	poisson     bool
	seed        uint64
	timeout     time.Duration
	maxInFlight int
	histogram   string
}

func newLoadCommand(a *app) *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load --url URL (--rate R | --steps S | --sine M,A,P | --trace FILE)",
		Short: "Send HTTP requests of a given shape and measure how they are answered",
		Long: `Send HTTP requests of a given shape and measure how they are answered.

The generator is open loop: requests leave when the shape says so, whether or not earlier ones have
been answered, and latency counts from when a request was meant to leave. A slow server thus cannot
hide its slowness by slowing down the generator (coordinated omission).

It ends with a table (or -o json), also on Ctrl-C. The exit code is 0 whatever the answers were.`,
		Example: `  headroom load --url http://127.0.0.1:8080/ --rate 50 --duration 30s
  headroom load --url http://127.0.0.1:8080/ --steps 60s@40,60s@200,10s@200..40
  headroom load --url http://127.0.0.1:8080/ --sine 100,50,60s --duration 5m --poisson
  headroom load --url http://127.0.0.1:8080/ --trace day.csv --speed 60 --scale 0.1 --hdr day.hgrm`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.load(cmd.Context(), f) },
	}
	set := cmd.Flags()
	set.StringVar(&f.url, "url", "", "`URL` of every request")
	set.StringVar(&f.method, "method", "GET", "`method` of every request")
	set.Float64Var(&f.rate, "rate", 0, "constant `requests` per second; needs --duration")
	set.StringVar(&f.steps, "steps", "", "`steps` DURATION@RATE and ramps DURATION@RATE..RATE, joined by commas")
	set.StringVar(&f.sine, "sine", "", "sine `mean,amplitude,period` such as 100,50,60s; needs --duration")
	set.StringVar(&f.trace, "trace", "", "CSV `file` with the header unix_seconds,value")
	set.Float64Var(&f.speed, "speed", 1, "compress the trace's time by `N`: at 60 an hour takes a minute")
	set.Float64Var(&f.scale, "scale", 1, "multiply the trace's values by `X`")
	set.DurationVar(&f.per, "per", time.Second, "`time` over which a value of the trace counts requests")
	set.DurationVar(&f.duration, "duration", 0, "end after this `time`, also before the shape does")
	set.BoolVar(&f.poisson, "poisson", false, "arrivals at random, as of independent users, in place of evenly")
	set.Uint64Var(&f.seed, "seed", 1, "`number` that makes --poisson repeatable")
	set.DurationVar(&f.timeout, "timeout", load.DefaultTimeout, "`time` that one request may take")
	set.IntVar(&f.maxInFlight, "max-in-flight", load.DefaultMaxInFlight, "most `requests` without an answer; what is due beyond is dropped and counted")
	set.StringVar(&f.histogram, "hdr", "", "write all latencies to this `file` as an HdrHistogram percentile distribution")
	must(cmd.MarkFlagRequired("url"))
	cmd.MarkFlagsOneRequired("rate", "steps", "sine", "trace")
	cmd.MarkFlagsMutuallyExclusive("rate", "steps", "sine", "trace")
	must(cmd.MarkFlagFilename("trace", "csv"))
	return cmd
}

func (a *app) load(ctx context.Context, f loadFlags) error {
	shape, err := f.shape()
	if err != nil {
		return err
	}
	var histogram *os.File
	if f.histogram != "" {
		// Before the run: nobody should wait an hour to learn that the file cannot be written.
		if histogram, err = os.Create(f.histogram); err != nil {
			return fmt.Errorf("--hdr: %w", err)
		}
		defer histogram.Close()
	}
	progress := &loadProgress{a: a}
	report, err := load.Run(ctx, load.Options{
		URL: f.url, Method: f.method,
		Shape: shape, Duration: f.duration, Poisson: f.poisson, Seed: f.seed,
		Timeout: f.timeout, MaxInFlight: f.maxInFlight,
		Progress: progress.show,
	})
	progress.end()
	if err != nil {
		return usagef("headroom load --help shows examples", "%s", err)
	}
	if err := a.print(a.out, report, func(w io.Writer, _ style) error { return report.WriteTable(w) }); err != nil {
		return err
	}
	if histogram == nil {
		return nil
	}
	if err := report.WriteHistogram(histogram); err != nil {
		return fmt.Errorf("--hdr %s: %w", f.histogram, err)
	}
	if err := histogram.Close(); err != nil {
		return fmt.Errorf("--hdr %s: %w", f.histogram, err)
	}
	return nil
}

// shape is the one shape that was asked for.
func (f loadFlags) shape() (load.Shape, error) {
	wrong := func(flag string, err error) error {
		return usagef("headroom load --help shows examples", "--%s: %s", flag, err)
	}
	switch {
	case f.steps != "":
		shape, err := load.ParseSteps(f.steps)
		if err != nil {
			return nil, wrong("steps", err)
		}
		return shape, nil
	case f.sine != "":
		sine, err := parseSine(f.sine)
		if err != nil {
			return nil, wrong("sine", err)
		}
		return sine, nil
	case f.trace != "":
		file, err := os.Open(f.trace)
		if err != nil {
			return nil, fmt.Errorf("--trace: %w", err)
		}
		defer file.Close()
		shape, err := load.ReadTrace(file, load.TraceOptions{Speed: f.speed, Scale: f.scale, Per: f.per})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.trace, err)
		}
		return shape, nil
	default:
		shape, err := load.Constant(f.rate)
		if err != nil {
			return nil, wrong("rate", err)
		}
		return shape, nil
	}
}

// parseSine reads MEAN,AMPLITUDE,PERIOD.
func parseSine(text string) (load.Sine, error) {
	var sine load.Sine
	var period string
	if n, err := fmt.Sscanf(text, "%g,%g,%s", &sine.Mean, &sine.Amplitude, &period); n != 3 {
		return sine, fmt.Errorf("%q: expected mean,amplitude,period such as 100,50,60s (%w)", text, err)
	}
	var err error
	if sine.Period, err = time.ParseDuration(period); err != nil {
		return sine, fmt.Errorf("period %q: expected a duration such as 60s", period)
	}
	return sine, sine.Validate()
}

// loadProgress shows one line a second: in place on a terminal, and not at all elsewhere, where nobody looks.
type loadProgress struct {
	a     *app
	shown bool
}

// show is called from one goroutine; end only after that has ended.
func (p *loadProgress) show(now load.Progress) {
	if !p.a.isTerminal(p.a.errOut) {
		return
	}
	p.shown = true
	// \r goes to the start of the line and CSI K clears what is left of the line before.
	fmt.Fprintf(p.a.errOut, "\r%s\x1b[K", loadLine(now))
}

func (p *loadProgress) end() {
	if p.shown {
		fmt.Fprint(p.a.errOut, "\r\x1b[K")
	}
}

func loadLine(p load.Progress) string {
	line := fmt.Sprintf("%v of %v  %.0f/s wanted  %d sent  %d failed  %d in flight  p50 %s  p99 %s",
		p.Elapsed.Round(time.Second), p.Total.Round(time.Second), p.Target, p.Counts.Sent, p.Counts.Failed, p.InFlight,
		headroom.ShortDuration(p.Latency.P50), headroom.ShortDuration(p.Latency.P99))
	if p.Counts.Dropped > 0 {
		line += fmt.Sprintf("  %d dropped", p.Counts.Dropped)
	}
	return line
}
