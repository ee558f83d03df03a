package backtest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Unit is what the values of a series count.
type Unit string

// The units of load.
const (
	PerSecond   Unit = "per-second"   // requests per second
	PerMinute   Unit = "per-minute"   // requests in a minute
	PerInterval Unit = "per-interval" // requests since the row before
	CPU         Unit = "cpu"          // percent of one replica's processor, all replicas together: 250 keeps two and a half replicas busy
)

// Units lists the units of load.
func Units() []Unit { return []Unit{PerSecond, PerMinute, PerInterval, CPU} }

// Point is a load at a time.
type Point struct {
	At    time.Time
	Value float64 // 0 or more
}

// Series is load over time, in order of time.
type Series []Point

// mostRate is more requests per second than a thousand replicas of any service take.
const mostRate = 1e9

// ReadCSV reads rows of a time and a value, with a header or without. Times are unix seconds or RFC 3339 and grow. Errors name the line, the value and
// what was expected.
func ReadCSV(r io.Reader) (Series, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = -1 // counted here, for a message of our own
	rows.ReuseRecord = true
	rows.TrimLeadingSpace = true
	var series Series
	for first := true; ; first = false {
		fields, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("load: %w", err) // csv names the line itself
		}
		point, err := parsePoint(fields)
		if err != nil && first {
			continue // the header
		}
		line, _ := rows.FieldPos(0)
		if err != nil {
			return nil, fmt.Errorf("load line %d: %w", line, err)
		}
		if n := len(series); n > 0 && !point.At.After(series[n-1].At) {
			return nil, fmt.Errorf("load line %d: time is %q: expected one after %s, that of the row before",
				line, fields[0], series[n-1].At.UTC().Format(time.RFC3339))
		}
		series = append(series, point)
	}
	if len(series) < 2 {
		return nil, fmt.Errorf("load has %d rows: expected at least 2 of time,value", len(series))
	}
	return series, nil
}

func parsePoint(fields []string) (Point, error) {
	if len(fields) != 2 {
		return Point{}, fmt.Errorf("%d fields: expected 2, time,value", len(fields))
	}
	at, err := parseTime(strings.TrimPrefix(strings.TrimSpace(fields[0]), "\ufeff"))
	if err != nil {
		return Point{}, err
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(fields[1]), 64)
	if err != nil || !(value >= 0) || math.IsInf(value, 1) {
		return Point{}, fmt.Errorf("value is %q: expected a number, 0 or more", fields[1])
	}
	return Point{at, value}, nil
}

// mostSeconds is the end of the year 9999; RFC 3339 has no later one.
const mostSeconds = 253402300799

func parseTime(text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0 && seconds <= mostSeconds) {
		return time.Time{}, fmt.Errorf("time is %q: expected unix seconds such as 804556800, or RFC 3339 such as 1995-07-01T00:00:00Z", text)
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), nil
}

// Rates turns the values into requests per second, times a scale. Of CPU a request is one percent of a replica's processor for a second, so that a replica's
// capacity is 100.
func (s Series) Rates(unit Unit, scale float64) (Series, error) {
	if !(scale > 0) || math.IsInf(scale, 1) {
		return nil, fmt.Errorf("scale is %v: expected a number above 0, such as 0.5", scale)
	}
	rates := make(Series, len(s))
	for i, p := range s {
		value := p.Value * scale
		switch unit {
		case PerSecond, CPU:
		case PerMinute:
			value /= 60
		case PerInterval:
			// The first row has none before it: its interval is taken to be as long as the second's.
			from := max(i, 1)
			value /= s[from].At.Sub(s[from-1].At).Seconds()
		default:
			return nil, fmt.Errorf("load unit is %q: expected %s, %s, %s or %s", unit, PerSecond, PerMinute, PerInterval, CPU)
		}
		if !(value <= mostRate) {
			return nil, fmt.Errorf("load at %s is %v requests/s: expected at most %v: give a smaller scale, which is %v",
				p.At.UTC().Format(time.RFC3339), value, float64(mostRate), scale)
		}
		rates[i] = Point{p.At, value}
	}
	return rates, nil
}

// Last keeps the end of the series; all of it where it is not longer. Zero keeps all.
func (s Series) Last(length time.Duration) Series {
	if length <= 0 || len(s) == 0 {
		return s
	}
	from := s[len(s)-1].At.Add(-length)
	for i := range s {
		if !s[i].At.Before(from) && len(s)-i >= 2 {
			return s[i:]
		}
	}
	return s
}
