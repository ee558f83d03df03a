package backtest

import "math"

// Step scaling as AWS has it: alarms on one-minute means, and steps by how far the mean is from the target. Bounds and steps are those of the
// example in the documentation of EC2 Auto Scaling (60 to 70 % add 10 %, more adds 30 %; 40 to 30 % removes 10 %, less removes 30 %), in parts of its middle of 50 %.
const (
	alarmPeriod  = 60 // seconds, the shortest of detailed monitoring
	alarmDelay   = 60 // seconds until a period can be read
	highPeriods  = 2  // in a row
	lowPeriods   = 5  // in a row
	warmUpPeriod = 300
	highStep     = 1.2
	higherStep   = 1.4
	lowStep      = 0.8
	lowerStep    = 0.6
)

// stepScaling adds and removes by steps.
type stepScaling struct {
	target    float64 // requests per second of a replica
	sum       float64
	ready     float64
	last      float64 // mean of the period that cannot be read yet
	high, low int
	changed   int // second of the last change
}

func newStep(w World) *stepScaling { return &stepScaling{target: w.target(), changed: -warmUpPeriod} }

func (s *stepScaling) Begin(given int) int { return given }

func (s *stepScaling) Next(now *Second) int {
	s.sum += now.Answered
	s.ready += float64(*now.Observation.Replicas.Ready)
	if now.Index%alarmPeriod != 0 {
		return now.Wanted
	}
	readable := s.last
	s.last, s.sum, s.ready = s.sum/math.Max(s.ready, 1)/s.target, 0, 0
	if now.Index < alarmPeriod+alarmDelay {
		return now.Wanted
	}
	s.high, s.low = count(s.high, readable >= highStep), count(s.low, readable <= lowStep)
	share := 0.0
	switch {
	case s.high >= highPeriods && readable >= higherStep:
		share = 0.3
	case s.high >= highPeriods:
		share = 0.1
	case s.low >= lowPeriods && readable <= lowerStep:
		share = -0.3
	case s.low >= lowPeriods:
		share = -0.1
	}
	// Until the replicas of the last step have warmed up they count as there, and nothing is removed.
	if share == 0 || share < 0 && now.Index-s.changed < warmUpPeriod {
		return now.Wanted
	}
	s.changed = now.Index
	step := int(math.Max(1, math.Floor(math.Abs(share)*float64(now.Wanted))))
	if share < 0 {
		step = -step
	}
	return max(now.Wanted+step, 0)
}

func count(n int, holds bool) int {
	if holds {
		return n + 1
	}
	return 0
}
