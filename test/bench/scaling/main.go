//go:build linux

// Command scaling measures how many services one core can scale each second: the real control loop with its signals, over a platform and a
// store that cost nothing. It prints a Markdown table, and writes the figures as JSON where asked.
//
//	go run ./test/bench/scaling [-services 10000] [-for 60s] [-json FILE]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/control"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	services := flag.Int("services", 10_000, "how many services, with two replicas and three signals each")
	length := flag.Duration("for", time.Minute, "how long to measure")
	warmUp := flag.Duration("warm-up", 30*time.Second, "how long to run before: until histories have their length")
	file := flag.String("json", "", "where to write the figures")
	profile := flag.String("cpuprofile", "", "where to write a profile of the processor")
	flag.Parse()
	runtime.GOMAXPROCS(1)

	b, err := start(ctx, *services)
	if err != nil {
		return err
	}
	defer b.end()
	b.tick(*warmUp)
	if *profile != "" {
		out, err := os.Create(*profile)
		if err != nil {
			return fmt.Errorf("write the profile: %w", err)
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			return fmt.Errorf("write the profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	result := b.measure(*length)
	result.print(os.Stdout)
	if *file == "" {
		return nil
	}
	data, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", *file, err)
	}
	return os.WriteFile(*file, append(data, '\n'), 0o644)
}

// bench is a running loop and what drives it.
type bench struct {
	ctx     context.Context
	control *control.Controller
	traffic *traffic
	tables  <-chan headroom.Endpoints
	reports <-chan control.Report
	end     func()
}

func start(ctx context.Context, services int) (*bench, error) {
	config := headroom.Config{Services: make(map[string]headroom.Service, services)}
	names := make([]string, services)
	for i := range names {
		names[i] = fmt.Sprintf("service-%05d", i)
		config.Services[names[i]] = headroom.Service{
			Run: &headroom.Run{Command: headroom.Command{"shop"}, StartTimeout: headroom.Duration(time.Minute)},
			Scaling: headroom.Scaling{Enabled: true, MinReplicas: 2, MaxReplicas: 10, TargetCPUUtilization: 70, TargetRequestsPerSecond: 50,
				TargetInFlight: 8, Tolerance: 0.1, StableWindow: headroom.Duration(15 * time.Second), PanicThreshold: 1.5,
				ScaleDownCooldown: headroom.Duration(20 * time.Second)},
			LoadBalancing: headroom.LoadBalancing{DrainTimeout: headroom.Duration(time.Second)},
		}
	}
	c, err := control.New(control.Options{Store: nothing{}, Platform: newCluster(), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), MachineMemory: 8 << 30})
	if err != nil {
		return nil, err
	}
	if err := c.Apply(config); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &bench{ctx: ctx, control: c, traffic: newTraffic(names)}
	var untable, unreport func()
	b.tables, untable = c.Endpoints.Subscribe()
	b.reports, unreport = c.Reports.Subscribe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx)
	}()
	b.end = func() { cancel(); <-ended; untable(); unreport() }
	c.Settled(ctx)
	return b, nil
}

// tick has the balancer report each second for a while, and returns what the loop reported.
func (b *bench) tick(length time.Duration) []control.Report {
	var reports []control.Report
	for end := time.Now().Add(length); time.Now().Before(end) && b.ctx.Err() == nil; {
		at := time.Now().Truncate(time.Second).Add(time.Second)
		time.Sleep(time.Until(at))
		b.control.Measured(b.traffic.next(at))
		reports = append(reports, said(b.reports)...)
		if tables := said(b.tables); len(tables) > 0 {
			b.traffic.heed(tables[len(tables)-1])
		}
	}
	return reports
}

// said is all that waits in a channel.
func said[T any](from <-chan T) []T {
	var all []T
	for {
		select {
		case value := <-from:
			all = append(all, value)
		default:
			return all
		}
	}
}
