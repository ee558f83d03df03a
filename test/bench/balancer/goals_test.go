//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"headroom.dev/headroom/test/bench/generator"
)

func proxyAt(name string, cpu time.Duration, perSecond float64) *proxyResult {
	return &proxyResult{Name: name, Capacity: []capacityRound{{CPU: cpu, PerSecond: perSecond}}}
}

func TestTheSlowestFastProxySetsTheRate(t *testing.T) {
	w := workResult{Proxies: []*proxyResult{
		proxyAt("headroom", 1, 30e3), proxyAt("HAProxy", 1, 20e3), proxyAt("nginx", 1, 10e3), proxyAt("Caddy", 1, 5e3),
	}}
	w.proxy("nginx").Error = "has ended"
	if got := w.slowestFast(); got != 20e3 {
		t.Errorf("got %g", got)
	}
}

func TestAGoalIsMetByTheRatioOfMedians(t *testing.T) {
	own := &proxyResult{Name: "headroom"}
	for _, micros := range []time.Duration{30, 9, 8} { // the median is 9
		own.Capacity = append(own.Capacity, capacityRound{CPU: micros * time.Microsecond})
	}
	own.addLatency(0.5, generator.Latency{P99: 3 * time.Millisecond})
	peer := proxyAt("HAProxy", 10*time.Microsecond, 0)
	peer.addLatency(0.5, generator.Latency{P99: 2 * time.Millisecond})
	w := workResult{Name: "small", Proxies: []*proxyResult{own, peer}}
	rows := map[string]string{}
	for _, goal := range goals() {
		row := goal.row(w)
		rows[row[1]+" "+row[2]] = strings.Join(row[3:], " ")
	}
	for name, want := range map[string]string{
		"CPU/request HAProxy":      "≤ 1.2 0.90 yes", // the last of the three goals by that name
		"p99 at 50 % HAProxy":      "≤ 1 1.50 no",
		"p99 at 80 % HAProxy":      "≤ 1 – –",
		"CPU/request nginx":        "≤ 1 – –",
		"throughput HAProxy":       "≥ 0.95 – –",
		"failed requests –":        "≤ 0 – –",
		"KB for each connection –": "≤ 5 – –",
	} {
		if rows[name] != want {
			t.Errorf("%s: got %q, want %q", name, rows[name], want)
		}
	}
}

func TestAllResultsCanBeWritten(t *testing.T) {
	all := results{Works: []workResult{
		{Name: "small", Title: "small", Proxies: []*proxyResult{proxyAt("headroom", time.Microsecond, 1), {Name: "HAProxy", Error: "has ended"}}},
		{Name: "tcp", Title: "tcp", Proxies: []*proxyResult{{Name: "headroom", Tunnel: []tunnelRound{{1.5, 250 * time.Millisecond}}}}},
		{Name: "idle", Title: "idle", Proxies: []*proxyResult{{Name: "headroom", IdleBytes: 4200, Resident: 1}}},
		{Name: "change", Title: "change", Proxies: []*proxyResult{{Name: "headroom", Change: []changeRound{{}}}}},
	}}
	var page, data, picture strings.Builder
	all.print(&page)
	if err := all.writeJSON(&data); err != nil {
		t.Error(err)
	}
	if err := all.writeSVG(&picture); err != nil {
		t.Error(err)
	}
	for text, parts := range map[string][]string{
		page.String(): {"| headroom | 1.0 µs | 1.00 | 1000000 |", "HAProxy is left out: has ended.", "| headroom | 1.50 GB/s | 250 ms |",
			"| headroom | 4.2 KB |"},
		data.String():    {`"IdleBytes": 4200`},
		picture.String(): {"1.0 µs a request", "250 ms a GB", "4.2 KB a connection"},
	} {
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("there is no %q in\n%s", part, text)
			}
		}
	}
}
