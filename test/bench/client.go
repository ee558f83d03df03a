package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// clientReport is what wrk says of its requests.
type clientReport struct {
	requests  int64
	perSecond float64
	p99       time.Duration
}

// runClient sends as many requests as are answered over a number of connections, from the client's core.
func runClient(ctx context.Context, client, address string) (clientReport, error) {
	command := exec.CommandContext(ctx, "taskset", "-c", fmt.Sprint(clientCore), client, "-t", "1", "-c", fmt.Sprint(connections),
		"-d", fmt.Sprintf("%ds", int(proxyTime/time.Second)), "--latency", "http://"+address+"/")
	output, err := command.Output()
	if err != nil {
		return clientReport{}, fmt.Errorf("wrk: %w\n%s", err, output)
	}
	return parseReport(string(output))
}

func parseReport(output string) (report clientReport, err error) {
	if bad := regexp.MustCompile(`(?m)^\s*(Non-2xx.*|Socket errors.*)$`).FindString(output); bad != "" {
		return report, fmt.Errorf("requests failed: %s", bad)
	}
	number := func(pattern string) string {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(output); found != nil {
			return found[1]
		}
		return ""
	}
	if report.requests, err = strconv.ParseInt(number(`(\d+) requests in`), 10, 64); err != nil {
		return report, fmt.Errorf("wrk wrote no number of requests:\n%s", output)
	}
	if report.perSecond, err = strconv.ParseFloat(number(`Requests/sec:\s+([\d.]+)`), 64); err != nil {
		return report, fmt.Errorf("wrk wrote no rate:\n%s", output)
	}
	if report.p99, err = time.ParseDuration(number(`99%\s+([\d.]+[a-z]+)`)); err != nil {
		return report, fmt.Errorf("wrk wrote no latency:\n%s", output)
	}
	return report, nil
}
