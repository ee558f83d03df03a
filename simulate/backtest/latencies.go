package backtest

import (
	"math"
	"time"
)

// latencies counts requests by how long they took, in buckets that grow by 2^(1/16), 4.4 %. From 0.1 ms up to two hours.
type latencies struct {
	counts [bucketCount]float64
	total  float64
}

const (
	bucketCount      = 16 * 26
	bucketsPerOctave = 16
	shortest         = 1e-4 // seconds
)

// part is a number of requests in one bucket.
type part struct {
	bucket int
	count  float64
}

// tailParts cut an exponential tail into parts: the share of each, and where its middle is in means.
var tailParts = [...]struct{ share, means float64 }{
	{0.5, 0.2877},  // −ln(1 − 0.25)
	{0.3, 1.0498},  // −ln(1 − 0.65)
	{0.15, 2.0794}, // −ln(1 − 0.875)
	{0.04, 3.5066}, // −ln(1 − 0.97)
	{0.01, 5.2983}, // −ln(1 − 0.995)
}

// parts is how long the requests that came in a second took, in few pieces.
type parts struct {
	list  [2*pieces + mostTimes*(1+len(tailParts))]part
	count int
}

func (p *parts) add(seconds, count float64) {
	if count <= 0 {
		return
	}
	p.list[p.count] = part{bucketOf(seconds), count}
	p.count++
}

// spread cuts the requests of a second that are answered into parts.
func (s *served) spread() parts {
	var p parts
	lost := math.Min(s.failed, s.arrivals)
	if s.arrivals <= lost {
		return p
	}
	share, free := 1-lost/s.arrivals, s.arrivals
	for _, wave := range s.waves[:s.waveCount] {
		p.add(s.service+wave.delay, wave.count*share)
		free -= wave.count
	}
	if sliver := 1e-9 * s.arrivals; free <= sliver {
		return p
	}
	if s.times == nil {
		s.spreadOne(&p, s.service, free*share)
	}
	for _, one := range s.times {
		s.spreadOne(&p, one.Time.Seconds(), free*share*one.Share)
	}
	return p
}

// spreadOne adds requests that take so long when they do not wait, and wait because arrivals bunch.
func (s *served) spreadOne(p *parts, seconds, count float64) {
	const negligible = 1e-5
	if s.queueing < negligible {
		p.add(seconds, count)
		return
	}
	p.add(seconds, count*(1-s.queueing))
	for _, tail := range tailParts {
		p.add(seconds+s.tail*tail.means, count*s.queueing*tail.share)
	}
}

// slow is the share of the requests that arrived whose answer takes longer than a limit in seconds, if the ready replicas stay.
func (s *served) slow(limit float64) float64 {
	switch {
	case s.capacity == 0 || s.arrivals == 0 && s.waveCount > 0:
		return 0 // they failed
	case s.waveCount == 0:
		return s.beyond(limit)
	}
	free, slow := s.arrivals, 0.0
	for _, wave := range s.waves[:s.waveCount] {
		slow += wave.count * s.beyond(limit-wave.delay)
		free -= wave.count
	}
	return (slow + math.Max(free, 0)*s.beyond(limit)) / s.arrivals
}

// beyond is the share that takes longer where nobody stands in line: by itself, or because arrivals bunch.
func (s *served) beyond(limit float64) float64 {
	if s.times == nil {
		return s.waits(limit - s.service)
	}
	share := 0.0
	for _, one := range s.times {
		share += one.Share * s.waits(limit-one.Time.Seconds())
	}
	return share
}

// waits is the share that waits longer than so many seconds because arrivals bunch.
func (s *served) waits(longer float64) float64 {
	switch {
	case longer < 0:
		return 1
	case s.queueing == 0:
		return 0
	}
	return s.queueing * math.Exp(-longer/s.tail)
}

func bucketOf(seconds float64) int {
	if seconds <= shortest {
		return 0
	}
	return min(int(math.Log2(seconds/shortest)*bucketsPerOctave), bucketCount-1)
}

func (l *latencies) add(p *parts) {
	for _, one := range p.list[:p.count] {
		l.counts[one.bucket] += one.count
		l.total += one.count
	}
}

// remove takes away what was added before. Rounding must not leave less than nothing.
func (l *latencies) remove(p *parts) {
	for _, one := range p.list[:p.count] {
		l.counts[one.bucket] = math.Max(0, l.counts[one.bucket]-one.count)
		l.total = math.Max(0, l.total-one.count)
	}
}

// quantile is the middle of the bucket in which it lies; false where there are no requests. It is looked for from the slow end, where the high ones are.
func (l *latencies) quantile(q float64) (time.Duration, bool) {
	const none = 1e-9
	if l.total <= none {
		return 0, false
	}
	above := l.total * (1 - q)
	for i := bucketCount - 1; i >= 0; i-- {
		above -= l.counts[i]
		if l.counts[i] > none && above < 0 {
			return middle(i), true
		}
	}
	return 0, false
}

// middle is the time that a bucket stands for.
func middle(bucket int) time.Duration {
	return time.Duration(shortest * math.Exp2((float64(bucket)+0.5)/bucketsPerOctave) * float64(time.Second))
}
