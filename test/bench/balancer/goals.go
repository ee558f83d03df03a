//go:build linux

package main

import (
	"fmt"
	"io"
	"math"

	"headroom.dev/headroom/test/bench/report"
)

// goal is a bound of what headroom's figure is beside a peer's, or alone where there is no peer.
type goal struct {
	works   []string
	what    string
	peer    string
	bound   float64
	atLeast bool // the figure should be the bound or more; otherwise or less
	figure  func(*proxyResult) float64
}

// goals of the data plane.
func goals() []goal {
	cpu := func(p *proxyResult) float64 {
		if len(p.Capacity) == 0 {
			return math.NaN()
		}
		return float64(p.cpu())
	}
	latency := func(share float64, quantile func(latencyRound) float64) func(*proxyResult) float64 {
		return func(p *proxyResult) float64 { return over(p.at(share), quantile) }
	}
	q99 := func(r latencyRound) float64 { return float64(r.P99) }
	q999 := func(r latencyRound) float64 { return float64(r.P999) }
	bodies := []string{"1k", "16k", "256k", "upload", "chunked"}
	all := append([]string{"small", "connect", "tls-full", "tls-resumed"}, bodies...)
	return []goal{
		{[]string{"small"}, "CPU/request", "HAProxy", 0.9, false, cpu},
		{[]string{"small"}, "CPU/request", "nginx", 1, false, cpu},
		{[]string{"small"}, "CPU/request", "Caddy", 0.25, false, cpu},
		{[]string{"small"}, "CPU/request", "ReverseProxy", 0.25, false, cpu},
		{all, "p99 at 50 %", "HAProxy", 1, false, latency(0.5, q99)},
		{all, "p99.9 at 50 %", "HAProxy", 1, false, latency(0.5, q999)},
		{all, "p99 at 80 %", "HAProxy", 1, false, latency(0.8, q99)},
		{all, "p99.9 at 80 %", "HAProxy", 1, false, latency(0.8, q999)},
		{bodies, "CPU/byte", "HAProxy", 1, false, cpu},
		{[]string{"connect", "tls-full", "tls-resumed"}, "CPU/request", "HAProxy", 1.2, false, cpu},
		{[]string{"http2", "grpc"}, "CPU/request", "Caddy", 0.5, false, cpu},
		{[]string{"idle"}, "KB for each connection", "", 5, false, func(p *proxyResult) float64 {
			if p.Resident == 0 {
				return math.NaN()
			}
			return p.IdleBytes / 1e3
		}},
		{[]string{"websocket", "tcp"}, "throughput", "HAProxy", 0.95, true, (*proxyResult).throughput},
		{[]string{"change"}, "failed requests", "", 0, false, func(p *proxyResult) float64 {
			if len(p.Change) == 0 {
				return math.NaN()
			}
			return float64(p.failedByChange())
		}},
		{[]string{"change"}, "p99, beside that without changes", "", 1.1, false, func(p *proxyResult) float64 {
			steady, changing := p.change()
			return float64(changing) / float64(steady)
		}},
	}
}

// printGoals says which goals were met by the works that were measured.
func (r results) printGoals(out io.Writer) {
	rows := [][]string{}
	for _, goal := range goals() {
		for _, name := range goal.works {
			for _, w := range r.Works {
				if w.Name == name {
					rows = append(rows, goal.row(w))
				}
			}
		}
	}
	report.Table(out, "Goals", []string{"work", "", "beside", "goal", "measured", "met"}, rows)
}

func (g goal) row(w workResult) []string {
	measured, relation, beside := g.figure(w.proxy("headroom")), "≤", none
	if g.peer != "" {
		measured, beside = measured/g.figure(w.proxy(g.peer)), g.peer
	}
	met := measured <= g.bound
	if g.atLeast {
		relation, met = "≥", measured >= g.bound
	}
	row := []string{w.Name, g.what, beside, fmt.Sprintf("%s %g", relation, g.bound), none, none}
	if math.IsNaN(measured) || math.IsInf(measured, 0) {
		return row
	}
	row[4], row[5] = fmt.Sprintf("%.2f", measured), "no"
	if met {
		row[5] = "yes"
	}
	return row
}
