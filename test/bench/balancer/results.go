//go:build linux

package main

import (
	"math"
	"slices"
	"strings"
	"time"

	"headroom.dev/headroom/test/bench/generator"
	"headroom.dev/headroom/test/bench/report"
)

// results are all that a run has found. In JSON durations are in nanoseconds and sizes in bytes.
type results struct {
	Machine string
	Peers   []string // with their versions
	Began   time.Time
	Took    time.Duration
	Rounds  int
	Works   []workResult
}

type workResult struct {
	Name, Title string
	Rates       []float64 // requests per second at which latency was measured
	Proxies     []*proxyResult
}

// proxyResult is one proxy in one work. Slices have one element for each round; what a work does not measure is left out.
type proxyResult struct {
	Name        string
	Error       string          `json:",omitempty"` // why it was left out
	Capacity    []capacityRound `json:",omitempty"`
	Latency     []latencyRound  `json:",omitempty"`
	Resident    int64           `json:",omitempty"` // the most memory after a round
	Allocations *float64        `json:",omitempty"` // for each request
	IdleBytes   float64         `json:",omitempty"` // of memory for each idle connection
	Tunnel      []tunnelRound   `json:",omitempty"`
	Change      []changeRound   `json:",omitempty"`
}

type capacityRound struct {
	CPU       time.Duration // user and system, for each request
	PerSecond float64
	Busy      float64 // share of its core that the proxy used
}

type latencyRound struct {
	Share float64 // of the capacity of the slowest fast proxy
	generator.Latency
}

type tunnelRound struct {
	GigabytesPerSecond float64
	CPU                time.Duration // for each gigabyte
}

type changeRound struct{ Steady, Changing generator.Latency }

func (p *proxyResult) setAllocations(count float64) { p.Allocations = &count }

func (p *proxyResult) addLatency(share float64, l generator.Latency) {
	p.Latency = append(p.Latency, latencyRound{share, l})
}

// over is the median of a figure over rounds; NaN where there is none.
func over[R any](rounds []R, figure func(R) float64) float64 {
	values := []float64{}
	for _, round := range rounds {
		values = append(values, figure(round))
	}
	if len(values) == 0 {
		return math.NaN()
	}
	return report.Median(values)
}

// perSecond is how many requests were answered; 0 where none were.
func (p *proxyResult) perSecond() float64 {
	if rate := over(p.Capacity, func(r capacityRound) float64 { return r.PerSecond }); !math.IsNaN(rate) {
		return rate
	}
	return 0
}

// cpu is the processor time for a request.
func (p *proxyResult) cpu() time.Duration {
	return time.Duration(over(p.Capacity, func(r capacityRound) float64 { return float64(r.CPU) }))
}

// at are the rounds of latency at a share.
func (p *proxyResult) at(share float64) []latencyRound {
	return slices.DeleteFunc(slices.Clone(p.Latency), func(r latencyRound) bool { return r.Share != share })
}

// fast are the proxies that are expected to be fast: their slowest sets the rates at which latency is compared.
func fast() []string { return []string{"headroom", "HAProxy", "nginx"} }

// slowestFast is what the slowest fast proxy can do, in requests per second; 0 where none took part.
func (w *workResult) slowestFast() float64 {
	least := 0.0
	for _, p := range w.Proxies {
		if rate := p.perSecond(); slices.Contains(fast(), p.Name) && p.Error == "" && rate > 0 && (least == 0 || rate < least) {
			least = rate
		}
	}
	return least
}

// proxy finds one by its name.
func (w *workResult) proxy(name string) *proxyResult {
	for _, p := range w.Proxies {
		if p.Name == name {
			return p
		}
	}
	return &proxyResult{Name: name}
}

// oneLine is the beginning of an error, for a sentence below a table. HAProxy says first what it is.
func oneLine(err error) string {
	var said []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "[NOTICE]") {
			said = append(said, line)
		}
	}
	text := strings.ToValidUTF8(strings.Join(said, " "), "")
	const most = 240
	if characters := []rune(text); len(characters) > most {
		text = string(characters[:most]) + "…"
	}
	return strings.TrimSuffix(text, ".")
}
