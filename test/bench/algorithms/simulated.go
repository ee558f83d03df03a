//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"headroom.dev/headroom"
	"headroom.dev/headroom/simulate/balance"
	"headroom.dev/headroom/test/bench/report"
)

// compared are the algorithms that do not look at keys or places.
func compared() []headroom.Algorithm {
	return []headroom.Algorithm{headroom.Adaptive, headroom.LeastResponseTime, headroom.LeastConnections, headroom.PowerOfTwo, headroom.RoundRobin}
}

// simulated runs all algorithms in all scenarios.
func simulated(ctx context.Context, svg string, seeds int) error {
	var rows [][]string
	var groups []report.Group
	lowest, near := 0, 0
	for _, scenario := range balance.Scenarios() {
		group := report.Group{Title: scenario.Name + ": " + scenario.Why}
		adaptive, others := time.Duration(0), balance.Failed
		for color, algorithm := range compared() {
			var sum balance.Result
			for seed := range seeds {
				if err := ctx.Err(); err != nil {
					return err
				}
				result, err := balance.Run(scenario, algorithm, uint64(seed+1))
				if err != nil {
					return err
				}
				sum.Add(result)
			}
			p99 := sum.Quantile(0.99)
			if algorithm == headroom.Adaptive {
				adaptive = p99
			} else {
				others = min(others, p99)
			}
			rows = append(rows, []string{scenario.Name, string(algorithm), span(sum.Quantile(0.5)), span(p99), span(sum.Quantile(0.999)),
				fmt.Sprintf("%.3g %%", 100*float64(sum.Errors)/float64(sum.Requests))})
			group.Bars = append(group.Bars, report.Bar{Name: string(algorithm), Label: "p99 " + span(p99), Value: drawn(p99), Color: color})
		}
		groups = append(groups, group)
		if adaptive < others {
			lowest++
		}
		if float64(adaptive) <= 1.05*float64(others) {
			near++
		}
	}
	report.Table(os.Stdout, fmt.Sprintf("Simulated, %d runs of a minute each", seeds), []string{"scenario", "algorithm", "p50", "p99", "p99.9", "errors"}, rows)
	fmt.Printf("\nadaptive has the lowest p99 in %d of %d scenarios, and is within 5 %% of the best in %d\n", lowest, len(groups), near)
	if svg == "" {
		return nil
	}
	file, err := os.Create(svg)
	if err != nil {
		return err
	}
	if err := report.Bars(file, "Response times by algorithm and scenario, simulated", groups); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// longest is where bars end: what is longer has no end for who waits.
const longest = 200 * time.Millisecond

func drawn(d time.Duration) float64 { return float64(min(d, longest)) }

func span(d time.Duration) string {
	if d == balance.Failed {
		return "an error"
	}
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
