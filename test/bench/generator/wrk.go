//go:build linux

package generator

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"headroom.dev/headroom/test/bench/program"
)

// Capacity is what was answered when each answer is followed by the next request.
type Capacity struct {
	Requests  int64
	PerSecond float64
	P99       time.Duration // 0 where it is not told
}

// Wrk sends as many requests as are answered over a number of connections by wrk(1). Further arguments are wrk's.
func Wrk(ctx context.Context, cores, url string, connections int, d time.Duration, args ...string) (Capacity, error) {
	// wrk takes whole seconds.
	all := append([]string{"-t", "1", "-c", fmt.Sprint(connections), "-d", fmt.Sprintf("%ds", max(1, int(d.Round(time.Second)/time.Second))),
		"--latency"}, args...)
	output, err := program.Output(ctx, cores, "wrk", append(all, url)...)
	if err != nil {
		return Capacity{}, err
	}
	return parseWrk(output)
}

func parseWrk(output string) (c Capacity, err error) {
	if bad := regexp.MustCompile(`(?m)^\s*(Non-2xx.*|Socket errors.*)$`).FindString(output); bad != "" {
		return c, fmt.Errorf("requests failed: %s", bad)
	}
	if c.Requests, err = strconv.ParseInt(group(output, `(\d+) requests in`), 10, 64); err != nil {
		return c, fmt.Errorf("wrk wrote no number of requests:\n%s", output)
	}
	if c.PerSecond, err = strconv.ParseFloat(group(output, `Requests/sec:\s+([\d.]+)`), 64); err != nil {
		return c, fmt.Errorf("wrk wrote no rate:\n%s", output)
	}
	if c.P99, err = time.ParseDuration(group(output, `99%\s+([\d.]+[a-z]+)`)); err != nil {
		return c, fmt.Errorf("wrk wrote no latency:\n%s", output)
	}
	return c, nil
}

// group is what the first group of a pattern matches; empty where nothing does.
func group(text, pattern string) string {
	if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}
