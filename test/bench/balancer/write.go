//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"headroom.dev/headroom/test/bench/report"
)

// write writes a file in one of the formats, if one is wanted.
func (r results) write(path string, format func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(format(file), file.Close())
}

func (r results) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// writeSVG draws the processor time of each request, and of each gigabyte in tunnels: shorter is better in all.
func (r results) writeSVG(out io.Writer) error {
	groups := []report.Group{}
	for _, w := range r.Works {
		group := report.Group{Title: w.Title}
		for color, p := range w.Proxies {
			if value, label := p.cost(); label != "" {
				group.Bars = append(group.Bars, report.Bar{Name: p.Name, Value: value, Label: label, Color: color})
			}
		}
		if len(group.Bars) > 0 {
			groups = append(groups, group)
		}
	}
	return report.Bars(out, "What load balancers cost: processor time, memory; shorter is better", groups)
}

// cost is what is drawn of a proxy, and how it is written; nothing where it was left out.
func (p *proxyResult) cost() (value float64, label string) {
	switch {
	case p.Error != "":
		return 0, ""
	case len(p.Tunnel) > 0:
		cpu := time.Duration(over(p.Tunnel, func(r tunnelRound) float64 { return float64(r.CPU) }))
		return float64(cpu), report.Milliseconds(cpu) + " a GB"
	case p.Resident > 0 && len(p.Capacity) == 0:
		return p.IdleBytes, fmt.Sprintf("%.1f KB a connection", p.IdleBytes/1e3)
	case len(p.Change) > 0:
		_, changing := p.change()
		return float64(changing), fmt.Sprintf("p99 %s, %d failed", report.FineMilliseconds(changing), p.failedByChange())
	case len(p.Capacity) > 0:
		return float64(p.cpu()), report.Microseconds(p.cpu()) + " a request"
	default:
		return 0, ""
	}
}
