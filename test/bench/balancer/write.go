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
		for _, p := range w.Proxies {
			switch {
			case p.Error != "":
			case len(p.Tunnel) > 0:
				cpu := time.Duration(over(p.Tunnel, func(r tunnelRound) float64 { return float64(r.CPU) }))
				group.Bars = append(group.Bars, report.Bar{Name: p.Name, Value: float64(cpu), Label: report.Milliseconds(cpu) + " a GB"})
			case p.IdleBytes > 0:
				group.Bars = append(group.Bars, report.Bar{Name: p.Name, Value: p.IdleBytes, Label: fmt.Sprintf("%.1f KB a connection", p.IdleBytes/1e3)})
			case len(p.Change) > 0:
				_, changing := p.change()
				group.Bars = append(group.Bars, report.Bar{Name: p.Name, Value: float64(changing), Label: "p99 " + report.FineMilliseconds(changing) +
					fmt.Sprintf(", %d failed", p.failedByChange())})
			case len(p.Capacity) > 0:
				group.Bars = append(group.Bars, report.Bar{Name: p.Name, Value: float64(p.cpu()), Label: report.Microseconds(p.cpu()) + " a request"})
			}
		}
		if len(group.Bars) > 0 {
			groups = append(groups, group)
		}
	}
	return report.Bars(out, "What load balancers cost: processor time, memory; shorter is better", groups)
}
