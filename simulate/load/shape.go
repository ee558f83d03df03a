// Package load makes HTTP traffic of a given shape and measures how it was answered.
//
// The generator is open loop: requests leave when the shape says so, whether or not earlier ones have been answered, as
// the requests of independent users do. A closed loop (N clients that each wait for their answer) slows down together
// with the server it measures and so hides the very delays it should show; Gil Tene named this coordinated omission.
// Latency is measured from the instant a request was meant to leave.
package load

import (
	"fmt"
	"math"
	"time"
)

// Shape is how many requests per second there are as time goes by. Shapes are pure and safe for concurrent use.
type Shape interface {
	// Rate is the requests per second at an elapsed time; 0 or more.
	Rate(at time.Duration) float64
	// Count is the integral of Rate from 0 to at: how many requests are due by then. It never falls.
	Count(at time.Duration) float64
	// End is when the shape is over; 0 means never.
	End() time.Duration
}

// constant is the same rate for ever.
type constant float64

// Constant is the same rate, in requests per second, for ever. It fails on a rate below 0 or above a million.
func Constant(rate float64) (Shape, error) {
	if err := checkRate(rate); err != nil {
		return nil, err
	}
	return constant(rate), nil
}

func (c constant) Rate(time.Duration) float64     { return float64(c) }
func (c constant) Count(at time.Duration) float64 { return float64(c) * at.Seconds() }
func (c constant) End() time.Duration             { return 0 }

// Sine is a rate that swings about a mean, such as a day's: Mean + Amplitude·sin(2π·t/Period). It begins at the mean,
// rising.
type Sine struct {
	Mean      float64       // requests per second, 0 or more
	Amplitude float64       // requests per second, 0..Mean, so that the rate never falls below 0
	Period    time.Duration // of one swing, more than 0
}

// Validate says what is wrong with the sine, naming the field, its value and what was expected.
func (s Sine) Validate() error {
	if err := checkRate(s.Mean); err != nil {
		return fmt.Errorf("mean: %w", err)
	}
	if !(s.Amplitude >= 0 && s.Amplitude <= s.Mean) { // written so that NaN is refused
		return fmt.Errorf("amplitude is %v: expected 0 to the mean, %v, so that the rate never falls below 0", s.Amplitude, s.Mean)
	}
	if s.Period <= 0 {
		return fmt.Errorf("period is %v: expected a duration above 0, such as 60s", s.Period)
	}
	return nil
}

// Rate implements Shape.
func (s Sine) Rate(at time.Duration) float64 {
	return s.Mean + s.Amplitude*math.Sin(s.angle(at))
}

// Count implements Shape. The integral of sin(ωt) from 0 is (1-cos(ωt))/ω.
func (s Sine) Count(at time.Duration) float64 {
	omega := 2 * math.Pi / s.Period.Seconds()
	return s.Mean*at.Seconds() + s.Amplitude*(1-math.Cos(s.angle(at)))/omega
}

// End implements Shape: a sine never ends.
func (s Sine) End() time.Duration { return 0 }

// angle is 2π·t/Period, by the remainder of the period so that it stays exact after many of them.
func (s Sine) angle(at time.Duration) float64 {
	return 2 * math.Pi * float64(at%s.Period) / float64(s.Period)
}

// maxRate is more requests per second than one machine can send; beyond it the arrivals of a second could not even be
// counted in a second, and a load of seconds would go on for hours.
const maxRate = 1e6

// checkRate refuses a rate that is negative, not a number, or beyond what can be sent.
func checkRate(rate float64) error {
	if !(rate >= 0 && rate <= maxRate) {
		return fmt.Errorf("rate is %v: expected requests per second, 0 or more and at most %v", rate, int(maxRate))
	}
	return nil
}
