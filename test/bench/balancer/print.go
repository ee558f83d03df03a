//go:build linux

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"headroom.dev/headroom/test/bench/generator"
	"headroom.dev/headroom/test/bench/report"
)

// print writes all results as Markdown.
func (r results) print(out io.Writer) {
	fmt.Fprintf(out, "Measured on %s, in %s: medians of %d rounds in turn. Beside headroom: %s.\n",
		r.Machine, r.Took.Round(time.Second), r.Rounds, strings.Join(append(slices.Clone(r.Peers), "Go's httputil.ReverseProxy"), ", "))
	for _, w := range r.Works {
		switch {
		case w.Name == "idle":
			w.printIdle(out)
		case w.Name == "change":
			w.printChange(out)
		case w.Name == "websocket" || w.Name == "tcp":
			w.printTunnel(out)
		default:
			w.printRequests(out)
		}
		for _, p := range w.Proxies {
			if p.Error != "" {
				fmt.Fprintf(out, "\n%s is left out: %s.\n", p.Name, p.Error)
			}
		}
	}
	r.printGoals(out)
}

const none = "–"

func (w workResult) printRequests(out io.Writer) {
	head := []string{w.Title, "CPU/request", "beside headroom", "requests/s per core", "core busy", "RSS", "allocations/request"}
	for i, share := range shares() {
		rate := none
		if i < len(w.Rates) {
			rate = fmt.Sprintf("%.0f/s", w.Rates[i])
		}
		head = append(head, fmt.Sprintf("p50 / p99 / p99.9 at %.0f %% (%s)", 100*share, rate))
	}
	own := w.proxy("headroom").cpu()
	rows := [][]string{}
	for _, p := range w.Proxies {
		if len(p.Capacity) == 0 {
			continue
		}
		row := []string{p.Name, report.Microseconds(p.cpu()), ratio(float64(p.cpu()), float64(own)),
			fmt.Sprintf("%.0f", float64(time.Second)/float64(p.cpu())),
			fmt.Sprintf("%.0f %%", 100*over(p.Capacity, func(r capacityRound) float64 { return r.Busy })), report.Megabytes(p.Resident), none}
		if p.Allocations != nil {
			row[6] = fmt.Sprintf("%.1f", *p.Allocations)
		}
		for _, share := range shares() {
			row = append(row, quantiles(p.at(share)))
		}
		rows = append(rows, row)
	}
	report.Table(out, w.Title, append([]string{""}, head[1:]...), rows)
}

// ratio is a figure beside another; a dash where there is no other.
func ratio(figure, other float64) string {
	if quotient := figure / other; other > 0 && !math.IsNaN(quotient) {
		return fmt.Sprintf("%.2f", quotient)
	}
	return none
}

func quantiles(rounds []latencyRound) string {
	if len(rounds) == 0 {
		return none
	}
	at := func(quantile func(generator.Latency) time.Duration) string {
		return fmt.Sprintf("%.2f", over(rounds, func(r latencyRound) float64 { return float64(quantile(r.Latency)) })/float64(time.Millisecond))
	}
	text := at(p50) + " / " + at(p99) + " / " + at(p999) + " ms"
	failed := int64(0)
	for _, round := range rounds {
		failed += round.Failed
	}
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	return text
}

func p50(l generator.Latency) time.Duration  { return l.P50 }
func p99(l generator.Latency) time.Duration  { return l.P99 }
func p999(l generator.Latency) time.Duration { return l.P999 }

func (w workResult) printIdle(out io.Writer) {
	rows := [][]string{}
	for _, p := range w.Proxies {
		if p.Error == "" {
			rows = append(rows, []string{p.Name, fmt.Sprintf("%.1f KB", p.IdleBytes/1e3), report.Megabytes(p.Resident)})
		}
	}
	report.Table(out, w.Title, []string{"", "memory for each", "RSS"}, rows)
}

func (w workResult) printTunnel(out io.Writer) {
	rows := [][]string{}
	for _, p := range w.Proxies {
		if len(p.Tunnel) > 0 {
			rows = append(rows, []string{p.Name, fmt.Sprintf("%.2f GB/s", p.throughput()),
				report.Milliseconds(time.Duration(over(p.Tunnel, func(r tunnelRound) float64 { return float64(r.CPU) })))})
		}
	}
	report.Table(out, w.Title, []string{"", "throughput", "CPU/GB"}, rows)
}

func (p *proxyResult) throughput() float64 {
	return over(p.Tunnel, func(r tunnelRound) float64 { return r.GigabytesPerSecond })
}

func (w workResult) printChange(out io.Writer) {
	rows := [][]string{}
	for _, p := range w.Proxies {
		if len(p.Change) == 0 {
			continue
		}
		steady, changing := p.change()
		rows = append(rows, []string{p.Name, fmt.Sprintf("%.0f", p.Change[0].Steady.Rate), fmt.Sprint(p.failedByChange()),
			report.FineMilliseconds(steady), report.FineMilliseconds(changing), ratio(float64(changing), float64(steady))})
	}
	report.Table(out, w.Title, []string{"", "requests/s", "failed requests", "p99 without changes", "p99 with", "ratio"}, rows)
}

// change is the p99 without and with changes.
func (p *proxyResult) change() (steady, changing time.Duration) {
	steady = time.Duration(over(p.Change, func(r changeRound) float64 { return float64(r.Steady.P99) }))
	changing = time.Duration(over(p.Change, func(r changeRound) float64 { return float64(r.Changing.P99) }))
	return steady, changing
}

func (p *proxyResult) failedByChange() (failed int64) {
	for _, round := range p.Change {
		failed += round.Changing.Failed
	}
	return failed
}
