package guard

import (
	"fmt"
	"time"
)

func consecutiveDetail(n int64) string { return fmt.Sprintf("%d errors in a row", n) }

func latencyDetail(own, median float64) string {
	return fmt.Sprintf("time to first byte %v, of the others %v", round(own), round(median))
}

func rateDetail(own, mean float64) string {
	return fmt.Sprintf("%.1f %% of requests succeeded, of all %.1f %%", own*100, mean*100)
}

func round(nanoseconds float64) time.Duration {
	return time.Duration(nanoseconds).Round(100 * time.Microsecond)
}
