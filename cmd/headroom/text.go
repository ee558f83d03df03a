package main

import (
	"fmt"
	"strconv"
	"time"

	"headroom.dev/headroom"
)

// unknownText stands for a number that could not be read; a dash stands for one that there is not.
const unknownText = "?"

// latencyText writes a latency that may not be known, since nothing was answered.
func latencyText(d *headroom.Duration) string {
	if d == nil {
		return ""
	}
	return headroom.ShortDuration(time.Duration(*d))
}

// ageText says how long ago something was, in one unit: 12s, 4m, 3h, 2d.
func ageText(now, then time.Time) string {
	if then.IsZero() {
		return ""
	}
	switch age := max(now.Sub(then), 0); {
	case age < 2*time.Minute:
		return fmt.Sprintf("%ds", int(age.Seconds()))
	case age < 2*time.Hour:
		return fmt.Sprintf("%dm", int(age.Minutes()))
	case age < 48*time.Hour:
		return fmt.Sprintf("%dh", int(age.Hours()))
	default:
		return fmt.Sprintf("%dd", int(age.Hours()/24))
	}
}

// clockText is the time of day where now is, with the date where it is not today's.
func clockText(now, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.In(now.Location())
	if at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return at.Format("15:04:05")
	}
	return at.Format("2006-01-02 15:04:05")
}

func countText(n *int) string {
	if n == nil {
		return unknownText
	}
	return strconv.Itoa(*n)
}

// rateText writes a rate with one digit behind the point where that matters.
func rateText(perSecond float64) string {
	if perSecond >= 1000 {
		return strconv.FormatFloat(perSecond, 'f', 0, 64)
	}
	return strconv.FormatFloat(perSecond, 'f', 1, 64)
}

// percentText writes a reading in percent, or that it is unknown.
func percentText(reading headroom.Reading) string {
	if reading.PerReplica == nil {
		return unknownText
	}
	return strconv.FormatFloat(*reading.PerReplica, 'f', 0, 64) + "%"
}

// plainNumber writes a number as a person would: 70, 0.5, 1250.
func plainNumber(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// amountText is a number of a metric with its unit: "70%", "50 requests/s".
func amountText(value float64, metric headroom.Metric) string {
	unit := metric.Unit()
	if unit == "%" || unit == "" {
		return plainNumber(value) + unit
	}
	return plainNumber(value) + " " + unit
}

// plural is "1 replica", "2 replicas".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}
