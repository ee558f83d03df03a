package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headroom.dev/headroom"
	"headroom.dev/headroom/simulate/backtest"
)

// backtestFlags are the flags of headroom backtest.
type backtestFlags struct {
	service           string
	load, unit        string
	scale             float64
	last              string
	fromHistory       string
	prometheus, query string
	noise             bool
	seed              uint64
	compare           []string
	objective         string

	model                                  string
	capacity, cpuAtCapacity, startFailures float64
	serviceTime, boot, platformDelay       time.Duration
	given                                  func(flag string) bool

	decisions, plot, html string
}

func newBacktestCommand(a *app) *cobra.Command {
	var f backtestFlags
	cmd := &cobra.Command{
		Use:   "backtest (--load FILE | --from-history TIME | --prometheus URL --query Q)",
		Short: "Try a service's policy on recorded load, beside the ways in which others scale",
		Long: `Try a service's policy on recorded load, in virtual time, beside the ways in which others scale.

The load is a CSV file of time,value (unix seconds or RFC 3339, with a header or without), what the
monitor of a running headroom has recorded, or the result of a query to a Prometheus. The policy is the
one of the config file, and decides by the code that decides live. The service is a model: what a
replica answers per second, how long a request takes, how long a replica boots. With --from-history it is
learned from what the monitor has measured; --model has one in a file, and the flags change single numbers.

Beside it, on the same requests: hpa (a HorizontalPodAutoscaler with metrics as old as those of the
metrics server), knative, step (step scaling on one-minute alarms, as on AWS), schedule (the peak of the
same hour of the week before), static-peak (enough for the peak, all the time), and oracle, which knows
the future: the least that could have been enough.

The same seed gives the same numbers.`,
		Example: `  headroom backtest -c headroom.yaml --service shop --load week.csv
  headroom backtest --load requests.csv --load-unit per-minute --scale 10 --capacity 95 --boot 20s
  headroom backtest --from-history 7d --compare hpa,oracle --html report.html
  headroom backtest --prometheus http://prometheus:9090 --query 'sum(rate(http_requests_total[1m]))' --last 2d`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.given = cmd.Flags().Changed
			return a.backtest(cmd.Context(), f)
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.service, "service", "", "`service` of the config file; needed where it has several")
	set.StringVar(&f.load, "load", "", "CSV `file` of time,value")
	set.StringVar(&f.unit, "load-unit", string(backtest.PerSecond), "what values count: per-second, per-minute, per-interval, or cpu (`unit`; cpu is percent of one replica's processor)")
	set.Float64Var(&f.scale, "scale", 1, "multiply the load by `K`")
	set.StringVar(&f.last, "last", "", "only the end of the load, of this `time`, such as 7d; of --prometheus 7d where not given")
	set.StringVar(&f.fromHistory, "from-history", "", "the requests that headroom's monitor has counted in this `time`, such as 7d")
	set.StringVar(&f.prometheus, "prometheus", "", "`URL` of a Prometheus that has the load")
	set.StringVar(&f.query, "query", "", "PromQL `query` of the load; its series are added up")
	set.BoolVar(&f.noise, "noise", true, "requests come at random around the load, as of independent users; not where each second was counted")
	set.Uint64Var(&f.seed, "seed", 1, "`number` that makes what is random repeatable")
	set.StringSliceVar(&f.compare, "compare", backtest.Names(), "`policies` to compare with; an empty one for none")
	set.StringVar(&f.objective, "objective", "", "`availability[,latency[,share]]` in place of the service's objective, such as 99.9,300ms,99")
	set.StringVar(&f.model, "model", "", "`file` with the model of the service, YAML or JSON, such as .model of -o json; nothing is learned then")
	set.Float64Var(&f.capacity, "capacity", 0, "`requests` per second that a replica answers at most; derived from the targets where neither given nor learned")
	set.DurationVar(&f.serviceTime, "service-time", 50*time.Millisecond, "`time` that a request takes when it does not wait")
	set.Float64Var(&f.cpuAtCapacity, "cpu-at-capacity", 100, "`percent` of run.cpu that a replica at its capacity uses")
	set.DurationVar(&f.boot, "boot", 5*time.Second, "`time` from the start of a replica to ready")
	set.DurationVar(&f.platformDelay, "platform-delay", 0, "`time` from the order of a replica to its start")
	set.Float64Var(&f.startFailures, "start-failures", 0, "`share` of the starts that fail, 0 to 1")
	set.StringVar(&f.decisions, "decisions", "", "write the decisions that changed the number to this `file`, one JSON record a line")
	set.StringVar(&f.plot, "plot", "", "draw load and capacity to this `file` as SVG")
	set.StringVar(&f.html, "html", "", "write the whole report to this `file`")
	cmd.MarkFlagsOneRequired("load", "from-history", "prometheus")
	cmd.MarkFlagsMutuallyExclusive("load", "from-history", "prometheus")
	cmd.MarkFlagsRequiredTogether("prometheus", "query")
	must(cmd.MarkFlagFilename("load", "csv"))
	must(cmd.MarkFlagFilename("model", "yaml", "yml", "json"))
	var units []string
	for _, unit := range backtest.Units() {
		units = append(units, string(unit))
	}
	must(cmd.RegisterFlagCompletionFunc("load-unit", cobra.FixedCompletions(units, cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("compare", cobra.FixedCompletions(backtest.Names(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (a *app) backtest(ctx context.Context, f backtestFlags) error {
	world, notes, err := a.backtestWorld(ctx, f)
	if err != nil {
		return err
	}
	// Before the run: nobody should wait to learn that a file cannot be written.
	files := map[string]*os.File{}
	for flag, path := range map[string]string{"decisions": f.decisions, "plot": f.plot, "html": f.html} {
		if path == "" {
			continue
		}
		file, err := os.Create(path)
		if err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
		defer file.Close()
		files[flag] = file
	}
	var each func(headroom.Decision)
	var failed error
	if file := files["decisions"]; file != nil {
		encoder := json.NewEncoder(file)
		encoder.SetEscapeHTML(false)
		each = func(d headroom.Decision) {
			if failed == nil {
				failed = encoder.Encode(d)
			}
		}
	}
	names := slices.DeleteFunc(slices.Clone(f.compare), func(name string) bool { return name == "" })
	for _, name := range names {
		if !slices.Contains(backtest.Names(), name) {
			return usagef(didYouMean(name, backtest.Names()), "--compare %s: expected some of %s", name, strings.Join(backtest.Names(), ", "))
		}
	}
	report, err := backtest.Compare(ctx, world, names, each)
	if err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("--decisions: %w", failed)
	}
	report.Notes = append(notes, report.Notes...)
	for flag, write := range map[string]func(io.Writer) error{"plot": report.Picture, "html": report.Page} {
		if file := files[flag]; file != nil {
			if err := write(file); err != nil {
				return fmt.Errorf("--%s: %w", flag, err)
			}
		}
	}
	for flag, file := range files {
		if err := file.Close(); err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
	}
	return a.print(a.out, report, func(w io.Writer, s style) error { return writeBacktest(w, s, report) })
}

func optionalDuration(flag, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	length, err := headroom.ParseDuration(text)
	if err != nil || length == 0 {
		return 0, usagef("days can be written as 7d", "--%s: %q is not a duration above 0, such as 12h or 7d", flag, text)
	}
	return time.Duration(length), nil
}

// chooseService is the named service, or the only one.
func chooseService(services map[string]headroom.Service, name string) (string, headroom.Service, error) {
	names := slices.Sorted(maps.Keys(services))
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	if name == "" {
		return "", headroom.Service{}, usagef("services: "+strings.Join(names, ", "), "--service is needed: the config file has %s", plural(len(names), "service"))
	}
	service, found := services[name]
	if !found {
		return "", headroom.Service{}, usagef(didYouMean(name, names), "--service %s: the config file has no such service", name)
	}
	return name, service, nil
}

// parseObjective reads availability[,latency[,share]]; what is not given stays.
func parseObjective(text string, o headroom.Objective) (headroom.Objective, error) {
	parts := strings.Split(text, ",")
	wrong := usagef("", "--objective %q: expected availability[,latency[,share]], percent of 50 to 99.9999, such as 99.9,300ms,99", text)
	if len(parts) > 3 {
		return o, wrong
	}
	var err error
	for i, part := range parts {
		part = strings.TrimSpace(part)
		switch i {
		case 0:
			o.Availability, err = parsePercent(part)
		case 1:
			o.Latency, err = headroom.ParseDuration(part)
		default:
			o.LatencyShare, err = parsePercent(part)
		}
		if err != nil {
			return o, wrong
		}
	}
	return o, nil
}

func writeBacktest(w io.Writer, s style, r backtest.Report) error {
	if _, err := fmt.Fprintf(w, "%s\n\n", r.Summary()); err != nil {
		return err
	}
	t := newTable(s, backtest.Headings()...)
	for _, result := range r.Results {
		cells := make([]cell, 0, len(backtest.Headings()))
		for i, value := range result.Row() {
			if i == 0 {
				cells = append(cells, text(value))
				continue
			}
			cells = append(cells, number(value))
		}
		t.add(cells...)
	}
	if err := t.write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(r.Assumed(), "\n"))
	return err
}

// parsePercent reads a share as objectives have it.
func parsePercent(text string) (float64, error) {
	value, err := strconv.ParseFloat(text, 64)
	if err == nil && !(value >= 50 && value <= 99.9999) {
		err = strconv.ErrRange
	}
	return value, err
}
