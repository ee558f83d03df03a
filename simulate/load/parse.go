package load

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Parse reads a shape as users write it:
//
//	50                               50 requests per second for ever
//	10s@50,20s@250                   steps: 50 for 10 s, then 250 for 20 s
//	10s@50,30s@50..250               a ramp: evenly from 50 to 250 in 30 s
//	sine:mean=100,amplitude=50,period=60s
//
// Errors name the part that is wrong and show what was expected.
func Parse(text string) (Shape, error) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "sine:"); ok {
		return parseSine(rest)
	}
	if strings.Contains(text, "@") {
		return ParseSteps(text)
	}
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("load shape %q: expected a rate such as 50, steps such as 10s@50,20s@250, or "+
			"sine:mean=100,amplitude=50,period=60s", text)
	}
	return Constant(rate)
}

// ParseSteps reads steps and ramps: a list of DURATION@RATE and DURATION@RATE..RATE, joined by commas.
func ParseSteps(text string) (Shape, error) {
	var shape pieces
	for i, step := range strings.Split(text, ",") {
		step = strings.TrimSpace(step)
		wrong := func(what string) error {
			return fmt.Errorf("step %d, %q: %s; expected DURATION@RATE such as 10s@50, or 10s@50..250 for a ramp", i+1, step, what)
		}
		length, rates, ok := strings.Cut(step, "@")
		if !ok {
			return nil, wrong("no @")
		}
		duration, err := time.ParseDuration(length)
		if err != nil || duration <= 0 {
			return nil, wrong(fmt.Sprintf("%q is not a duration above 0", length))
		}
		from, to, ramp := strings.Cut(rates, "..")
		if !ramp {
			to = from
		}
		first, err := parseRate(from)
		if err != nil {
			return nil, wrong(err.Error())
		}
		last, err := parseRate(to)
		if err != nil {
			return nil, wrong(err.Error())
		}
		if shape, err = shape.then(duration, first, last); err != nil {
			return nil, wrong(err.Error())
		}
	}
	return shape, nil
}

func parseRate(text string) (float64, error) {
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a rate", text)
	}
	return rate, checkRate(rate)
}

// parseSine reads mean=R,amplitude=R,period=D in any order.
func parseSine(text string) (Shape, error) {
	var s Sine
	for _, field := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		var err error
		switch name {
		case "mean":
			s.Mean, err = strconv.ParseFloat(value, 64)
		case "amplitude":
			s.Amplitude, err = strconv.ParseFloat(value, 64)
		case "period":
			s.Period, err = time.ParseDuration(value)
		default:
			return nil, fmt.Errorf("sine: unknown field %q: expected mean, amplitude and period", name)
		}
		if err != nil {
			return nil, fmt.Errorf("sine: %s is %q: expected a number for mean and amplitude, a duration such as 60s for period", name, value)
		}
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("sine: %w", err)
	}
	return s, nil
}
