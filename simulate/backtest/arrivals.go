package backtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Load is the requests that arrive in each second.
type Load struct {
	Start    time.Time
	Arrivals []float64 // in the second that begins Start + index
}

// mostLength is how long a load may be: 100 days are 8.64 million seconds, 69 MB.
const mostLength = 100 * 24 * time.Hour

// Load spreads a series of requests per second over seconds, in straight lines between its points. With a seed that is not nil, the requests of each second are
// counted at random around that, as those of independent users are (Poisson); the same seed gives the same.
func (s Series) Load(seed *uint64) (Load, error) {
	if len(s) < 2 {
		return Load{}, fmt.Errorf("the load has %d points: expected at least 2", len(s))
	}
	length := s[len(s)-1].At.Sub(s[0].At)
	if length < time.Second || length > mostLength {
		return Load{}, fmt.Errorf("the load lasts %v: expected 1s to 100 days; --last 7d takes its end", length)
	}
	load := Load{Start: s[0].At, Arrivals: make([]float64, int(length/time.Second))}
	var random *rand.Rand
	if seed != nil {
		random = rand.New(rand.NewPCG(*seed, 0))
	}
	for i, piece := 0, 0; i < len(load.Arrivals); i++ {
		at := s[0].At.Add(time.Duration(i)*time.Second + time.Second/2)
		for piece < len(s)-2 && !s[piece+1].At.After(at) {
			piece++
		}
		from, to := s[piece], s[piece+1]
		share := float64(at.Sub(from.At)) / float64(to.At.Sub(from.At))
		rate := from.Value + (to.Value-from.Value)*share
		if random != nil {
			rate = poisson(random, rate)
		}
		load.Arrivals[i] = rate
	}
	return load, nil
}

// poisson draws a count with the mean. From 30 on by the normal distribution, which then differs by less than a hundredth in any quantile that matters
// here; below by Knuth's product of uniforms, which takes time in proportion to the mean.
func poisson(random *rand.Rand, mean float64) float64 {
	if mean >= 30 {
		return math.Max(0, math.Round(mean+math.Sqrt(mean)*random.NormFloat64()))
	}
	limit, product, count := math.Exp(-mean), random.Float64(), 0.0
	for product > limit {
		product *= random.Float64()
		count++
	}
	return count
}
