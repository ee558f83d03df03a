package backtest

import (
	"math"
	"time"
)

// scheduled has what the same hour of the week needed at its peak before: what a person who looks at last week's graph writes into a schedule. An hour
// that it has not seen is taken from the day before, and on the first day from the peak so far.
type scheduled struct {
	target float64
	weeks  [7 * 24]float64 // peak of each hour of the week; below zero is not seen
	days   [24]float64
	peak   float64
	sum    float64
	hour   time.Time
	most   float64 // of this hour
}

func newSchedule(w World) *scheduled {
	s := &scheduled{target: w.target(), hour: w.Load.Start.UTC().Truncate(time.Hour)}
	for i := range s.weeks {
		s.weeks[i] = -1
	}
	for i := range s.days {
		s.days[i] = -1
	}
	return s
}

func (s *scheduled) Begin(given int) int {
	s.peak = float64(given) * s.target
	return given
}

func (s *scheduled) Next(now *Second) int {
	// Means over a minute: a person plans for the curve and not for its noise.
	s.sum += *now.Observation.Signals["requests-per-second"].Fast.Total
	if now.Index%60 == 0 {
		s.most, s.peak = math.Max(s.most, s.sum/60), math.Max(s.peak, s.sum/60)
		s.sum = 0
	}
	if hour := now.At.Truncate(time.Hour); hour.After(s.hour) {
		week, day := slots(s.hour)
		s.weeks[week], s.days[day] = s.most, s.most
		s.hour, s.most = hour, 0
	}
	if now.Index%60 != 0 {
		return now.Wanted
	}
	week, day := slots(s.hour)
	switch {
	case s.weeks[week] >= 0:
		return replicasFor(s.weeks[week], s.target)
	case s.days[day] >= 0:
		return replicasFor(s.days[day], s.target)
	default:
		return replicasFor(s.peak, s.target)
	}
}

func slots(t time.Time) (week, day int) {
	return int(t.Weekday())*24 + t.Hour(), t.Hour()
}
