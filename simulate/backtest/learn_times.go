package backtest

import (
	"math"
	"slices"
)

// timeShares cut requests into those at most so slow: finer where a quantile of objectives is.
var timeShares = [mostTimes]float64{0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.995, 1}

// sharesOf makes a few shares of counts by the upper ends of their buckets. In a bucket requests are taken to be spread evenly over a width such that the whole has
// the mean that was measured: buckets are 12 to 25 % wide, and the mean is exact.
func sharesOf(counts map[float64]float64, mean float64) []Share {
	buckets := bucketsOf(counts)
	if len(buckets) == 0 {
		return nil
	}
	total, low, high := 0.0, 0.0, 0.0
	for _, b := range buckets {
		total += b.count
		low += b.count * b.from
		high += b.count * b.to
	}
	if total <= 0 || high <= low {
		return nil
	}
	// at is where in its bucket a request is on average, 0 to 1.
	at := math.Min(math.Max((mean*total-low)/(high-low), 0), 1)
	half := math.Min(at, 1-at)
	var shares []Share
	next, before := 0, 0.0
	for i, upTo := range timeShares {
		sum, left := 0.0, (upTo-before)*total
		for left > 1e-9*total && next < len(buckets) {
			b := &buckets[next]
			taken := math.Min(left, b.count-b.taken)
			middle := at - half + 2*half*(b.taken+taken/2)/b.count
			sum += taken * (b.from + (b.to-b.from)*middle)
			b.taken += taken
			left -= taken
			if b.count-b.taken <= 1e-9*total {
				next++
			}
		}
		count := (upTo-before)*total - left
		before = upTo
		if i == len(timeShares)-1 {
			before = 1
		}
		if count > 0 {
			shares = append(shares, Share{count / total, seconds(sum / count)})
		}
	}
	return shares
}

// timeBucket counts requests between two times in seconds.
type timeBucket struct{ from, to, count, taken float64 }

func bucketsOf(counts map[float64]float64) []timeBucket {
	ends := make([]float64, 0, len(counts))
	for end := range counts {
		ends = append(ends, end)
	}
	slices.Sort(ends)
	var buckets []timeBucket
	from := 0.0
	for _, end := range ends {
		to := end
		if math.IsInf(end, 1) {
			to = from // nothing is known of how much slower
		}
		if counts[end] > 0 {
			buckets = append(buckets, timeBucket{from: from, to: to, count: counts[end]})
		}
		from = to
	}
	return buckets
}
