//go:build linux

package contender

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// metricReader reads how many objects the heap of a Go program has handed out from its metrics in the text format of
// Prometheus.
func metricReader(url string) func() (uint64, error) {
	client := &http.Client{Timeout: 10 * time.Second}
	return func() (uint64, error) {
		response, err := client.Get(url)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			if value, found := strings.CutPrefix(lines.Text(), "go_memstats_mallocs_total "); found {
				count, err := strconv.ParseFloat(value, 64)
				return uint64(count), err
			}
		}
		return 0, fmt.Errorf("%s has no go_memstats_mallocs_total: %s", url, response.Status)
	}
}
